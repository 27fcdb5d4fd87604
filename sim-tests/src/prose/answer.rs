//! Answers, and what replicas say of sessions.

use super::Names;
use crate::record::{Answer, Content, IdName, Refusal, Shown};

/// What came back, and from whom.
pub(crate) fn answer(answer: &Answer, names: &Names) -> String {
    match answer {
        Answer::Acknowledged { node } => format!("acknowledged by {}", names.node(*node)),
        Answer::Partly { node } => format!("made at {}, but too few replicas confirmed", names.node(*node)),
        Answer::Read { node, shown: seen } => format!("{} says: {}", names.node(*node), shown(seen)),
        Answer::Refused(why) => format!("refused: {}", refusal(*why)),
        Answer::Unknown => "unknown".to_owned(),
    }
}

fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotFound => "not found",
        Refusal::Revoked => "revoked",
        Refusal::Rotated => "this id was replaced",
        Refusal::AlreadyRotated => "this id was rotated already",
        Refusal::AlreadyExists => "exists already",
        Refusal::NotYet => "not yet",
        Refusal::Unavailable => "unavailable",
        Refusal::Invalid => "invalid",
    }
}

/// What a replica says of a session.
pub(super) fn shown(shown: &Shown) -> String {
    match shown {
        Shown::Live(live) => format!("live, {}", content(live)),
        Shown::Revoked => "revoked".to_owned(),
        Shown::Rotated => "under another id".to_owned(),
        Shown::Absent => "absent".to_owned(),
        Shown::Partial => "only a part".to_owned(),
    }
}

fn content(content: &Content) -> String {
    let attributes: Vec<String> =
        content.attributes.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let members: Vec<&str> = content.members.iter().map(String::as_str).collect();
    format!(
        "{{{}}} n={} s={{{}}} principal {}{}, expires at {} of {} ms",
        attributes.join(" "),
        content.counter,
        members.join(" "),
        content.principal.as_deref().unwrap_or("none"),
        content.id.filter(|id| *id != IdName::First).map_or(String::new(), |id| format!(", {id}")),
        content.expires_at_ms,
        content.absolute_deadline_ms
    )
}
