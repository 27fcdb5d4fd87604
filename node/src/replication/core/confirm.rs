//! Confirming entries to the nodes that made them.
//!
//! An entry may come by a relay or by gossip while there is no link to its
//! origin, and a link may break with confirmations under way. Whoever waits there
//! waits for a confirmation and nothing else, so the newest ones are kept and told
//! again whenever a link to the origin is opened; hearing one twice does no harm.

use std::collections::{BTreeMap, VecDeque};

use super::{Applied, Context, Core, Message};
use crate::session::{Dot, Origin, Partition};

/// Confirmations kept for one origin: more than are waited for at a time, at ten bytes each.
const KEPT_MAX: usize = 1_024;

/// What was confirmed to one start of a node, newest last.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    incarnation: u32,
    dots: VecDeque<(Partition, u64)>,
}

impl Confirmations {
    fn keep(&mut self, incarnation: u32, dots: &[(Partition, u64)]) {
        if incarnation != self.incarnation {
            // Nobody waits any longer for what another start has written.
            *self = Self { incarnation, dots: VecDeque::new() };
        }
        self.dots.extend(dots);
        let surplus = self.dots.len().saturating_sub(KEPT_MAX);
        self.dots.drain(..surplus);
    }

    /// What to tell a start of the node again on a new link.
    pub(super) fn again(&self, origin: Origin) -> Option<Applied> {
        let is_due = origin.incarnation == self.incarnation && !self.dots.is_empty();
        is_due.then(|| Applied { incarnation: self.incarnation, dots: self.dots.iter().copied().collect() })
    }
}

impl Core {
    /// Tells the origins of synced entries that asked for it.
    pub(super) fn confirm_to_origins(&mut self, synced: Vec<(Partition, Dot)>, context: &mut Context<'_>) {
        let mut by_origin: BTreeMap<Origin, Vec<(Partition, u64)>> = BTreeMap::new();
        for (partition, dot) in synced {
            by_origin.entry(dot.origin).or_default().push((partition, dot.seq));
        }
        for (origin, dots) in by_origin {
            let Some(peer) = self.peers.get_mut(&origin.replica) else { continue };
            peer.confirmations.keep(origin.incarnation, &dots);
            if peer.link.is_some() {
                let applied = Applied { incarnation: origin.incarnation, dots };
                context.send(origin.replica, Message::Applied(applied));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::ReplicaId;

    fn origin(incarnation: u32) -> Origin {
        Origin { replica: ReplicaId(1), incarnation }
    }

    #[test]
    fn the_newest_confirmations_of_the_newest_start_are_told_again() {
        let mut kept = Confirmations::default();
        assert_eq!(kept.again(origin(1)), None);
        for seq in 0..KEPT_MAX as u64 + 7 {
            kept.keep(1, &[(Partition(0), seq)]);
        }
        let again = kept.again(origin(1)).unwrap();
        assert_eq!((again.dots.len(), again.dots[0]), (KEPT_MAX, (Partition(0), 7)));
        kept.keep(2, &[(Partition(3), 1)]);
        assert_eq!(kept.again(origin(1)), None);
        let again = Applied { incarnation: 2, dots: vec![(Partition(3), 1)] };
        assert_eq!(kept.again(origin(2)), Some(again));
    }
}
