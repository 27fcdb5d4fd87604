//! Gaps that nobody can fill.
//!
//! A node dies, and with it the only copy of some of its writes, while a later one
//! of them has reached a peer: no gossip brings what is missing, and nobody could
//! go beyond it. So a node whose gap has stood open for a while asks every member
//! of the cluster. Once all of them have said that they hold nothing of it, the
//! entries are lost, and it goes on without them. A member that cannot be reached
//! is waited for: it may be the one that holds them. The lowest gap of an origin
//! comes first, and whoever has none below an entry feeds it to the others, so
//! that all come to hold the same.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Context, Core, Effect, Message};
use crate::engine::Gap;
use crate::session::ReplicaId;

/// For so many `gossip_stall_ms` a gap is left to push, gossip and the log.
const STALLS_MIN: u32 = 5;

/// Gaps asked about in one message.
const ASKED_MAX: usize = 256;

/// A gap of this node.
pub(super) struct GapWatch {
    since: Duration,
    /// The peers that hold nothing of it.
    shared_by: BTreeSet<ReplicaId>,
}

impl Core {
    /// Asks peers about gaps that stand open, and passes over those that all share.
    pub(super) fn watch_gaps(&mut self, context: &mut Context<'_>) {
        let open: BTreeSet<Gap> = context.held.gaps().into_iter().collect();
        self.gaps.retain(|gap, _| open.contains(gap));
        for gap in open {
            let watch = GapWatch { since: context.now, shared_by: BTreeSet::new() };
            self.gaps.entry(gap).or_insert(watch);
        }
        let is_old = self.is_old(context.now);
        for (peer, _) in self.peers.iter().filter(|(_, peer)| peer.link.is_some()) {
            let unknown =
                self.gaps.iter().filter(|(_, watch)| is_old(watch) && !watch.shared_by.contains(peer));
            let asked: Vec<Gap> = unknown.map(|(gap, _)| *gap).take(ASKED_MAX).collect();
            if !asked.is_empty() {
                context.send(*peer, Message::GapsAsked(asked));
            }
        }
        self.pass_over_lost(context);
    }

    fn is_old(&self, now: Duration) -> impl Fn(&GapWatch) -> bool + use<> {
        let patience = Duration::from_millis(self.config.gossip_stall_ms) * STALLS_MIN;
        move |watch| now.saturating_sub(watch.since) >= patience
    }

    pub(super) fn gaps_asked(from: ReplicaId, gaps: Vec<Gap>, context: &mut Context<'_>) {
        let shared: Vec<Gap> = gaps.into_iter().filter(|gap| !context.held.holds_any(*gap)).collect();
        if !shared.is_empty() {
            context.send(from, Message::GapsShared(shared));
        }
    }

    pub(super) fn gaps_shared(&mut self, from: ReplicaId, gaps: &[Gap], context: &mut Context<'_>) {
        for gap in gaps {
            if let Some(watch) = self.gaps.get_mut(gap) {
                watch.shared_by.insert(from);
            }
        }
        self.pass_over_lost(context);
    }

    fn pass_over_lost(&mut self, context: &mut Context<'_>) {
        let is_old = self.is_old(context.now);
        let is_lost =
            |watch: &GapWatch| is_old(watch) && self.peers.keys().all(|peer| watch.shared_by.contains(peer));
        let lost: Vec<Gap> =
            self.gaps.iter().filter(|(_, watch)| is_lost(watch)).map(|(gap, _)| *gap).collect();
        for gap in lost {
            self.gaps.remove(&gap);
            context.effects.push(Effect::PassOver(gap));
        }
    }
}

#[cfg(test)]
mod tests;
