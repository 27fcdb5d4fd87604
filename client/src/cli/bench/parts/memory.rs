//! Memory of a cached session.

use sojourn_client::Client;

use crate::cli::bench::bed::Bed;
use crate::cli::bench::report::Report;
use crate::cli::bench::sessions::{self, Content};
use crate::cli::error::CliError;

/// Enough that what the process needs anyway counts for little.
const SESSIONS: usize = 20_000;
const CALLERS: usize = 64;
/// Redis 7 needs 794 bytes for a session of 8 fields and 512 bytes.
const TARGET: &str = "≤ 675 for 8 fields, 512 bytes (0.85 × Redis)";

/// Makes sessions and sees how memory grows.
pub(crate) async fn run(
    bed: &Bed,
    client: &Client,
    content: Content,
    report: &mut Report,
) -> Result<(), CliError> {
    let (before, process_before) = (cached(bed, client).await?, bed.process_bytes().await);
    sessions::create(client, content, SESSIONS, CALLERS).await?;
    let (after, process_after) = (cached(bed, client).await?, bed.process_bytes().await);
    let records = after.records.saturating_sub(before.records).max(1) as f64;
    let bytes = after.bytes.saturating_sub(before.bytes) as f64;
    report.figure("memory of a cached session", bytes / records, "bytes", TARGET);
    if let Some((before, after)) = process_before.zip(process_after) {
        let grown = after.saturating_sub(before) as f64;
        report.figure("  growth of the whole process", grown / records, "bytes a session", "");
    }
    Ok(())
}

/// All nodes together: each replica of a session counts.
struct Cached {
    records: u64,
    bytes: u64,
}

async fn cached(bed: &Bed, client: &Client) -> Result<Cached, CliError> {
    let statuses = bed.statuses(client, None).await?;
    Ok(Cached {
        records: statuses.iter().map(|status| status.sessions).sum(),
        bytes: statuses.iter().map(|status| status.resident_bytes).sum(),
    })
}
