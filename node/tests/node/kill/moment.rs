//! When a process is killed.

use sojourn_node::env::{Rng, StdRng};
use tokio::sync::watch;

use super::process::Process;
use crate::support::nodes::PATIENCE;

/// Writes after which a compaction should have been due.
const COMPACTION_WRITES_MAX: u64 = 200;

/// The moment of a kill, told by what is seen from outside and not by a time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// After so many lines of its log, most of them before it serves.
    Starting { lines: usize },
    /// After so many acknowledged writes.
    Writing { writes: u64 },
    /// When a checkpoint begins, after so many before it.
    Checkpointing { before: usize },
    /// When a compaction begins, and so many writes later; without one, after [`COMPACTION_WRITES_MAX`].
    Compacting { writes: u64 },
}

impl Moment {
    pub(crate) fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..8) {
            0 => Self::Starting { lines: rng.random_range(0..12) },
            1..4 => Self::Writing { writes: rng.random_range(1..60) },
            4..6 => Self::Checkpointing { before: rng.random_range(0..6) },
            _ => Self::Compacting { writes: rng.random_range(0..10) },
        }
    }

    /// Waits until it has come for a process that serves; `written` counts acknowledged writes.
    pub(crate) async fn come(self, process: &mut Process, written: &mut watch::Receiver<u64>) {
        let begun = process.seen();
        match self {
            Self::Starting { .. } => {}
            Self::Writing { writes } => wait_for_writes(written, writes).await,
            Self::Checkpointing { before } => {
                let until = begun.checkpoints + before;
                process.wait_for("in a checkpoint", |seen| seen.checkpoints > until).await;
            }
            Self::Compacting { writes } => {
                let began = tokio::select! {
                    () = process.wait_for("in a compaction", |seen| seen.compactions > begun.compactions) => true,
                    () = wait_for_writes(written, COMPACTION_WRITES_MAX) => false,
                };
                if began {
                    let more = *written.borrow() + writes;
                    wait_for_writes(written, more).await;
                }
            }
        }
    }
}

async fn wait_for_writes(written: &mut watch::Receiver<u64>, writes: u64) {
    let waited = tokio::time::timeout(PATIENCE, written.wait_for(|written| *written >= writes)).await;
    waited.expect("the writes did not go on").expect("the writers ended");
}
