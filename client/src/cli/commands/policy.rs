//! `sojourn policy`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use sojourn_client::Client;
use sojourn_client::directory_types::Policy;

use super::levels::{at_levels, durability, read_level, write_level};
use crate::cli::args::{PolicyArgs, PolicyCommand, PolicySetArgs, WriteArgs};
use crate::cli::cluster::{ClusterState, reach};
use crate::cli::error::CliError;
use crate::cli::output::{Output, Table};

/// Shows or replaces the policy of a namespace.
pub(crate) async fn run(data: &Path, args: PolicyArgs, output: &Output) -> Result<(), CliError> {
    let client = reach(&ClusterState::read(data)?, &args.reach).await?;
    let namespace = &args.reach.namespace;
    let policy = match args.command {
        PolicyCommand::List => return list(&client, output).await,
        PolicyCommand::Show => client.policy(namespace).await?,
        PolicyCommand::Set(args) => {
            let levels = WriteArgs { consistency: args.consistency, durability: args.durability };
            at_levels!(client.set_policy(namespace, &args.preset, policy(&args)), levels).await?
        }
    };
    show(namespace, &policy, output);
    Ok(())
}

/// Names are of one cluster's namespaces: few enough to be held and sorted.
async fn list(client: &Client, output: &Output) -> Result<(), CliError> {
    let mut policies: BTreeMap<String, Policy> = BTreeMap::new();
    let mut page_token = Vec::new();
    loop {
        let page = client.list_policies(0, &page_token).await?;
        let named = page.policies.into_iter().map(|it| (it.namespace, it.policy.unwrap_or_default()));
        policies.extend(named);
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token.to_vec();
    }
    let mut table = Table::new(["NAMESPACE", "VERSION", "SETS"]);
    for (namespace, policy) in &policies {
        let set: Vec<String> = settings(policy)
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", value?)))
            .collect();
        table.row([namespace.clone(), policy.version.to_string(), set.join(" ")]);
    }
    output.table(&table);
    let policies: Vec<_> = policies.iter().map(|(namespace, policy)| to_json(namespace, policy)).collect();
    output.json(&json!({ "policies": policies }));
    Ok(())
}

fn policy(args: &PolicySetArgs) -> Policy {
    let ms = |duration: Option<Duration>| {
        duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    };
    Policy {
        idle_timeout_ms: ms(args.idle),
        absolute_timeout_ms: ms(args.absolute),
        attributes_max: args.attributes_max,
        value_bytes_max: args.value_bytes_max,
        session_bytes_max: args.session_bytes_max,
        sessions_max: args.sessions_max,
        refuse_beyond_sessions_max: args.refuse.then_some(true),
        adopted_ids_allowed: args.adopted_ids,
        tighten_at_once: args.tighten_at_once.then_some(true),
        write_consistency: args.write_consistency.map(|it| write_level(it).number()),
        read_consistency: args.read_consistency.map(|it| read_level(it).number()),
        durability: args.write_durability.map(|it| durability(it).number()),
        ..Policy::default()
    }
}

/// The settings by name, those that follow the node's configuration without a value.
fn settings(policy: &Policy) -> [(&'static str, Option<String>); 12] {
    let number = |value: Option<u64>| value.map(|value| value.to_string());
    let flag = |value: Option<bool>| value.map(|value| value.to_string());
    [
        ("idle_timeout_ms", number(policy.idle_timeout_ms)),
        ("absolute_timeout_ms", number(policy.absolute_timeout_ms)),
        ("attributes_max", number(policy.attributes_max)),
        ("value_bytes_max", number(policy.value_bytes_max)),
        ("session_bytes_max", number(policy.session_bytes_max)),
        ("sessions_max", number(policy.sessions_max)),
        ("refuse_beyond_sessions_max", flag(policy.refuse_beyond_sessions_max)),
        ("adopted_ids_allowed", flag(policy.adopted_ids_allowed)),
        ("tighten_at_once", flag(policy.tighten_at_once)),
        (
            "write_consistency",
            policy.write_consistency.map(|_| policy.write_consistency().as_str_name().into()),
        ),
        ("read_consistency", policy.read_consistency.map(|_| policy.read_consistency().as_str_name().into())),
        ("durability", policy.durability.map(|_| policy.durability().as_str_name().into())),
    ]
}

fn show(namespace: &str, policy: &Policy, output: &Output) {
    output.line(format!("policy of {namespace}, version {}", policy.version));
    let mut table = Table::new(["setting", "value"]);
    for (name, value) in settings(policy) {
        table.row([name.to_owned(), value.unwrap_or_else(|| "the node's".to_owned())]);
    }
    output.table(&table);
    output.json(&to_json(namespace, policy));
}

fn to_json(namespace: &str, policy: &Policy) -> serde_json::Value {
    let settings: serde_json::Map<_, _> =
        settings(policy).into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    json!({ "namespace": namespace, "version": policy.version, "settings": settings })
}
