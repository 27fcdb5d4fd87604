//! One node process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

use crate::cli::error::CliError;

/// How long a node may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(10);
/// The name under which this binary is a node.
const NODE_NAME: &str = "sojournd";

/// A node process and what has become of it.
#[derive(Debug)]
pub(crate) struct NodeProcess {
    name: String,
    log: PathBuf,
    child: Option<Child>,
    /// Set when somebody asked for its end, so that the end is no surprise.
    stopped: bool,
}

/// The state of a node process, for `sojourn node list`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NodeReport {
    /// For example "eu-1".
    pub(crate) name: String,
    /// While it runs.
    pub(crate) pid: Option<u32>,
}

impl NodeProcess {
    /// A node that does not run yet.
    pub(crate) fn new(name: String, log: PathBuf) -> Self {
        Self { name, log, child: None, stopped: true }
    }

    /// Starts it; its output is appended to its log.
    pub(crate) fn start(&mut self, config: &Path) -> Result<(), CliError> {
        let open = fs::OpenOptions::new().create(true).append(true).open(&self.log);
        let log = open.map_err(|error| CliError::file("cannot open the log", &self.log, error))?;
        let copy =
            log.try_clone().map_err(|error| CliError::file("cannot open the log", &self.log, error))?;
        let binary =
            std::env::current_exe().map_err(|error| CliError::io("cannot find this binary", error))?;
        let child = Command::new(binary)
            .arg0(NODE_NAME)
            .arg("--config")
            .arg(config)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(copy)
            // Ctrl-C is for the parent, which then stops the nodes in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| CliError::io(format!("cannot start {}", self.name), error))?;
        self.child = Some(child);
        self.stopped = false;
        Ok(())
    }

    /// Its process id while it runs.
    pub(crate) fn report(&mut self) -> NodeReport {
        let running = matches!(self.child.as_mut().map(Child::try_wait), Some(Ok(None)));
        let pid = self.child.as_ref().and_then(Child::id).filter(|_| running);
        NodeReport { name: self.name.clone(), pid }
    }

    /// Why it ended although nobody asked it to.
    pub(crate) fn unexpected_end(&mut self) -> Option<CliError> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        if self.stopped {
            return None;
        }
        self.stopped = true;
        Some(CliError::Failed(format!(
            "node {} ended: {}; the end of its log {}:\n{}",
            self.name,
            ended(status),
            self.log.display(),
            tail(&self.log)
        )))
    }

    /// Ends it at once, as a crash does.
    pub(crate) async fn kill(&mut self) -> Result<(), CliError> {
        self.stopped = true;
        if let Some(mut child) = self.child.take() {
            child.kill().await.map_err(|error| CliError::io(format!("cannot kill {}", self.name), error))?;
        }
        Ok(())
    }

    /// Asks it to stop, without waiting.
    pub(crate) async fn ask_to_stop(&mut self) {
        self.stopped = true;
        let Some(pid) = self.child.as_ref().and_then(Child::id) else { return };
        // The standard library cannot send SIGTERM; every POSIX shell can. If
        // this fails, `stop` kills the process after its time.
        let _ = Command::new("sh").arg("-c").arg(format!("kill -TERM {pid}")).status().await;
    }

    /// Asks it to stop, and kills it if it does not.
    pub(crate) async fn stop(&mut self) -> Result<(), CliError> {
        self.ask_to_stop().await;
        self.await_end().await
    }

    /// Waits for the end of a node that was asked to stop.
    pub(crate) async fn await_end(&mut self) -> Result<(), CliError> {
        let Some(child) = self.child.as_mut() else { return Ok(()) };
        match tokio::time::timeout(STOP_MAX, child.wait()).await {
            Ok(Ok(_)) => {
                self.child = None;
                Ok(())
            }
            Ok(Err(error)) => Err(CliError::io(format!("cannot stop {}", self.name), error)),
            Err(_) => self.kill().await,
        }
    }
}

fn ended(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown reason".to_owned(),
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().rev().take(8).collect();
    lines.into_iter().rev().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
