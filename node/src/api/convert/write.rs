//! Message → changes of a session, checked for sense. Sizes are checked by the engine.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use serde::de::IgnoredAny;
use sojourn_proto::session::v1 as pb;

use crate::api::status::Failure;
use crate::engine::{Changes, Expectation, SetChange};
use crate::session::{AuthBlock, Name, Value, ValueKind, VersionVector};

/// Expectations of one update.
const EXPECTATIONS_MAX: usize = 64;

/// The changes of a request.
///
/// # Errors
/// Names the field that is malformed or contradicts another.
pub(crate) fn changes(message: pb::Changes) -> Result<Changes, Failure> {
    if let Some(twice) =
        message.remove_attributes.iter().find(|name| message.set_attributes.contains_key(*name))
    {
        let allowed = "disjoint from changes.set_attributes";
        return Err(Failure::field("changes.remove_attributes", allowed).with("name", twice));
    }
    Ok(Changes {
        set_attributes: message.set_attributes.into_iter().map(attribute).collect::<Result<_, _>>()?,
        remove_attributes: removed(message.remove_attributes)?,
        add_counters: message.add_counters.into_iter().map(counter).collect::<Result<_, _>>()?,
        change_sets: sets(message.change_sets)?,
        set_auth: message.set_auth.map(auth),
    })
}

fn name(field: &str, name: String) -> Result<Name, Failure> {
    if name.is_empty() { Err(Failure::field(field, "a name that is not empty")) } else { Ok(Arc::from(name)) }
}

/// What must hold for an update to be made.
///
/// # Errors
/// Names the field that is malformed, or too long.
pub(crate) fn expectations(messages: Vec<pb::Expectation>) -> Result<Vec<Expectation>, Failure> {
    const FIELD: &str = "expected_here";
    if messages.len() > EXPECTATIONS_MAX {
        let allowed = format!("at most {EXPECTATIONS_MAX} expectations");
        return Err(Failure::field(FIELD, &allowed).with("actual", messages.len()));
    }
    let mut seen = BTreeSet::new();
    if let Some(twice) = messages.iter().find(|expected| !seen.insert(&expected.name)) {
        return Err(Failure::field(FIELD, "one entry a name").with("name", &twice.name));
    }
    let one = |pb::Expectation { name: key, value: held }: pb::Expectation| {
        let value = held.map(|held| value(FIELD, &key, held)).transpose()?;
        Ok(Expectation { name: name(FIELD, key)?, value })
    };
    messages.into_iter().map(one).collect()
}

fn attribute((key, held): (String, pb::Value)) -> Result<(Name, Value), Failure> {
    let field = "changes.set_attributes";
    let value = value(field, &key, held)?;
    Ok((name(field, key)?, value))
}

fn value(field: &str, key: &str, value: pb::Value) -> Result<Value, Failure> {
    Ok(match value.kind {
        Some(pb::value::Kind::Data(bytes)) => Value { kind: ValueKind::Data, bytes },
        Some(pb::value::Kind::Text(text)) => Value { kind: ValueKind::Text, bytes: text.into() },
        Some(pb::value::Kind::Json(json)) => {
            if serde_json::from_str::<IgnoredAny>(&json).is_err() {
                return Err(Failure::field(field, "valid JSON where a value is json").with("name", key));
            }
            Value { kind: ValueKind::Json, bytes: json.into() }
        }
        None => return Err(Failure::field(field, "data, text or json for each name").with("name", key)),
    })
}

fn removed(names: Vec<String>) -> Result<Vec<Name>, Failure> {
    let distinct: BTreeSet<String> = names.into_iter().collect();
    distinct.into_iter().map(|key| name("changes.remove_attributes", key)).collect()
}

fn counter((key, amount): (String, i64)) -> Result<(Name, i64), Failure> {
    Ok((name("changes.add_counters", key)?, amount))
}

fn sets(messages: Vec<pb::SetChange>) -> Result<Vec<SetChange>, Failure> {
    const FIELD: &str = "changes.change_sets";
    let mut seen = BTreeSet::new();
    let mut changes = Vec::with_capacity(messages.len());
    for message in messages {
        if !seen.insert(message.name.clone()) {
            return Err(Failure::field(FIELD, "one entry a set").with("name", message.name));
        }
        let add: BTreeSet<Bytes> = message.add.into_iter().collect();
        let remove: BTreeSet<Bytes> = message.remove.into_iter().collect();
        if !add.is_disjoint(&remove) {
            let allowed = "free of members that are both added and removed";
            return Err(Failure::field(FIELD, allowed).with("name", message.name));
        }
        changes.push(SetChange {
            name: name(FIELD, message.name)?,
            add: add.into_iter().collect(),
            remove: remove.into_iter().collect(),
        });
    }
    Ok(changes)
}

fn auth(message: pb::AuthBlock) -> AuthBlock {
    let shared = |names: Vec<String>| names.into_iter().map(Arc::from).collect();
    AuthBlock {
        principal: message.principal.into(),
        level: message.level,
        methods: shared(message.methods),
        auth_time_ms: message.auth_time_ms,
        roles: shared(message.roles),
        csrf_secret: message.csrf_secret,
        epoch_seen: VersionVector::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::Reason;

    fn text(text: &str) -> pb::Value {
        pb::Value { kind: Some(pb::value::Kind::Text(text.into())) }
    }

    #[track_caller]
    fn refused(message: pb::Changes) -> String {
        let error = changes(message).expect_err("refused");
        assert_eq!(error.reason(), Reason::InvalidField);
        error.into_error().message
    }

    #[test]
    fn everything_in_a_request_is_carried_over() {
        let message = pb::Changes {
            set_attributes: [("a".to_owned(), text("1"))].into(),
            remove_attributes: vec!["b".into(), "b".into()],
            add_counters: [("c".to_owned(), -2)].into(),
            change_sets: vec![pb::SetChange {
                name: "s".into(),
                add: vec!["y".into(), "x".into(), "x".into()],
                remove: vec!["z".into()],
            }],
            set_auth: Some(pb::AuthBlock { principal: "ada".into(), level: 2, ..Default::default() }),
            device: "phone".into(),
        };
        let changes = changes(message).unwrap();
        assert_eq!(changes.set_attributes.len(), 1);
        assert_eq!(changes.remove_attributes, [Name::from("b")]);
        assert_eq!(changes.add_counters, [(Name::from("c"), -2)]);
        assert_eq!(changes.change_sets[0].add, ["x", "y"]);
        assert_eq!(&*changes.set_auth.unwrap().principal, "ada");
    }

    #[test]
    fn contradictions_are_refused() {
        let both = pb::Changes {
            set_attributes: [("a".to_owned(), text("1"))].into(),
            remove_attributes: vec!["a".into()],
            ..Default::default()
        };
        assert!(refused(both).contains("remove_attributes"));
        let set = pb::SetChange { name: "s".into(), add: vec!["x".into()], remove: vec!["x".into()] };
        assert!(refused(pb::Changes { change_sets: vec![set], ..Default::default() }).contains("both"));
        let set = pb::SetChange { name: "s".into(), ..Default::default() };
        let twice = pb::Changes { change_sets: vec![set.clone(), set], ..Default::default() };
        assert!(refused(twice).contains("one entry a set"));
    }

    #[test]
    fn values_must_be_what_they_say() {
        let attribute =
            |value| pb::Changes { set_attributes: [("a".to_owned(), value)].into(), ..Default::default() };
        assert!(refused(attribute(pb::Value { kind: None })).contains("data, text or json"));
        let json = |json: &str| pb::Value { kind: Some(pb::value::Kind::Json(json.into())) };
        assert!(refused(attribute(json("{secret"))).contains("valid JSON"));
        assert!(!refused(attribute(json("{secret"))).contains("secret"));
        assert!(changes(attribute(json("{\"a\": [1]}"))).is_ok());
        let unnamed = pb::Changes { remove_attributes: vec![String::new()], ..Default::default() };
        assert!(refused(unnamed).contains("not empty"));
    }
}
