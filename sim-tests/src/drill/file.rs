//! The file as it is written.

use serde::Deserialize;
use toml::Spanned;

use super::error::DrillError;
use super::fields::FaultTable;
use super::quantity::{Millis, Spread};
use crate::plan::{Consistency, Durability, Latency, Level, RegionShape, Shape};

/// Everything that a drill says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default = "name_default")]
    pub(super) name: String,
    #[serde(default = "level_default")]
    pub(super) level: Level,
    #[serde(default = "lasts_default")]
    pub(super) lasts: Millis,
    #[serde(default = "lasts_default")]
    pub(super) converges_within: Millis,
    #[serde(default)]
    region: Vec<Region>,
    replicas_per_region: Option<u32>,
    #[serde(default)]
    latency: LinkLatency,
    #[serde(default)]
    session: Policy,
    #[serde(default)]
    pub(super) workload: Workload,
    #[serde(default)]
    pub(super) fault: Vec<Spanned<FaultTable>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Region {
    name: String,
    nodes: u16,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct LinkLatency {
    within_region: Spread,
    between_regions: Spread,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Policy {
    idle_timeout: Millis,
    absolute_timeout: Millis,
}

/// What users do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Workload {
    pub(super) clients: u16,
    pub(super) sessions: u32,
    pub(super) calls_per_second: f64,
    pub(super) roaming_percent: u8,
    pub(super) consistency: Consistency,
    pub(super) durability: Durability,
    pub(super) call_timeout: Millis,
    pub(super) mix: Mix,
}

/// Shares of each kind of call.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Mix {
    pub(super) read: u32,
    pub(super) set: u32,
    pub(super) remove: u32,
    pub(super) add: u32,
    pub(super) add_member: u32,
    pub(super) remove_member: u32,
    pub(super) login: u32,
    pub(super) touch: u32,
    pub(super) revoke: u32,
}

impl Default for LinkLatency {
    fn default() -> Self {
        Self {
            within_region: Spread(Latency { us_min: 200, us_max: 500 }),
            between_regions: Spread(Latency { us_min: 40_000, us_max: 50_000 }),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self { idle_timeout: Millis(30 * 60_000), absolute_timeout: Millis(12 * 3_600_000) }
    }
}

impl Default for Workload {
    fn default() -> Self {
        Self {
            clients: 6,
            sessions: 12,
            calls_per_second: 4.0,
            roaming_percent: 10,
            consistency: Consistency::LocalOne,
            durability: Durability::Synced,
            call_timeout: Millis(3_000),
            mix: Mix { read: 70, set: 15, touch: 10, login: 3, revoke: 2, ..Mix::default() },
        }
    }
}

fn name_default() -> String {
    "drill".to_owned()
}

fn level_default() -> Level {
    Level::Full
}

fn lasts_default() -> Millis {
    Millis(60_000)
}

fn check(holds: bool, detail: &str) -> Result<(), DrillError> {
    if holds { Ok(()) } else { Err(DrillError::whole(detail)) }
}

impl File {
    /// Refuses what cannot be run.
    pub(super) fn validate(&self) -> Result<(), DrillError> {
        let names: Vec<&str> = self.region.iter().map(|region| region.name.as_str()).collect();
        check(!names.is_empty(), "no region: write at least one [[region]] with `name` and `nodes`")?;
        check(names.len() <= 16, "at most 16 regions are allowed")?;
        for (index, region) in self.region.iter().enumerate() {
            let said = format!("region {:?}", region.name);
            check(!region.name.is_empty(), "a region's name is empty")?;
            check(!names[..index].contains(&region.name.as_str()), &format!("{said} is there twice"))?;
            check((1..=16).contains(&region.nodes), &format!("{said}: `nodes` must be from 1 to 16"))?;
        }
        check((1_000..=86_400_000).contains(&self.lasts.0), "`lasts` must be from 1s to 24h")?;
        check(self.converges_within.0 > 0, "`converges_within` must be positive")?;
        let replicas = self.replicas_per_region.unwrap_or(1);
        check((1..=16).contains(&replicas), "`replicas_per_region` must be from 1 to 16")?;
        let (idle_ms, absolute_ms) = (self.session.idle_timeout.0, self.session.absolute_timeout.0);
        check(idle_ms >= 1_000, "`session.idle_timeout` must be at least 1s")?;
        check(idle_ms <= absolute_ms, "`session.idle_timeout` must not be more than `absolute_timeout`")?;
        self.workload.validate(self.lasts.0)
    }

    /// The cluster. Sessions are counted by the workload.
    pub(super) fn shape(&self) -> Shape {
        let largest = self.region.iter().map(|region| u32::from(region.nodes)).max().unwrap_or(1);
        let regions =
            self.region.iter().map(|region| RegionShape { name: region.name.clone(), nodes: region.nodes });
        let nodes: u16 = self.region.iter().map(|region| region.nodes).sum();
        Shape {
            regions: regions.collect(),
            replicas_per_region: self.replicas_per_region.unwrap_or(3).min(largest),
            partition_count: 8,
            lan: self.latency.within_region.0,
            wan: self.latency.between_regions.0,
            sessions: 0,
            clients: self.workload.clients,
            idle_timeout_ms: self.session.idle_timeout.0,
            absolute_timeout_ms: self.session.absolute_timeout.0,
            clock_offsets_ms: vec![0; usize::from(nodes)],
            clock_offset_ms_max: 500,
            sync_interval_ms: 100,
            checkpoint_interval_ms: 5_000,
            sweep_interval_ms: 600_000,
            removal_margin_ms: 60_000,
            log_disk_bytes_max: 256 << 20,
            block_bytes_max: 64 << 10,
            cache_bytes_max: 256 << 20,
            buffer_bytes_max: 16 << 20,
            sync_us: Latency { us_min: 200, us_max: 2_000 },
            snapshot_entries: None,
            transfer_chunk_bytes_max: None,
        }
    }
}

impl Workload {
    fn validate(&self, lasts_ms: u64) -> Result<(), DrillError> {
        check((1..=1_000).contains(&self.clients), "`workload.clients` must be from 1 to 1000")?;
        check((1..=10_000).contains(&self.sessions), "`workload.sessions` must be from 1 to 10000")?;
        let rate = self.calls_per_second;
        check(
            rate > 0.0 && rate <= 10_000.0,
            "`workload.calls_per_second` must be more than 0 and at most 10000",
        )?;
        let calls = rate * lasts_ms as f64 / 1e3;
        check(calls <= 1e6, "`workload.calls_per_second` times `lasts` must be at most 1000000 calls")?;
        check(self.roaming_percent <= 100, "`workload.roaming_percent` must be from 0 to 100")?;
        check(self.call_timeout.0 > 0, "`workload.call_timeout` must be positive")?;
        check(
            self.mix.shares().iter().any(|share| *share > 0),
            "every share of `workload.mix` is 0: nothing to do",
        )
    }
}

impl Mix {
    /// In the order of the fields.
    pub(super) fn shares(&self) -> [u32; 9] {
        let Self { read, set, remove, add, add_member, remove_member, login, touch, revoke } = *self;
        [read, set, remove, add, add_member, remove_member, login, touch, revoke]
    }
}
