//! `sojourn explain`.

use std::path::Path;

use serde_json::{Value as Json, json};
use sojourn_client::feed_types::{
    Comparison, ExplainResponse, KnownWrite, Liveness, ReplicaState, Verdict, WriteKind,
};

use super::{feed, session};
use crate::cli::args::ExplainArgs;
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table, human_bytes};
use crate::cli::utc::utc;

/// Shows how a session came to be as it is.
pub(crate) async fn run(data: &Path, args: ExplainArgs, output: &Output) -> Result<(), CliError> {
    let id = session::session_id_of(&args.id)?;
    let client = feed::connect(data, &args.source).await?;
    let explained = client.explain(&args.source.namespace, &id).await?;
    print(&explained, output);
    output.json(&to_json(&explained));
    Ok(())
}

fn print(explained: &ExplainResponse, output: &Output) {
    output.line(format!("{} (partition {})", feed::hex(&explained.key), explained.partition));
    let ends = match explained.liveness() {
        Liveness::Revoked => "revoked, for ever".to_owned(),
        Liveness::Expired => format!("expired at {}", utc(explained.expires_at_ms)),
        Liveness::Partial => "only a part of it is known here".to_owned(),
        _ => format!("live; it ends at {} if it is not used", utc(explained.expires_at_ms)),
    };
    output.line(format!("{ends}; at {} whatever happens", utc(explained.absolute_deadline_ms)));
    let mut writes = Table::new(["WHEN", "BY", "WHAT", "SIZE", "VERDICT"]);
    for write in &explained.writes {
        let when = if write.at_ms > 0 { utc(write.at_ms) } else { "-".to_owned() };
        writes.row([when, writer(write), what(write), size(write), why(write).to_owned()]);
    }
    output.line("");
    output.table(&writes);
    let mut replicas = Table::new(["REPLICA", "REGION", "HAS"]);
    for replica in &explained.replicas {
        let name = name_or_id(&replica.name, replica.replica_id);
        replicas.row([name, replica.region.clone(), has(replica).to_owned()]);
    }
    output.line("");
    output.table(&replicas);
}

fn name_or_id(name: &str, replica_id: u32) -> String {
    if name.is_empty() { format!("replica {replica_id}") } else { name.to_owned() }
}

fn writer(write: &KnownWrite) -> String {
    if write.replica_id == 0 {
        return "-".to_owned();
    }
    let name = name_or_id(&write.replica_name, write.replica_id);
    if write.region.is_empty() { name } else { format!("{name} ({})", write.region) }
}

fn what(write: &KnownWrite) -> String {
    let name = write.name.escape_debug();
    match write.kind() {
        WriteKind::Create => "created".to_owned(),
        WriteKind::SetAttribute => format!("set {name}"),
        WriteKind::RemoveAttribute => format!("removed {name}"),
        WriteKind::Login => "login".to_owned(),
        WriteKind::Counter if write.seq == 0 => format!("counter {name}, in all"),
        WriteKind::Counter => format!("counter {name}"),
        WriteKind::Set if write.seq == 0 => format!("set of members {name}"),
        WriteKind::Set => format!("set of members {name} changed"),
        WriteKind::Touch => "last used".to_owned(),
        WriteKind::Rotate => "another id".to_owned(),
        WriteKind::RotateWithoutGrace => "another id, the old one dead at once".to_owned(),
        WriteKind::Replay => "an old id was used".to_owned(),
        WriteKind::Revoke => format!("revoked: {name}"),
        WriteKind::Lapse => "its content was dropped: it lay idle".to_owned(),
        WriteKind::EndByPrincipal => format!("ended through its principal: {name}"),
        WriteKind::Unspecified => "something that this version does not know".to_owned(),
    }
}

fn size(write: &KnownWrite) -> String {
    match write.kind() {
        WriteKind::SetAttribute => human_bytes(write.size),
        WriteKind::Set => format!("{} members", write.size),
        WriteKind::Counter => write.amount.map_or_else(String::new, |amount| format!("{amount:+}")),
        _ => String::new(),
    }
}

fn why(write: &KnownWrite) -> &'static str {
    match write.verdict() {
        Verdict::Holds => match write.kind() {
            WriteKind::Create => "holds",
            WriteKind::Touch => "the latest use that is known",
            WriteKind::Lapse => "holds: all replicas were asked, and none knew a later use",
            WriteKind::Revoke | WriteKind::EndByPrincipal => "holds: a revocation is final",
            _ => "holds: its writer had seen all before it",
        },
        Verdict::HoldsHigherStamp => "holds: of values written at once it has the highest stamp",
        Verdict::HoldsOverRemoval => "holds: a value beats a removal made at once",
        Verdict::HoldsLowerPrivilege => "holds: of logins made at once it gives the lowest privilege",
        Verdict::HoldsFirstLogin => "holds: of equal logins made at once it is the first",
        Verdict::HoldsWithoutGrace => "holds: a rotation without grace beats those with one",
        Verdict::LostToRotationWithoutGrace => "lost: a rotation without grace was made at once",
        Verdict::LostLowerStamp => "lost: a value written at once has a higher stamp",
        Verdict::LostRemoval => "lost: a removal gives way to a value written at once",
        Verdict::LostHigherPrivilege => "lost: a login made at once gives a lower privilege",
        Verdict::LostLaterLogin => "lost: an equal login made at once came first",
        Verdict::Counts => match write.kind() {
            WriteKind::Replay => "told once a minute and a node",
            _ => "counts, with the others of its name",
        },
        Verdict::LostToEnd => "lost: the session has ended",
        Verdict::Replaced => "held until a later write took its place",
        Verdict::Unspecified => "this version does not know why",
    }
}

fn has(replica: &ReplicaState) -> &'static str {
    match replica.comparison() {
        Comparison::Equal => "all that is known",
        Comparison::Behind => "behind: some writes are missing",
        Comparison::Missing => "nothing, or only a part",
        Comparison::Unreachable => "unreachable",
        Comparison::Unspecified => "unknown",
    }
}

fn to_json(explained: &ExplainResponse) -> Json {
    let writes = explained.writes.iter().map(|write| {
        json!({
            "kind": write.kind().as_str_name(), "name": write.name, "replica_id": write.replica_id,
            "replica": write.replica_name, "region": write.region, "incarnation": write.incarnation,
            "seq": write.seq, "at_ms": write.at_ms, "size": write.size, "amount": write.amount,
            "verdict": write.verdict().as_str_name(),
        })
    });
    let replicas = explained.replicas.iter().map(|replica| {
        json!({
            "replica_id": replica.replica_id, "replica": replica.name, "region": replica.region,
            "comparison": replica.comparison().as_str_name(),
        })
    });
    json!({
        "key": feed::hex(&explained.key), "partition": explained.partition,
        "created_at_ms": explained.created_at_ms, "expires_at_ms": explained.expires_at_ms,
        "absolute_deadline_ms": explained.absolute_deadline_ms,
        "liveness": explained.liveness().as_str_name(),
        "writes": writes.collect::<Vec<_>>(), "replicas": replicas.collect::<Vec<_>>(),
    })
}
