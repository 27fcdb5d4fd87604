//! `sojourn watch`.

use std::path::Path;

use sojourn_client::{Watch, WatchEvent};

use super::{feed, session};
use crate::cli::args::WatchArgs;
use crate::cli::error::CliError;
use crate::cli::output::{Format, Output};

/// Follows a namespace until Ctrl-C, or for a number of events.
pub(crate) async fn run(data: &Path, args: WatchArgs, output: &Output) -> Result<(), CliError> {
    let output = if args.json { Output::new(Format::Json) } else { output.clone() };
    let mut watch = begin(data, &args).await?;
    output.note(format!("watching {}; Ctrl-C ends it", args.source.namespace));
    let mut left = args.count.unwrap_or(u64::MAX);
    while left > 0 {
        let events = tokio::select! {
            events = watch.next() => events,
            _ = tokio::signal::ctrl_c() => break,
        };
        let Some(events) = events.transpose()? else { break };
        events.iter().for_each(|event| print(event, &output));
        left = left.saturating_sub(events.len() as u64);
        if let Some(file) = &args.cursor {
            feed::write_cursor(file, &watch.cursor())?;
        }
    }
    Ok(())
}

async fn begin(data: &Path, args: &WatchArgs) -> Result<Watch, CliError> {
    let client = feed::connect(data, &args.source).await?;
    let mut call = client.watch(&args.source.namespace);
    if let Some(principal) = &args.principal {
        call = call.principal(principal);
    }
    if let Some(id) = &args.session {
        call = call.session(&session::session_id_of(id)?);
    }
    if args.values {
        call = call.include_values();
    }
    if let Some(cursor) = args.cursor.as_deref().map(feed::read_cursor).transpose()?.flatten() {
        call = call.from_cursor(cursor);
    }
    let watch = call.await?;
    // Kept from the beginning, so that nothing is passed over if this ends before an event.
    if let Some(file) = &args.cursor {
        feed::write_cursor(file, &watch.cursor())?;
    }
    Ok(watch)
}

fn print(event: &WatchEvent, output: &Output) {
    output.line(feed::line(event));
    output.json_line(&feed::to_json(event));
}
