//! Sessions as the plan speaks of them, as the client library and as the wire have them.

use std::collections::BTreeMap;

use sojourn_client::{Auth, Changes, Session, Value};
use sojourn_proto::session::v1 as pb;
use tonic::{Code, Status};

use crate::plan::{Action, BORN, value_of};
use crate::record::{Content, IdName, Shown};

/// The namespace of all planned sessions.
pub(super) const NAMESPACE: &str = "sim";
const COUNTER: &str = "n";
const SET: &str = "s";

/// What operation `number` writes; none if it is no change of content.
pub(super) fn changes(action: Action, number: usize) -> Option<Changes> {
    let changes = Changes::new();
    Some(match action {
        Action::Set { field } => changes.set(format!("a{field}"), value_of(number)),
        Action::Remove { field } => changes.remove(format!("a{field}")),
        Action::Add { amount } => changes.add(COUNTER, amount.into()),
        Action::AddMember { member } => changes.add_member(SET, format!("m{member}").into_bytes()),
        Action::RemoveMember { member } => changes.remove_member(SET, format!("m{member}").into_bytes()),
        Action::Login { principal } => changes.auth(Auth::new(format!("p{principal}"))),
        Action::Create => changes.set(BORN, value_of(number)),
        Action::LogOutEverywhere { .. }
        | Action::Touch
        | Action::Rotate { .. }
        | Action::Revoke
        | Action::Read => return None,
    })
}

/// The same for the wire.
pub(super) fn wire_changes(action: Action, number: usize) -> Option<pb::Changes> {
    let mut changes = pb::Changes::default();
    let change = |add: Vec<bytes::Bytes>, remove| pb::SetChange { name: SET.to_owned(), add, remove };
    let name = |member: u8| bytes::Bytes::from(format!("m{member}"));
    match action {
        Action::Set { field } => {
            let kind = Some(pb::value::Kind::Text(value_of(number)));
            changes.set_attributes = BTreeMap::from([(format!("a{field}"), pb::Value { kind })]);
        }
        Action::Remove { field } => changes.remove_attributes = vec![format!("a{field}")],
        Action::Add { amount } => {
            changes.add_counters = BTreeMap::from([(COUNTER.to_owned(), amount.into())]);
        }
        Action::AddMember { member } => changes.change_sets = vec![change(vec![name(member)], Vec::new())],
        Action::RemoveMember { member } => changes.change_sets = vec![change(Vec::new(), vec![name(member)])],
        _ => return None,
    }
    Some(changes)
}

/// What a reader of the client library sees, and by which id if that is the session's.
pub(super) fn content(session: &Session, id: Option<IdName>) -> Content {
    let text = |(name, value): (&String, &Value)| (name.clone(), readable(value.as_bytes()));
    let members = session.sets.get(SET).into_iter().flatten();
    Content {
        attributes: session.attributes.iter().map(text).collect(),
        counter: session.counter(COUNTER),
        members: members.map(|member| readable(member)).collect(),
        principal: session.principal().map(str::to_owned),
        id,
        absolute_deadline_ms: session.absolute_deadline_ms,
        expires_at_ms: session.expires_at_ms,
    }
}

/// What a node shows of a session to whoever has an id of it; none if it did not say.
pub(super) fn shown_by(answer: Result<pb::GetResponse, Status>, id: IdName) -> Option<Shown> {
    match answer {
        Ok(answer) => {
            let id = Some(id).filter(|_| !answer.id_replaced);
            answer.session.map(|session| Shown::Live(wire_content(session, id)))
        }
        Err(status) => match status.code() {
            Code::NotFound => Some(Shown::Absent),
            Code::FailedPrecondition if status.message().contains("another id") => Some(Shown::Rotated),
            Code::FailedPrecondition => Some(Shown::Revoked),
            Code::Unavailable if status.message().contains("only a part") => Some(Shown::Partial),
            _ => None,
        },
    }
}

fn wire_content(session: pb::Session, id: Option<IdName>) -> Content {
    let text = |(name, value): (String, pb::Value)| {
        let value = match value.kind {
            Some(pb::value::Kind::Text(text) | pb::value::Kind::Json(text)) => text,
            Some(pb::value::Kind::Data(bytes)) => readable(&bytes),
            None => String::new(),
        };
        (name, value)
    };
    let members = session.sets.get(SET).map(|set| set.members.clone()).unwrap_or_default();
    let principal = session.auth.map(|auth| auth.principal).filter(|principal| !principal.is_empty());
    Content {
        counter: session.counters.get(COUNTER).copied().unwrap_or_default(),
        members: members.iter().map(|member| readable(member)).collect(),
        principal,
        id,
        absolute_deadline_ms: session.absolute_deadline_ms,
        expires_at_ms: session.expires_at_ms,
        attributes: session.attributes.into_iter().map(text).collect(),
    }
}

fn readable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
