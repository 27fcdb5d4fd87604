//! What `watch` and `archive` share: a client, a kept cursor, events as text and JSON.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sojourn_client::{Changed, Client, SetChange, Value, WatchCursor, WatchEvent, WatchKind};

use super::session_view;
use crate::cli::args::FeedSource;
use crate::cli::cluster::{ClusterState, client};
use crate::cli::error::CliError;
use crate::cli::utc::utc;

/// A client where the feed is to come from.
pub(super) async fn connect(data: &Path, source: &FeedSource) -> Result<Client, CliError> {
    let state = ClusterState::read(data)?;
    client(&state, source.region.as_deref(), source.timeout).await
}

/// The cursor in a file; none if there is no such file yet.
pub(super) fn read_cursor(file: &Path) -> Result<Option<WatchCursor>, CliError> {
    match std::fs::read(file) {
        Ok(bytes) => {
            let cursor = WatchCursor::from_bytes(&bytes);
            cursor.map(Some).map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(CliError::file("cannot read", file, error)),
    }
}

/// Replaces the cursor in a file, whole or not at all.
pub(super) fn write_cursor(file: &Path, cursor: &WatchCursor) -> Result<(), CliError> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let new = Path::new(&name);
    let written = std::fs::File::create(new).and_then(|mut out| {
        std::io::Write::write_all(&mut out, &cursor.to_bytes())?;
        out.sync_all()
    });
    written
        .and_then(|()| std::fs::rename(new, file))
        .map_err(|error| CliError::file("cannot write", file, error))
}

/// A key as it is shown.
pub(super) fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One line for people.
pub(super) fn line(event: &WatchEvent) -> String {
    let time = event.at_ms.map_or_else(|| format!("{:24}", "-"), utc);
    if let WatchKind::Missed { changes, expiries } = event.kind {
        let what = match (changes, expiries) {
            (true, true) => "changes and expiries",
            (false, _) => "expiries",
            (true, false) => "changes",
        };
        return format!("{time}  missed: {what} of partition {} cannot be told", event.partition);
    }
    let region = event.region.as_deref().unwrap_or("-");
    let who = match (&event.principal, event.principal_unknown) {
        (Some(principal), _) => principal.as_str(),
        (None, true) => "?",
        (None, false) => "-",
    };
    format!("{time}  {region:4}  {}  {who}  {}", hex(&event.key), happened(&event.kind))
}

fn happened(kind: &WatchKind) -> String {
    match kind {
        WatchKind::Created(changed) => format!("created  {}", parts(changed)),
        WatchKind::Changed(changed) => format!("changed  {}", parts(changed)),
        WatchKind::Rotated { without_grace, changed } => {
            let grace = if *without_grace { "without grace " } else { "" };
            format!("rotated  {grace}{}", parts(changed))
        }
        WatchKind::Replayed => "replayed: an old id was used".to_owned(),
        WatchKind::LoggedOut { kept: None } => "logged out everywhere".to_owned(),
        WatchKind::LoggedOut { kept: Some(key) } => format!("logged out everywhere but {}", hex(key)),
        WatchKind::Revoked { reason, .. } => format!("revoked  {reason}"),
        WatchKind::Expired { .. } => "expired".to_owned(),
        _ => "something that this version does not know".to_owned(),
    }
    .trim_end()
    .to_owned()
}

fn parts(changed: &Changed) -> String {
    let mut parts = Vec::new();
    if changed.login_changed {
        let level = changed.login.as_ref().map(|login| format!(" level {}", login.level));
        parts.push(format!("login{}", level.unwrap_or_default()));
    }
    for attribute in &changed.attributes {
        let name = &attribute.name;
        parts.push(match &attribute.value {
            _ if attribute.removed => format!("-{name}"),
            Some(value) => format!("{name}={}", text(value)),
            None => name.clone(),
        });
    }
    for counter in &changed.counters {
        let sum = counter.sum.map(|sum| format!("={sum}"));
        parts.push(format!("#{}{}", counter.name, sum.unwrap_or_default()));
    }
    for SetChange { name, added, removed } in &changed.sets {
        let members = |sign, members: &[bytes::Bytes]| {
            members
                .iter()
                .map(|member| format!(" {sign}{}", String::from_utf8_lossy(member)))
                .collect::<String>()
        };
        parts.push(format!("{{{name}}}{}{}", members('+', added), members('-', removed)));
    }
    parts.join(", ")
}

/// Control characters would let a value draw on the terminal.
fn text(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| STANDARD.encode(value.as_bytes()), str::to_owned);
    text.escape_debug().to_string()
}

/// For programs.
pub(super) fn to_json(event: &WatchEvent) -> Json {
    let mut json = json!({
        "event": word(&event.kind), "partition": event.partition, "namespace": event.namespace,
    });
    if !matches!(event.kind, WatchKind::Missed { .. }) {
        json["key"] = hex(&event.key).into();
        json["principal"] = event.principal.clone().into();
        json["principal_unknown"] = event.principal_unknown.into();
        json["at_ms"] = event.at_ms.into();
        json["region"] = event.region.clone().into();
        json["replica_id"] = event.replica_id.into();
    }
    match &event.kind {
        WatchKind::Created(changed) | WatchKind::Changed(changed) => json["changed"] = changed_json(changed),
        WatchKind::Rotated { without_grace, changed } => {
            json["without_grace"] = (*without_grace).into();
            json["changed"] = changed_json(changed);
        }
        WatchKind::LoggedOut { kept } => json["kept_key"] = kept.as_ref().map(|key| hex(key)).into(),
        WatchKind::Revoked { reason, final_state } => {
            json["reason"] = reason.clone().into();
            json["final_state"] = final_state.as_ref().map_or(Json::Null, session_view::to_json);
        }
        WatchKind::Expired { final_state } => {
            json["final_state"] = final_state.as_ref().map_or(Json::Null, session_view::to_json);
        }
        WatchKind::Missed { changes, expiries } => {
            json["missed"] = json!({ "changes": changes, "expiries": expiries });
        }
        _ => {}
    }
    json
}

fn word(kind: &WatchKind) -> &'static str {
    match kind {
        WatchKind::Created(_) => "created",
        WatchKind::Changed(_) => "changed",
        WatchKind::Rotated { .. } => "rotated",
        WatchKind::Replayed => "replayed",
        WatchKind::LoggedOut { .. } => "logged_out",
        WatchKind::Revoked { .. } => "revoked",
        WatchKind::Expired { .. } => "expired",
        WatchKind::Missed { .. } => "missed",
        _ => "unknown",
    }
}

fn changed_json(changed: &Changed) -> Json {
    let members = |members: &[bytes::Bytes]| members.iter().map(|it| STANDARD.encode(it)).collect::<Vec<_>>();
    let attributes = changed.attributes.iter().map(|it| {
        let value = it.value.as_ref().map(session_view::value_json);
        json!({ "name": it.name, "removed": it.removed, "value": value })
    });
    let counters = changed.counters.iter().map(|it| json!({ "name": it.name, "sum": it.sum }));
    let sets = changed.sets.iter().map(|it| {
        json!({ "name": it.name, "added_base64": members(&it.added), "removed_base64": members(&it.removed) })
    });
    json!({
        "attributes": attributes.collect::<Vec<_>>(), "counters": counters.collect::<Vec<_>>(),
        "sets": sets.collect::<Vec<_>>(), "login_changed": changed.login_changed,
        "login": changed.login.as_ref().map(|login| json!({
            "principal": login.principal, "level": login.level, "methods": login.methods, "roles": login.roles,
        })),
    })
}

#[cfg(test)]
mod tests {
    use sojourn_client::{AttributeChange, CounterChange};

    use super::*;

    fn event(kind: WatchKind) -> WatchEvent {
        WatchEvent {
            partition: 3,
            key: [0xab; 16],
            namespace: "shop".into(),
            principal: Some("ada".into()),
            principal_unknown: false,
            at_ms: Some(0),
            replica_id: 1,
            region: Some("eu".into()),
            kind,
        }
    }

    #[test]
    fn lines_are_readable_and_values_draw_nothing() {
        let attribute = |name: &str, removed, value| AttributeChange { name: name.into(), removed, value };
        let changed = Changed {
            attributes: vec![
                attribute("cart", false, Some(Value::from("a\u{1b}[2J"))),
                attribute("old", true, None),
                attribute("plain", false, None),
            ],
            counters: vec![CounterChange { name: "n".into(), sum: Some(3) }],
            sets: vec![SetChange { name: "tags".into(), added: vec!["red".into()], removed: Vec::new() }],
            login_changed: true,
            login: None,
        };
        let line = line(&event(WatchKind::Changed(changed)));
        let key = "ab".repeat(16);
        let what = "login, cart=a\\u{1b}[2J, -old, plain, #n=3, {tags} +red";
        assert_eq!(line, format!("1970-01-01T00:00:00.000Z  eu    {key}  ada  changed  {what}"));
    }

    #[test]
    fn what_is_missed_names_its_partition_alone() {
        let missed = event(WatchKind::Missed { changes: true, expiries: false });
        assert!(line(&missed).ends_with("missed: changes of partition 3 cannot be told"));
        let json = to_json(&missed);
        assert_eq!((json.get("key"), json["partition"].as_u64()), (None, Some(3)));
    }
}
