//! An action of the plan as a command of the engine.

use bytes::Bytes;
use sojourn_node::engine::{Changes, Command, Create, Rotate, SetChange, Update};
use sojourn_node::session::{AuthBlock, Value, ValueKind};

use super::id::secret_of;
use crate::plan::{Action, BORN, Shape, value_of};
use crate::record::IdName;

/// None for a read.
pub(super) fn command(action: Action, operation: usize, shape: &Shape) -> Option<Command> {
    let update = |changes| Some(Command::Update(Update { changes, ..Update::default() }));
    match action {
        Action::Create => Some(Command::Create(Create {
            namespace: "web".into(),
            idle_timeout_ms: shape.idle_timeout_ms,
            absolute_timeout_ms: shape.absolute_timeout_ms,
            changes: born(operation),
        })),
        Action::Set { field } => update(set(attribute(field), operation)),
        Action::Remove { field } => {
            update(Changes { remove_attributes: vec![attribute(field)], ..Changes::default() })
        }
        Action::Add { amount } => {
            update(Changes { add_counters: vec![("n".into(), amount.into())], ..Changes::default() })
        }
        Action::AddMember { member } => update(members(vec![name(member)], Vec::new())),
        Action::RemoveMember { member } => update(members(Vec::new(), vec![name(member)])),
        Action::Login { principal } => {
            let auth =
                AuthBlock { principal: format!("p{principal}").into(), level: 1, ..AuthBlock::default() };
            update(Changes { set_auth: Some(auth), ..Changes::default() })
        }
        Action::Touch => Some(Command::Touch),
        Action::Rotate { grace_ms } => Some(Command::Rotate(Rotate {
            secret: secret_of(IdName::Of(operation)),
            grace_ms: grace_ms.into(),
            update: Update::default(),
        })),
        Action::Revoke => Some(Command::Revoke { reason: value_of(operation).into() }),
        Action::LogOutEverywhere { .. } | Action::Read => None,
    }
}

/// What a session is created with.
fn born(operation: usize) -> Changes {
    set(BORN.into(), operation)
}

fn set(name: std::sync::Arc<str>, operation: usize) -> Changes {
    let value = Value { kind: ValueKind::Text, bytes: value_of(operation).into() };
    Changes { set_attributes: vec![(name, value)], ..Changes::default() }
}

fn attribute(field: u8) -> std::sync::Arc<str> {
    format!("a{field}").into()
}

fn name(member: u8) -> Bytes {
    format!("m{member}").into()
}

fn members(add: Vec<Bytes>, remove: Vec<Bytes>) -> Changes {
    Changes { change_sets: vec![SetChange { name: "s".into(), add, remove }], ..Changes::default() }
}
