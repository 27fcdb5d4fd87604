//! What happens between regions: bytes and time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use sojourn_client::{Changes, Client, SessionId};

use super::touches;
use crate::cli::args::{BenchArgs, Part};
use crate::cli::bench::bed::Bed;
use crate::cli::bench::load::histogram;
use crate::cli::bench::progress::Progress;
use crate::cli::bench::report::Report;
use crate::cli::bench::sessions::{self, Content, NAMESPACE};
use crate::cli::error::CliError;
use crate::cli::host;

/// The parts that need two regions.
pub(crate) const PARTS: [Part; 3] = [Part::Bytes, Part::Touches, Part::Convergence];

const SESSIONS: usize = 1_000;
const CALLERS: usize = 64;
/// The changed value, in bytes.
const VALUE_BYTES: usize = 20;
const FIELD: &str = "f0";
/// Writes one after the other, each alone on its way.
const ALONE: usize = 100;
/// Time between them: longer than anything waits for company.
const ALONE_GAP: Duration = Duration::from_millis(20);
/// Writes of many callers at once.
const BATCHED: usize = 50_000;
/// How long replication runs idle to learn what it sends then.
const IDLE: Duration = Duration::from_secs(2);
/// A write that is not visible by then has failed.
const VISIBLE_MAX: Duration = Duration::from_secs(10);
/// Looking begins this much before the one-way delay is over.
const LOOK_BEFORE: Duration = Duration::from_millis(5);

/// Both ends of the way.
pub(crate) struct Regions<'a> {
    bed: &'a Bed,
    args: &'a BenchArgs,
    near: Client,
    far: Client,
    sessions: Arc<[SessionId]>,
}

impl<'a> Regions<'a> {
    /// Makes the sessions and waits until the other region has them.
    pub(crate) async fn prepare(bed: &'a Bed, args: &'a BenchArgs) -> Result<Self, CliError> {
        let Some(other) = bed.other_region() else {
            return Err(CliError::Usage("bytes, touches and convergence need two regions".into()));
        };
        let (near, far) = (bed.client(bed.region()).await?, bed.client(other).await?);
        let content = Content { fields: args.fields, value_bytes: args.value_bytes };
        let sessions = sessions::create(&near, content, SESSIONS, CALLERS).await?;
        let regions = Self { bed, args, near, far, sessions };
        regions.quiet().await?;
        Ok(regions)
    }

    /// Runs the parts that are wanted.
    pub(crate) async fn run(&self, progress: &Progress, report: &mut Report) -> Result<(), CliError> {
        if self.args.wants(&[Part::Convergence]) {
            progress.step("time until a write is visible in another region");
            self.convergence(report).await?;
        }
        if self.args.wants(&[Part::Bytes]) {
            progress.step("bytes between regions for one changed field");
            self.bytes(report).await?;
        }
        if self.args.wants(&[Part::Touches]) {
            progress.step("bytes between regions for a touch");
            touches::run(self, report).await?;
        }
        Ok(())
    }

    /// A client of the writing region.
    pub(super) fn near(&self) -> &Client {
        &self.near
    }

    /// What was asked for.
    pub(super) fn args(&self) -> &BenchArgs {
        self.args
    }

    /// How many regions the writing one sends to.
    pub(super) fn remote_regions(&self) -> f64 {
        self.bed.state().regions.len().saturating_sub(1).max(1) as f64
    }

    /// What is sent while nobody writes.
    pub(super) async fn idle_per_s(&self) -> Result<f64, CliError> {
        let before = self.sent_bytes().await?;
        tokio::time::sleep(IDLE).await;
        Ok((self.sent_bytes().await? - before) / IDLE.as_secs_f64())
    }

    async fn bytes(&self, report: &mut Report) -> Result<(), CliError> {
        let (idle_per_s, remote_regions) = (self.idle_per_s().await?, self.remote_regions());
        let alone = self.cost(idle_per_s, ALONE, async |number| {
            self.write(number).await?;
            tokio::time::sleep(ALONE_GAP).await;
            Ok(())
        });
        let alone = alone.await? / remote_regions;
        report.figure("bytes of one changed field, alone", alone, "bytes a remote region", "≤ 64");
        let batched = self.batched(idle_per_s).await? / remote_regions;
        report.figure("bytes of one changed field, in a batch", batched, "bytes a remote region", "≤ 45");
        report.figure("  sent by an idle region", idle_per_s, "bytes/s", "");
        Ok(())
    }

    /// Bytes sent for each of so many writes in a row, without what is sent anyway.
    async fn cost(
        &self,
        idle_per_s: f64,
        writes: usize,
        write: impl AsyncFn(usize) -> Result<(), CliError>,
    ) -> Result<f64, CliError> {
        let (before, started) = (self.sent_bytes().await?, host::now());
        for number in 0..writes {
            write(number).await?;
        }
        self.quiet().await?;
        let sent = self.sent_bytes().await? - before - idle_per_s * started.elapsed().as_secs_f64();
        Ok(sent / writes as f64)
    }

    async fn batched(&self, idle_per_s: f64) -> Result<f64, CliError> {
        let (before, started) = (self.sent_bytes().await?, host::now());
        let write = |number| self.write(number);
        stream::iter(0..BATCHED).map(write).buffer_unordered(CALLERS).try_collect::<Vec<()>>().await?;
        self.quiet().await?;
        let sent = self.sent_bytes().await? - before - idle_per_s * started.elapsed().as_secs_f64();
        Ok(sent / BATCHED as f64)
    }

    async fn write(&self, number: usize) -> Result<(), CliError> {
        let id = &self.sessions[number % self.sessions.len()];
        self.near.update(NAMESPACE, id, Changes::new().set(FIELD, value(number))).await?;
        Ok(())
    }

    /// What the writing region has sent so far, in bytes before TLS.
    pub(super) async fn sent_bytes(&self) -> Result<f64, CliError> {
        let statuses = self.bed.statuses(&self.near, Some(self.bed.region())).await?;
        Ok(statuses.iter().map(|status| status.wan_sent_bytes_total).sum::<u64>() as f64)
    }

    /// Waits until nothing is on its way any more.
    pub(super) async fn quiet(&self) -> Result<(), CliError> {
        let started = host::now();
        while started.elapsed() < VISIBLE_MAX {
            let statuses = self.bed.statuses(&self.near, None).await?;
            let mut peers = statuses.iter().flat_map(|status| &status.peers);
            if peers.all(|peer| peer.lag_entries == 0) {
                return Ok(());
            }
            tokio::time::sleep(self.args.wan.max(ALONE_GAP)).await;
        }
        let limit = VISIBLE_MAX.as_secs();
        Err(CliError::Failed(format!("replication did not catch up within {limit} s")))
    }

    async fn convergence(&self, report: &mut Report) -> Result<(), CliError> {
        let mut delays_us =
            histogram().map_err(|error| CliError::Failed(format!("cannot make a histogram: {error}")))?;
        for number in 0..self.args.convergence_samples as usize {
            let delay = self.visible_after(number).await?;
            delays_us.saturating_record(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX));
        }
        let wan_us = self.args.wan.as_micros() as f64;
        for (name, quantile, target) in [("p50", 0.5, "≤ 1.05"), ("p99", 0.99, "≤ 1.15")] {
            let delay_us = delays_us.value_at_quantile(quantile) as f64;
            let title = format!("visible in another region, {name}");
            report.figure(&title, delay_us / 1000.0, "ms", "");
            if wan_us > 0.0 {
                report.figure(&format!("  {name} / one-way delay"), delay_us / wan_us, "", target);
            }
        }
        Ok(())
    }

    /// From the moment a write is sent until a plain read in the other region shows it.
    async fn visible_after(&self, number: usize) -> Result<Duration, CliError> {
        let id = &self.sessions[number % self.sessions.len()];
        let marker = value(BATCHED + ALONE + number);
        let sent_at = host::now();
        self.near.update(NAMESPACE, id, Changes::new().set(FIELD, marker.clone())).await?;
        tokio::time::sleep_until(sent_at + self.args.wan.saturating_sub(LOOK_BEFORE)).await;
        while sent_at.elapsed() < VISIBLE_MAX {
            let read = self.far.get(NAMESPACE, id).await?;
            if read.session.attributes.get(FIELD).is_some_and(|value| value.as_bytes() == marker.as_ref()) {
                return Ok(sent_at.elapsed());
            }
        }
        let limit = VISIBLE_MAX.as_secs();
        Err(CliError::Failed(format!("a write was not visible in the other region within {limit} s")))
    }
}

fn value(number: usize) -> Bytes {
    let mut value = [0x61; VALUE_BYTES];
    for (byte, digit) in value.iter_mut().zip((number as u64).to_le_bytes()) {
        *byte = digit;
    }
    Bytes::copy_from_slice(&value)
}
