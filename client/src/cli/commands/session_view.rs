//! A session as it is printed. What applications put into it is shown, because
//! that is what was asked for; the id and the CSRF secret are not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use sojourn_client::{Session, Value};

use crate::cli::output::{Output, Table};

/// For people.
pub(super) fn print(session: &Session, output: &Output) {
    let mut table = Table::new(["PART", "NAME", "VALUE"]);
    if let Some(auth) = &session.auth {
        table.row(["auth".into(), "principal".into(), auth.principal.clone()]);
        table.row(["auth".into(), "level".into(), auth.level.to_string()]);
        table.row(["auth".into(), "methods".into(), auth.methods.join(",")]);
        table.row(["auth".into(), "roles".into(), auth.roles.join(",")]);
    }
    for (name, value) in &session.attributes {
        let text = value.as_str().map_or_else(|| STANDARD.encode(value.as_bytes()), str::to_owned);
        table.row(["attribute".into(), name.clone(), text]);
    }
    for (name, value) in &session.counters {
        table.row(["counter".into(), name.clone(), value.to_string()]);
    }
    for (name, members) in &session.sets {
        let members: Vec<_> = members.iter().map(|member| String::from_utf8_lossy(member)).collect();
        table.row(["set".into(), name.clone(), members.join(",")]);
    }
    for (name, time_ms) in [
        ("created_at_ms", session.created_at_ms),
        ("last_seen_ms", session.last_seen_ms),
        ("expires_at_ms", session.expires_at_ms),
        ("absolute_deadline_ms", session.absolute_deadline_ms),
    ] {
        table.row(["time".into(), name.into(), time_ms.to_string()]);
    }
    output.table(&table);
}

/// For programs.
pub(super) fn to_json(session: &Session) -> Json {
    let attributes: Map<String, Json> =
        session.attributes.iter().map(|(name, value)| (name.clone(), value_json(value))).collect();
    let sets: Map<String, Json> = session
        .sets
        .iter()
        .map(|(name, members)| (name.clone(), members.iter().map(|member| STANDARD.encode(member)).collect()))
        .collect();
    let auth = session.auth.as_ref().map(|auth| {
        json!({
            "principal": auth.principal, "level": auth.level, "methods": auth.methods,
            "auth_time_ms": auth.auth_time_ms, "roles": auth.roles,
        })
    });
    json!({
        "namespace": session.namespace, "created_at_ms": session.created_at_ms,
        "absolute_deadline_ms": session.absolute_deadline_ms, "idle_timeout_ms": session.idle_timeout_ms,
        "last_seen_ms": session.last_seen_ms, "expires_at_ms": session.expires_at_ms,
        "auth": auth, "attributes": attributes, "counters": session.counters, "sets_base64": sets,
    })
}

pub(super) fn value_json(value: &Value) -> Json {
    match value {
        Value::Text(text) => json!({ "text": text }),
        Value::Json(text) => json!({ "json": serde_json::from_str::<Json>(text).unwrap_or(Json::Null) }),
        Value::Data(bytes) => json!({ "data_base64": STANDARD.encode(bytes) }),
    }
}
