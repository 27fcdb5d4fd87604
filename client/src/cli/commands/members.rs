//! `sojourn members`.

use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sojourn_client::cluster_types::{Member, NodeState};

use crate::cli::args::NodeName;
use crate::cli::cluster::{ClusterState, client, client_of};
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table};

/// How long to wait for an answer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(5);

/// A client that asks the node named, or the first that answers.
pub(super) async fn connect(data: &Path, name: &NodeName) -> Result<sojourn_client::Client, CliError> {
    let state = ClusterState::read(data)?;
    match &name.node {
        Some(node) => client_of(&state, state.node(node)?, TIMEOUT).await,
        None => client(&state, None, TIMEOUT).await,
    }
}

/// The state of a member in one word.
pub(super) fn state_name(state: i32) -> &'static str {
    match NodeState::try_from(state) {
        Ok(NodeState::Joining) => "joining",
        Ok(NodeState::Active) => "active",
        Ok(NodeState::Draining) => "draining",
        Ok(NodeState::Removed) => "removed",
        Ok(NodeState::Unspecified) | Err(_) => "unknown",
    }
}

/// Lists the members.
pub(crate) async fn run(data: &Path, args: &NodeName, output: &Output) -> Result<(), CliError> {
    let answer = connect(data, args).await?.members().await?;
    let mut table = Table::new(["ID", "NODE", "REGION", "ADDRESS", "WEIGHT", "STATE", "VOTER"]);
    for member in &answer.members {
        let voter = if member.voter { "yes" } else { "no" };
        table.row([
            member.replica_id.to_string(),
            member.name.clone(),
            member.region.clone(),
            member.address.clone(),
            member.weight.to_string(),
            state_name(member.state).to_owned(),
            voter.to_owned(),
        ]);
    }
    output.table(&table);
    output.line(format!("cluster {}, epoch {}", answer.cluster_id, answer.epoch));
    let members: Vec<_> = answer.members.iter().map(member_json).collect();
    output.json(&json!({ "cluster_id": answer.cluster_id, "epoch": answer.epoch, "members": members }));
    Ok(())
}

fn member_json(member: &Member) -> serde_json::Value {
    json!({
        "replica_id": member.replica_id, "name": member.name, "region": member.region,
        "address": member.address, "weight": member.weight, "state": state_name(member.state),
        "voter": member.voter,
    })
}
