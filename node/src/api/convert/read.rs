//! Encoded record → message, without building the record's CRDTs.

use bytes::Bytes;
use sojourn_proto::session::v1 as pb;

use crate::session::{AuthBlock, DecodeError, SessionView, Value, ValueKind};

/// What a caller sees of a live session, and the login behind it.
///
/// # Errors
/// If the record is malformed.
pub(crate) fn session(view: SessionView<'_>) -> Result<(pb::Session, Option<AuthBlock>), DecodeError> {
    let mut message = pb::Session {
        namespace: view.namespace().to_owned(),
        created_at_ms: view.created().wall_ms(),
        absolute_deadline_ms: view.absolute_deadline_ms(),
        idle_timeout_ms: view.idle_timeout_ms(),
        last_seen_ms: view.last_seen_ms(),
        expires_at_ms: view.expires_at_ms(),
        rotated_at_ms: view.ids().current().map_or(0, |rotation| rotation.stamp().wall_ms()),
        ..pb::Session::default()
    };
    let content = view.content()?;
    message.auth = content.auth.clone().map(auth);
    let login = content.auth;
    message.attributes =
        content.attributes.into_iter().map(|(name, held)| (name.to_owned(), value(held))).collect();
    message.counters = content.counters.into_iter().map(|(name, sum)| (name.to_owned(), sum)).collect();
    let sets = content.sets.into_iter();
    message.sets = sets.map(|(name, members)| (name.to_owned(), pb::SetMembers { members })).collect();
    Ok((message, login))
}

pub(crate) fn value(value: Value) -> pb::Value {
    let kind = match value.kind {
        ValueKind::Data => pb::value::Kind::Data(value.bytes),
        ValueKind::Text => pb::value::Kind::Text(text(&value.bytes)),
        ValueKind::Json => pb::value::Kind::Json(text(&value.bytes)),
    };
    pb::Value { kind: Some(kind) }
}

/// Texts were checked when they were written.
fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn auth(auth: AuthBlock) -> pb::AuthBlock {
    let owned = |names: Vec<std::sync::Arc<str>>| names.iter().map(|name| (**name).to_owned()).collect();
    pb::AuthBlock {
        principal: (*auth.principal).to_owned(),
        level: auth.level,
        methods: owned(auth.methods),
        auth_time_ms: auth.auth_time_ms,
        roles: owned(auth.roles),
        csrf_secret: auth.csrf_secret,
    }
}
