//! `sojourn link`.

use std::path::Path;

use crate::cli::args::LinkCommand;
use crate::cli::cluster::LinkReport;
use crate::cli::cluster::control::{Answer, Request, send};
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table, human_bytes};
use crate::cli::wan::LinkMode;

/// Cuts, heals or lists links.
pub(crate) async fn run(data: &Path, command: LinkCommand, output: &Output) -> Result<(), CliError> {
    let request = match command {
        LinkCommand::Cut { from, to, one_way, reset } => {
            let mode = if reset { LinkMode::Reset } else { LinkMode::Cut };
            Request::SetLink { from, to, one_way, mode }
        }
        LinkCommand::Heal { from: Some(from), to: Some(to), .. } => {
            Request::SetLink { from, to, one_way: false, mode: LinkMode::Up }
        }
        LinkCommand::Heal { .. } => Request::HealAll,
        LinkCommand::List => Request::Links,
    };
    send(data, &request).await?;
    if let Answer::Links(links) = send(data, &Request::Links).await? {
        print(&links, output);
    }
    Ok(())
}

fn print(links: &[LinkReport], output: &Output) {
    let mut table = Table::new(["FROM", "TO", "STATE", "DELAY", "JITTER", "BANDWIDTH", "CARRIED"]);
    for link in links {
        let state = match link.mode {
            LinkMode::Up => "up",
            LinkMode::Cut => "cut",
            LinkMode::Reset => "reset",
        };
        let bandwidth = link
            .bandwidth_bytes
            .map_or_else(|| "unlimited".to_owned(), |bytes| format!("{}/s", human_bytes(bytes)));
        table.row([
            link.from.clone(),
            link.to.clone(),
            state.to_owned(),
            format!("{} ms", link.delay_us as f64 / 1000.0),
            format!("{} ms", link.jitter_us as f64 / 1000.0),
            bandwidth,
            human_bytes(link.bytes_total),
        ]);
    }
    output.table(&table);
    output.json(&links);
}
