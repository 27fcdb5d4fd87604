//! `sojourn layout`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::members::connect;
use crate::cli::args::NodeName;
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table};

/// Shows how many partitions each node serves, and who must sync before that
/// changes; in JSON also which partitions.
pub(crate) async fn run(data: &Path, args: &NodeName, output: &Output) -> Result<(), CliError> {
    let layout = connect(data, args).await?.layout().await?;
    let mut held: BTreeMap<u32, usize> = BTreeMap::new();
    for id in layout.partitions.iter().flat_map(|partition| &partition.replica_ids) {
        *held.entry(*id).or_default() += 1;
    }
    let mut table = Table::new(["ID", "NODE", "REGION", "WEIGHT", "PARTITIONS"]);
    for node in &layout.nodes {
        let count = held.get(&node.replica_id).copied().unwrap_or(0);
        table.row([
            node.replica_id.to_string(),
            node.name.clone(),
            node.region.clone(),
            node.weight.to_string(),
            count.to_string(),
        ]);
    }
    output.table(&table);
    output.line(format!("layout version {}, {} partitions", layout.version, layout.partition_count));
    let nodes: BTreeMap<u32, &str> =
        layout.nodes.iter().map(|node| (node.replica_id, node.name.as_str())).collect();
    let names = |ids: &[u32]| -> Vec<&str> { ids.iter().filter_map(|id| nodes.get(id).copied()).collect() };
    let unsynced = names(&layout.unsynced_replica_ids);
    if layout.next_version > 0 {
        let waiting = unsynced.join(" ");
        output
            .line(format!("version {} serves once these nodes have synced: {waiting}", layout.next_version));
    }
    let partitions: Vec<_> =
        layout.partitions.iter().map(|partition| names(&partition.replica_ids)).collect();
    output.json(&json!({
        "version": layout.version, "partition_count": layout.partition_count, "partitions": partitions,
        "next_version": layout.next_version, "unsynced": unsynced,
    }));
    Ok(())
}
