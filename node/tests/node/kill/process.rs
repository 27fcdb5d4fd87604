//! A `sojournd` of its own process, and what its log has told so far.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tokio::sync::watch;

use crate::support::nodes::PATIENCE;

/// What a process has logged since it started.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Lines of any kind.
    pub(crate) lines: usize,
    /// It serves.
    pub(crate) is_up: bool,
    /// Checkpoints begun.
    pub(crate) checkpoints: usize,
    /// Compactions begun.
    pub(crate) compactions: usize,
}

/// A process that dies of SIGKILL, when the test says so or when it ends.
pub(crate) struct Process {
    child: Child,
    seen: watch::Receiver<Seen>,
}

impl Process {
    pub(crate) fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sojournd"));
        let mut child = command.arg("--config").arg(config).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, seen) = watch::channel(Seen::default());
        std::thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                // What a node complains about matters when a check fails.
                if line.contains(" ERROR ") || line.contains("panicked") {
                    println!("{line}");
                }
                sender.send_modify(|seen| {
                    seen.lines += 1;
                    seen.is_up |= line.contains("node is up");
                    seen.checkpoints += usize::from(line.contains("a checkpoint begins"));
                    seen.compactions += usize::from(line.contains("a compaction begins"));
                });
            }
        });
        Self { child, seen }
    }

    /// What its log has told so far.
    pub(crate) fn seen(&self) -> Seen {
        *self.seen.borrow()
    }

    /// Waits until its log has told enough.
    pub(crate) async fn wait_for(&mut self, what: &str, mut enough: impl FnMut(&Seen) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, self.seen.wait_for(|seen| enough(seen))).await;
        let ended = || panic!("the process ended before {what}");
        waited.unwrap_or_else(|_| panic!("never {what}")).unwrap_or_else(|_| ended());
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only if the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
