//! `sojourn status`.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;
use sojourn_client::cluster_types::GetStatusResponse;

use super::members::TIMEOUT;
use crate::cli::args::StatusArgs;
use crate::cli::cluster::{ClusterState, Comparison, NodeView, client, compare_digests, views};
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table, human_bytes};

/// Asks every node how it is doing.
pub(crate) async fn run(data: &Path, args: StatusArgs, output: &Output) -> Result<(), CliError> {
    let state = ClusterState::read(data)?;
    let client = client(&state, None, TIMEOUT).await?;
    let views = views(&client, &state, args.digests).await;
    output.table(&table(&views));
    changes(&views).into_iter().for_each(|line| output.line(line));
    let comparison = args.digests.then(|| compare_digests(&views));
    output.json(&json!({
        "nodes": views.iter().map(view_json).collect::<Vec<_>>(),
        "digests": comparison.as_ref().map(comparison_json),
    }));
    comparison.map_or(Ok(()), |comparison| judge(&comparison, output))
}

/// What the nodes say of a change of the layout that is under way.
fn changes(views: &[NodeView]) -> BTreeSet<String> {
    let statuses = views.iter().filter_map(|view| view.status.as_ref().ok());
    let changing = statuses.filter(|status| status.next_layout_version > 0);
    let line = |status: &GetStatusResponse| {
        let waiting: Vec<String> = status.unsynced_replica_ids.iter().map(u32::to_string).collect();
        let (now, next) = (status.layout_version, status.next_layout_version);
        format!("layout {now} goes over to {next} once these replica ids have synced: {}", waiting.join(" "))
    };
    changing.map(line).collect()
}

fn judge(comparison: &Comparison, output: &Output) -> Result<(), CliError> {
    if comparison.agrees() {
        output.line(format!("✓ all replicas of {} partitions have equal digests", comparison.compared));
        return Ok(());
    }
    for (partition, groups) in &comparison.differing {
        let groups: Vec<String> = groups.iter().map(|names| names.join(" ")).collect();
        output.line(format!("✗ partition {partition}: {}", groups.join(" ≠ ")));
    }
    if !comparison.silent.is_empty() {
        output.line(format!("✗ no digests from {}", comparison.silent.join(", ")));
    }
    Err(CliError::ChecksFailed(format!(
        "{} partitions differ and {} nodes gave no digests; replicas that are still catching up differ for a \
         moment: ask again",
        comparison.differing.len(),
        comparison.silent.len()
    )))
}

fn table(views: &[NodeView]) -> Table {
    let headings =
        ["NODE", "REGION", "STATE", "SESSIONS", "LAG", "MEMORY", "LOG", "DISK", "LEADER", "STARTS"];
    let mut table = Table::new(headings);
    for view in views {
        let (node, state) = (view.node.name.clone(), view.readiness());
        let Ok(status) = &view.status else {
            table.row([node, view.node.region.clone(), state].concat_blanks());
            continue;
        };
        table.row([
            node,
            view.node.region.clone(),
            state,
            status.sessions.to_string(),
            format!("{} ms", view.lag_ms()),
            human_bytes(status.resident_bytes),
            human_bytes(status.log_bytes),
            human_bytes(status.disk_bytes),
            status.raft_leader.to_string(),
            status.incarnation.to_string(),
        ]);
    }
    table
}

/// Fills a row of the table with blanks.
trait ConcatBlanks {
    fn concat_blanks(self) -> [String; 10];
}

impl ConcatBlanks for [String; 3] {
    fn concat_blanks(self) -> [String; 10] {
        let mut row: [String; 10] = Default::default();
        for (cell, text) in row.iter_mut().zip(self) {
            *cell = text;
        }
        row
    }
}

fn view_json(view: &NodeView) -> serde_json::Value {
    let node = &view.node;
    let status = match &view.status {
        Ok(status) => status,
        Err(error) => {
            return json!({ "name": node.name, "region": node.region, "address": node.address, "error": error });
        }
    };
    let peers: Vec<_> = status
        .peers
        .iter()
        .map(|peer| {
            json!({
                "name": peer.name, "region": peer.region, "connected": peer.connected,
                "lag_entries": peer.lag_entries, "lag_ms": peer.lag_ms,
                "buffered_bytes": peer.buffered_bytes, "round_trip_us": peer.round_trip_us,
            })
        })
        .collect();
    json!({
        "name": node.name, "region": node.region, "address": node.address, "ready": status.ready,
        "not_ready_reasons": status.not_ready_reasons, "incarnation": status.incarnation,
        "raft_leader": status.raft_leader, "raft_term": status.raft_term,
        "layout_version": status.layout_version, "next_layout_version": status.next_layout_version,
        "unsynced_replica_ids": status.unsynced_replica_ids, "sessions": status.sessions,
        "resident_bytes": status.resident_bytes, "held_bytes": status.held_bytes, "log_bytes": status.log_bytes,
        "disk_bytes": status.disk_bytes, "reads_total": status.reads_total,
        "writes_total": status.writes_total, "replays_total": status.replays_total,
        "cpu_us_total": status.cpu_us_total,
        "wan_sent_bytes_total": status.wan_sent_bytes_total, "version": status.version,
        "clock_offset_ms": status.clock_offset_ms, "peers": peers,
    })
}

fn comparison_json(comparison: &Comparison) -> serde_json::Value {
    json!({
        "agree": comparison.agrees(), "partitions_compared": comparison.compared,
        "differing": comparison.differing, "without_digests": comparison.silent,
    })
}
