//! The cluster that scenes are played on.

use sojourn_node::env::{Rng, StdRng};

use crate::plan::{Latency, Level, RegionShape, Shape};

/// How long replicas may take to be equal after a scene.
pub(super) const CONVERGE_MS_MAX: u64 = 60_000;

const REGIONS: [&str; 3] = ["eu", "us", "ap"];
const NODES_A_REGION: u16 = 3;
const CLOCK_OFFSET_MS_MAX: u64 = 500;
const HOUR_MS: u64 = 3_600_000;

/// Three regions; the full level has fewer nodes, since each takes its time.
pub(super) fn shape(rng: &mut StdRng, level: Level) -> Shape {
    let nodes = match level {
        Level::Core => NODES_A_REGION,
        Level::Full => 2,
    };
    let half = (CLOCK_OFFSET_MS_MAX / 2) as i64;
    Shape {
        regions: REGIONS.iter().map(|name| RegionShape { name: (*name).to_owned(), nodes }).collect(),
        replicas_per_region: u32::from(nodes),
        partition_count: 4,
        lan: Latency { us_min: 100, us_max: 500 },
        wan: Latency { us_min: 20_000, us_max: 60_000 },
        sessions: 0,
        clients: 6,
        idle_timeout_ms: 30 * 60_000,
        absolute_timeout_ms: 12 * HOUR_MS,
        clock_offsets_ms: REGIONS
            .iter()
            .flat_map(|_| 0..nodes)
            .map(|_| rng.random_range(-half..=half))
            .collect(),
        clock_offset_ms_max: CLOCK_OFFSET_MS_MAX,
        sync_interval_ms: 50,
        checkpoint_interval_ms: 2_000,
        sweep_interval_ms: 5_000,
        removal_margin_ms: 60_000,
        log_disk_bytes_max: 64 << 20,
        block_bytes_max: 16 << 10,
        cache_bytes_max: 64 << 20,
        buffer_bytes_max: 16 << 20,
        sync_us: Latency { us_min: 100, us_max: 2_000 },
        snapshot_entries: None,
        transfer_chunk_bytes_max: None,
    }
}
