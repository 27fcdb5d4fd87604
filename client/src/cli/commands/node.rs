//! `sojourn node`.

use std::path::Path;

use crate::cli::args::NodeCommand;
use crate::cli::cluster::NodeReport;
use crate::cli::cluster::control::{Answer, Request, send};
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table};

/// Kills, stops, restarts or lists nodes.
pub(crate) async fn run(data: &Path, command: NodeCommand, output: &Output) -> Result<(), CliError> {
    let request = match command {
        NodeCommand::Kill { name } => Request::Kill { name },
        NodeCommand::Stop { name } => Request::Stop { name },
        NodeCommand::Restart { name } => Request::Restart { name },
        NodeCommand::List => Request::Nodes,
    };
    send(data, &request).await?;
    if let Answer::Nodes(nodes) = send(data, &Request::Nodes).await? {
        print(&nodes, output);
    }
    Ok(())
}

fn print(nodes: &[NodeReport], output: &Output) {
    let mut table = Table::new(["NODE", "STATE", "PID"]);
    for node in nodes {
        let state = if node.pid.is_some() { "running" } else { "stopped" };
        let pid = node.pid.map(|pid| pid.to_string()).unwrap_or_default();
        table.row([node.name.clone(), state.to_owned(), pid]);
    }
    output.table(&table);
    output.json(&nodes);
}
