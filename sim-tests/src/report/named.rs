//! What a violation speaks of.

use std::collections::BTreeSet;

use crate::plan::{NodeId, SessionId};
use crate::record::Outcome;

/// The sessions, nodes and operations that the violation's words name.
#[derive(Default)]
pub(super) struct Named {
    pub(super) sessions: BTreeSet<SessionId>,
    pub(super) nodes: BTreeSet<NodeId>,
    pub(super) operations: BTreeSet<usize>,
}

impl Named {
    pub(super) fn new(outcome: &Outcome) -> Self {
        let Some(violation) = &outcome.violation else { return Self::default() };
        let words: Vec<&str> = violation
            .detail
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|w| !w.is_empty())
            .collect();
        let mut named = Self::default();
        for pair in words.windows(2) {
            let Ok(number) = pair[1].parse::<u32>() else { continue };
            match pair[0].to_lowercase().as_str() {
                "session" => _ = named.sessions.insert(SessionId(number)),
                "node" => _ = u16::try_from(number).map(|node| named.nodes.insert(NodeId(node))),
                "operation" | "call" => _ = named.operations.insert(number as usize),
                _ => {}
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Violation;

    #[test]
    fn finds_what_the_words_name() {
        let detail = "Node 3 serves session 7 (operation 12), revoked; session lost".to_owned();
        let violation = Some(Violation { invariant: "I6", at_us: 1, detail });
        let outcome = Outcome {
            violation,
            is_held_back: false,
            trace_hash: 0,
            happenings: 0,
            simulated_us: 0,
            counts: Default::default(),
            faults_begun: 0,
            faults: Default::default(),
            timeline: Vec::new(),
        };
        let named = Named::new(&outcome);
        assert_eq!(named.sessions, BTreeSet::from([SessionId(7)]));
        assert_eq!(named.nodes, BTreeSet::from([NodeId(3)]));
        assert_eq!(named.operations, BTreeSet::from([12]));
    }
}
