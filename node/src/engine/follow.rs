//! Following the log: every entry that enters the engine, whoever wrote it.
//!
//! The log is the order in which entries entered, so its newest blocks are the live
//! source, and what lies further back is found by version vector. A reader holds
//! nothing here: one that is too slow finds its place gone and reads by vector.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::log::{LogEntry, LogPlace, Run};
use super::{Core, Engine};
use crate::session::{Origin, Partition, VersionVector};

/// What one partition's log holds beyond a version vector: the next part of it.
#[derive(Debug, Default)]
pub struct Beyond {
    /// Entries in the order in which they entered, those of each origin ascending.
    pub entries: Vec<LogEntry>,
    /// Numbers up to here were refused or are held by nobody: no entry of them exists here.
    pub vacant: Vec<(Origin, u64)>,
    /// Numbers up to here are held, but no longer in the log.
    pub lost: Vec<(Origin, u64)>,
}

impl Beyond {
    /// True if there is nothing beyond the vector.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.vacant.is_empty() && self.lost.is_empty()
    }
}

/// Where each origin goes on, and in which block.
#[derive(Default)]
struct Next {
    runs: BTreeMap<Origin, Run>,
    beyond: Beyond,
}

impl Engine {
    /// Where the log ends now.
    #[must_use]
    pub fn log_end(&self) -> LogPlace {
        self.core.log.end()
    }

    /// Entries of all partitions after a place, at most `items_max`, and the place after
    /// them. `None`: the place is no longer in memory; read by [`Self::entries_beyond`].
    #[must_use]
    pub fn log_after(
        &self,
        place: LogPlace,
        items_max: usize,
    ) -> Option<(Vec<std::sync::Arc<LogEntry>>, LogPlace)> {
        self.core.log.after(place, items_max)
    }

    /// Waits until the log goes on after a place, or vectors move without it (see
    /// [`Self::jumps`]).
    pub async fn log_grown(&self, place: LogPlace, jumps: u64) {
        loop {
            let grown = self.core.log.grown();
            tokio::pin!(grown);
            // Registered before the look, so that no growth in between is missed.
            grown.as_mut().enable();
            if self.core.log.end() != place || self.jumps() != jumps {
                return;
            }
            grown.await;
        }
    }

    /// How often since the start a version vector moved without the log: by a transfer from a
    /// peer, or past numbers that were refused or that nobody holds.
    #[must_use]
    pub fn jumps(&self) -> u64 {
        self.core.jumps.load(Ordering::Acquire)
    }

    /// The numbers up to which a partition holds everything, by origin.
    #[must_use]
    pub fn held(&self, partition: Partition) -> VersionVector {
        self.core.cell(partition).map_or_else(VersionVector::new, |cell| {
            let state = cell.state.lock();
            state.vectors.contiguous().clone()
        })
    }

    /// What the log of a partition holds after a version vector: about one block of
    /// it. Entries that came before an earlier one of their origin wait for that one.
    pub async fn entries_beyond(&self, partition: Partition, after: &VersionVector) -> Beyond {
        let core = &self.core;
        let Next { runs, mut beyond } = core.next_runs(partition, after);
        let Some(number) = runs.values().map(|run| run.block).min() else { return beyond };
        let runs: BTreeMap<_, _> = runs.into_iter().filter(|(_, run)| run.block == number).collect();
        let count = core.config.partition_count;
        if let Some(block) = core.block(number).await {
            let is_next = |entry: &&std::sync::Arc<LogEntry>| {
                let run = runs.get(&entry.origin).filter(|_| entry.key.partition(count) == partition);
                run.is_some_and(|run| (run.first..=run.last).contains(&entry.seq))
            };
            beyond.entries =
                block.entries.iter().filter(is_next).map(|entry| LogEntry::clone(entry)).collect();
        }
        if beyond.entries.is_empty() {
            // The block went away meanwhile, or its disk cannot read it.
            beyond.lost.extend(runs.into_iter().map(|(origin, run)| (origin, run.last)));
        }
        beyond
    }
}

impl Core {
    /// Tells followers that a vector moved though the log did not.
    pub(super) fn jumped(&self) {
        self.jumps.fetch_add(1, Ordering::AcqRel);
        self.log.tell_followers();
    }

    fn next_runs(&self, partition: Partition, after: &VersionVector) -> Next {
        let mut next = Next::default();
        let Some(cell) = self.cell(partition) else { return next };
        let state = cell.state.lock();
        for (origin, held) in &state.vectors.contiguous().dots {
            let (origin, held, seq) = (*origin, *held, after.get(origin));
            if held <= seq {
                continue;
            }
            let Some(first) = state.vectors.next_held(origin, seq + 1).filter(|first| *first <= held) else {
                next.beyond.vacant.push((origin, held));
                continue;
            };
            match state.index.from(&origin, first) {
                Some(run) if run.first == first => {
                    next.runs.insert(origin, Run { last: run.last.min(held), ..run });
                }
                Some(run) => next.beyond.lost.push((origin, held.min(run.first - 1))),
                None => next.beyond.lost.push((origin, held)),
            }
        }
        next
    }
}
