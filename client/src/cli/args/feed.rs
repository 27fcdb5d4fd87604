//! Arguments of `sojourn watch`, `sojourn archive` and `sojourn explain`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::quantity::{parse_bytes, parse_duration};

/// Where a feed comes from.
#[derive(Args, Debug)]
pub(crate) struct FeedSource {
    /// The namespace.
    #[arg(value_name = "NAMESPACE")]
    pub(crate) namespace: String,
    /// The region to ask [default: the first that answers].
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// How long to wait for the beginning.
    #[arg(long, value_parser = parse_duration, default_value = "10s", value_name = "DURATION")]
    pub(crate) timeout: Duration,
}

/// Arguments of `watch`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn watch default
  sojourn watch shop --principal ada --values
  sojourn watch shop --cursor shop.cursor --json | my-indexer
  sojourn watch shop --count 10 --region us

A line is: time, region of the writer, key, principal, what happened. The key stands
for a session in all its events and is of no use as an id. With --cursor, the place
is kept after each batch of events, and the next run goes on from there.")]
pub(crate) struct WatchArgs {
    /// Where from.
    #[command(flatten)]
    pub(crate) source: FeedSource,
    /// Only sessions of this principal.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// Only this session; - reads the id from standard input.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    pub(crate) session: Option<String>,
    /// Also show what was written.
    #[arg(long)]
    pub(crate) values: bool,
    /// A file that keeps the place in the feed.
    #[arg(long, value_name = "FILE")]
    pub(crate) cursor: Option<PathBuf>,
    /// End after this many events.
    #[arg(long, value_name = "EVENTS")]
    pub(crate) count: Option<u64>,
    /// One JSON document a line; the same as --output json.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `archive`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn archive shop --dir ended
  sojourn archive shop --dir ended --file-bytes-max 256MiB --region eu

Writes ended-000001.jsonl and so on, one JSON document a line: key, principal, when and
why it ended, and the session as it was, as far as the nodes remember it. The file
`cursor` beside them keeps the place; the next run goes on from there. After a crash of
this command the last few sessions may be in the archive twice. What could not be told
is noted as a line with \"missed\".")]
pub(crate) struct ArchiveArgs {
    /// Where from.
    #[command(flatten)]
    pub(crate) source: FeedSource,
    /// The folder of the archive; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// A new file is begun before one grows beyond this; a larger session has one of its own.
    #[arg(long, value_parser = parse_bytes, default_value = "64MiB", value_name = "BYTES")]
    pub(crate) file_bytes_max: u64,
    /// End after this many sessions.
    #[arg(long, value_name = "SESSIONS")]
    pub(crate) count: Option<u64>,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn explain default ID
  echo \"$ID\" | sojourn explain shop -

Shows the writes that are known with their writer, which of them hold and why, and which
replica has what. Names and sizes are shown, values are not.")]
pub(crate) struct ExplainArgs {
    /// Where from.
    #[command(flatten)]
    pub(crate) source: FeedSource,
    /// The session's id, or - to read it from standard input.
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
}
