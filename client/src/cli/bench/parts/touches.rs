//! What touches cost between regions: each of them sent, and coalesced.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use futures::{TryStreamExt, stream};
use rand::Rng;
use sojourn_client::SessionId;

use super::regions::Regions;
use crate::cli::bench::report::Report;
use crate::cli::bench::sessions::{Content, NAMESPACE};
use crate::cli::error::CliError;
use crate::cli::host;

/// Sessions in use at the same time.
const SESSIONS: u32 = 2_000;
/// Time between two calls about a session: on the average, at least and at most.
const GAP_MS: u64 = 400;
const GAP_MS_MIN: u64 = 200;
const GAP_MS_MAX: u64 = 600;
/// One call in so many is a read, all others are touches.
const READ_ONE_IN: u32 = 10;
/// A twentieth of it is less than any gap, so that each touch is sent.
const IDLE_MS_SHORT: u64 = 3_000;
/// To the gap as the default of 30 minutes is to ten seconds between two clicks: time goes 25 times faster.
const IDLE_MS_LONG: u64 = GAP_MS * 180;
/// Over which sessions begin: between two touches of a session that are sent, so that they spread evenly.
const SPREAD: Duration = Duration::from_millis(IDLE_MS_LONG / 20);
/// From the first session until all are in use.
const WARMUP: Duration = SPREAD.saturating_add(Duration::from_secs(1));
/// Three times as long as between two that are sent.
const MEASURED: Duration = Duration::from_secs(12);

const MEASURING: u8 = 1;
const OVER: u8 = 2;

/// What the users share.
#[derive(Default)]
struct Counts {
    phase: AtomicU8,
    touches: AtomicU64,
    /// Those that moved a deadline; the others change nothing.
    moved: AtomicU64,
}

struct Cost {
    bytes: f64,
    /// The share of touches that were sent.
    sent: f64,
}

/// Measures both kinds one after the other.
pub(super) async fn run(regions: &Regions<'_>, report: &mut Report) -> Result<(), CliError> {
    let each = cost(regions, IDLE_MS_SHORT).await?;
    let coalesced = cost(regions, IDLE_MS_LONG).await?;
    let unit = "bytes a remote region";
    report.figure("bytes of a touch, each of them sent", each.bytes, unit, "");
    report.figure("  touches that were sent", each.sent * 100.0, "%", "");
    report.figure("bytes of a touch, coalesced", coalesced.bytes, unit, "");
    report.figure("  touches that were sent", coalesced.sent * 100.0, "%", "");
    report.figure("  coalesced / each of them sent", coalesced.bytes / each.bytes, "", "");
    Ok(())
}

async fn cost(regions: &Regions<'_>, idle_timeout_ms: u64) -> Result<Cost, CliError> {
    let idle_per_s = regions.idle_per_s().await?;
    let counts = Counts::default();
    let users = stream::iter((0..SESSIONS).map(Ok));
    let used = users.try_for_each_concurrent(None, |number| user(regions, number, idle_timeout_ms, &counts));
    let sent_bytes = measured(regions, &counts, idle_per_s);
    let ((), sent_bytes) = tokio::try_join!(used, sent_bytes)?;
    let touches = counts.touches.load(Ordering::Relaxed).max(1) as f64;
    let moved = counts.moved.load(Ordering::Relaxed) as f64;
    Ok(Cost { bytes: sent_bytes / touches / regions.remote_regions(), sent: moved / touches })
}

/// What was sent while measuring, without what is sent anyway.
async fn measured(regions: &Regions<'_>, counts: &Counts, idle_per_s: f64) -> Result<f64, CliError> {
    tokio::time::sleep(WARMUP).await;
    let (before, started) = (regions.sent_bytes().await?, host::now());
    counts.phase.store(MEASURING, Ordering::Relaxed);
    tokio::time::sleep(MEASURED).await;
    counts.phase.store(OVER, Ordering::Relaxed);
    regions.quiet().await?;
    Ok(regions.sent_bytes().await? - before - idle_per_s * started.elapsed().as_secs_f64())
}

/// One user, who logs in and then clicks now and then.
async fn user(
    regions: &Regions<'_>,
    number: u32,
    idle_timeout_ms: u64,
    counts: &Counts,
) -> Result<(), CliError> {
    tokio::time::sleep(SPREAD * number / SESSIONS).await;
    let mut rng = host::random();
    let id = create(regions, idle_timeout_ms).await?;
    let mut expires_at_ms = 0;
    let mut due = host::now();
    loop {
        due += Duration::from_millis(rng.random_range(GAP_MS_MIN..=GAP_MS_MAX));
        tokio::time::sleep_until(due).await;
        let phase = counts.phase.load(Ordering::Relaxed);
        if phase == OVER {
            return Ok(());
        }
        if rng.random_range(0..READ_ONE_IN) == 0 {
            regions.near().get(NAMESPACE, &id).await?;
            continue;
        }
        let before_ms = expires_at_ms;
        expires_at_ms = regions.near().touch(NAMESPACE, &id).await?.expires_at_ms;
        if phase == MEASURING {
            counts.touches.fetch_add(1, Ordering::Relaxed);
            counts.moved.fetch_add(u64::from(expires_at_ms != before_ms), Ordering::Relaxed);
        }
    }
}

async fn create(regions: &Regions<'_>, idle_timeout_ms: u64) -> Result<SessionId, CliError> {
    let content = Content { fields: regions.args().fields, value_bytes: regions.args().value_bytes };
    let create = regions.near().create(NAMESPACE).changes(content.whole());
    Ok(create.idle_timeout_ms(idle_timeout_ms).await?.id)
}
