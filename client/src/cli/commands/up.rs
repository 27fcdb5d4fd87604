//! `sojourn up`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::up_table::LiveTable;
use crate::cli::args::UpArgs;
use crate::cli::cluster::control;
use crate::cli::cluster::{LocalCluster, NodeView, Plan};
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Time between two looks at the nodes.
const REFRESH: Duration = Duration::from_secs(1);

/// Runs a local cluster until Ctrl-C or SIGTERM.
pub(crate) async fn run(data: &Path, args: UpArgs, output: &Output) -> Result<(), CliError> {
    let plan = Plan::new(data, &args.shape, args.base_port)?;
    let mut stop = Stop::new()?;
    output.note(format!("starting {} nodes in {}", plan.state.nodes.len(), plan.dir.display()));
    let cluster = Arc::new(LocalCluster::start(plan).await?);
    let outcome = tokio::select! {
        outcome = watch(&cluster, output) => outcome,
        () = stop.wait() => Ok(()),
    };
    output.note("stopping; data stays in the folder");
    cluster.stop().await?;
    // A socket that is already gone needs no removal.
    let _ = std::fs::remove_file(&cluster.state().control_socket);
    outcome
}

async fn watch(cluster: &Arc<LocalCluster>, output: &Output) -> Result<(), CliError> {
    control::serve(cluster.clone())?;
    let mut ready = 0;
    cluster
        .wait_ready(|views| {
            let count = views.iter().filter(|view| view.is_ready()).count();
            if count != ready {
                ready = count;
                output.note(format!("{ready} of {} nodes are ready", views.len()));
            }
        })
        .await?;
    announce(cluster, output);
    let mut table = LiveTable::new(output);
    loop {
        let views: Vec<NodeView> = cluster.views(false).await;
        table.show(&views, &cluster.links().report());
        if let Err(error) = cluster.check_alive().await {
            table.warn(&error.to_string());
        }
        tokio::time::sleep(REFRESH).await;
    }
}

fn announce(cluster: &LocalCluster, output: &Output) {
    let (state, dir) = (cluster.state(), cluster.plan().dir.display());
    let first = &state.nodes[0];
    let (near, far) = (&first.region, state.regions.last().unwrap_or(&first.region));
    let (name, flag) = (&first.name, format!("--data {dir}"));
    output.line(format!(
        "\nThe cluster is up. In another terminal:\n\
         \x20 sojourn {flag} session create --region {near} --attr user=alice\n\
         \x20 sojourn {flag} session get ID --region {far}\n\
         \x20 sojourn {flag} status --digests\n\
         \x20 sojourn {flag} link cut {near} {far}\n\
         \x20 sojourn {flag} link heal --all\n\
         \x20 sojourn {flag} node kill {name}\n\
         \x20 sojourn {flag} node restart {name}\n"
    ));
    output.line(format!("endpoint      {}, cluster id {}", first.address, state.cluster_id));
    output.line(format!("authority     {}", state.ca_file.display()));
    output.line(format!("certificate   {}", state.cert_file.display()));
    output.line(format!("private key   {}", state.key_file.display()));
    output.line(format!("logs          {dir}/logs"));
    output.line("Ctrl-C stops all nodes; their data stays.\n");
    output.json_line(&json!({ "event": "ready", "cluster": state }));
}

/// The signals that end the command.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|error| CliError::io("cannot listen for signals", error));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
