//! Calls as they were planned.

use super::duration;
use crate::plan::{Action, Consistency, Durability, PlannedOperation, Shows, Token};

/// All that was asked, and by whom. Calls of the liveness phase are in no plan.
pub(crate) fn call(number: usize, again: bool, planned: Option<&PlannedOperation>) -> String {
    let named = named(number, again);
    planned.map_or_else(
        || format!("{named} of the liveness phase"),
        |planned| format!("{named} by client {}: {}", planned.client, asked(planned)),
    )
}

/// Which call it is, as short as tells it from others of the same session.
pub(super) fn short(number: usize, again: bool, planned: Option<&PlannedOperation>) -> String {
    let named = named(number, again);
    planned.map_or_else(
        || format!("{named} (of the liveness phase)"),
        |planned| format!("{named} ({} on {})", action(planned.action), planned.session),
    )
}

fn named(number: usize, again: bool) -> String {
    format!("call {number}{}", if again { " again" } else { "" })
}

fn asked(planned: &PlannedOperation) -> String {
    let mut said =
        format!("{} on {}, {}", action(planned.action), planned.session, consistency(planned.consistency));
    if let Some(durability) = durability(planned) {
        said.push_str(&format!(", {durability}"));
    }
    said.push_str(&format!(", token {}", token(planned.token)));
    match planned.shows {
        Shows::Newest => said,
        Shows::Before => said + ", by an earlier id",
    }
}

/// What is to be done with the session.
pub(crate) fn action(action: Action) -> String {
    match action {
        Action::Create => "create".into(),
        Action::Set { field } => format!("set a{field}"),
        Action::Remove { field } => format!("remove a{field}"),
        Action::Add { amount } => format!("add {amount}"),
        Action::AddMember { member } => format!("add member m{member}"),
        Action::RemoveMember { member } => format!("remove member m{member}"),
        Action::Login { principal } => format!("log in p{principal}"),
        Action::LogOutEverywhere { principal } => format!("log p{principal} out everywhere"),
        Action::Touch => "touch".into(),
        Action::Rotate { grace_ms: 0 } => "rotate at once".into(),
        Action::Rotate { grace_ms } => format!("rotate with {} of grace", duration(grace_ms.into())),
        Action::Revoke => "revoke".into(),
        Action::Read => "read".into(),
    }
}

/// Whom a call waits for.
pub(crate) fn consistency(consistency: Consistency) -> &'static str {
    match consistency {
        Consistency::LocalOne => "local one",
        Consistency::LocalQuorum => "local quorum",
        Consistency::EachQuorum => "each quorum",
        Consistency::All => "all",
    }
}

/// A read has none.
pub(crate) fn durability(planned: &PlannedOperation) -> Option<&'static str> {
    planned.action.is_write().then_some(match planned.durability {
        Durability::Buffered => "buffered",
        Durability::Synced => "synced",
    })
}

/// Which causal token goes along.
pub(crate) fn token(token: Token) -> &'static str {
    match token {
        Token::None => "none",
        Token::Own => "own",
        Token::Newest => "newest",
        Token::Forged => "forged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::SessionId;

    fn planned(action: Action) -> PlannedOperation {
        PlannedOperation {
            at_ms: 0,
            client: 2,
            session: SessionId(3),
            action,
            consistency: Consistency::LocalQuorum,
            durability: Durability::Synced,
            token: Token::Own,
            shows: Shows::Newest,
            repeated: false,
            timeout_ms: 1,
        }
    }

    #[test]
    fn a_call_says_all_that_was_asked() {
        let said = call(5, true, Some(&planned(Action::Set { field: 1 })));
        assert_eq!(said, "call 5 again by client 2: set a1 on session 3, local quorum, synced, token own");
        let said = call(6, false, Some(&planned(Action::Read)));
        assert_eq!(said, "call 6 by client 2: read on session 3, local quorum, token own");
        let rotation = Action::Rotate { grace_ms: 1_500 };
        let said = call(7, false, Some(&PlannedOperation { shows: Shows::Before, ..planned(rotation) }));
        assert!(said.contains("rotate with 1.5 s of grace") && said.ends_with("by an earlier id"), "{said}");
    }

    #[test]
    fn calls_without_a_plan_are_of_the_liveness_phase() {
        assert_eq!(call(70, false, None), "call 70 of the liveness phase");
        assert_eq!(short(5, false, Some(&planned(Action::Revoke))), "call 5 (revoke on session 3)");
    }
}
