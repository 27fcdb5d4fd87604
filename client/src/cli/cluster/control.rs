//! Commands to a running `sojourn up`: one JSON line each way over a local socket.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::links::LinkReport;
use super::process::NodeReport;
use super::running::LocalCluster;
use super::state::ClusterState;
use crate::cli::error::CliError;
use crate::cli::host;
use crate::cli::wan::LinkMode;

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Cut or heal one link.
    SetLink {
        /// One region.
        from: String,
        /// The other.
        to: String,
        /// Only in that direction.
        one_way: bool,
        /// What it does from now on.
        mode: LinkMode,
    },
    /// Heal every link.
    HealAll,
    /// The links.
    Links,
    /// End a node at once.
    Kill {
        /// Which.
        name: String,
    },
    /// Ask a node to stop.
    Stop {
        /// Which.
        name: String,
    },
    /// Stop and start a node.
    Restart {
        /// Which.
        name: String,
    },
    /// The processes.
    Nodes,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "value", rename_all = "snake_case")]
pub(crate) enum Answer {
    /// Done.
    Done,
    /// The links.
    Links(Vec<LinkReport>),
    /// The processes.
    Nodes(Vec<NodeReport>),
    /// It failed, or was wrong.
    Error(String),
}

/// Takes commands until the task is dropped.
pub(crate) fn serve(cluster: Arc<LocalCluster>) -> Result<(), CliError> {
    let path = cluster.state().control_socket.clone();
    let listener = bind(&path)?;
    host::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let cluster = cluster.clone();
            // A caller that goes away before its answer is no concern of others.
            host::spawn(async move { serve_one(stream, &cluster).await.ok() });
        }
    });
    Ok(())
}

fn bind(path: &Path) -> Result<UnixListener, CliError> {
    // Left over from a process that was killed: the ports are free, so nobody serves it.
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path).map_err(|error| {
        CliError::file("cannot listen for commands (a path is at most 107 bytes long) at", path, error)
    })
}

async fn serve_one(stream: UnixStream, cluster: &LocalCluster) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let answer = match serde_json::from_str(&line) {
        Ok(request) => {
            perform(cluster, request).await.unwrap_or_else(|error| Answer::Error(error.to_string()))
        }
        Err(error) => Answer::Error(format!("not a command: {error}")),
    };
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    stream.get_mut().write_all(text.as_bytes()).await
}

async fn perform(cluster: &LocalCluster, request: Request) -> Result<Answer, CliError> {
    match request {
        Request::SetLink { from, to, one_way, mode } => cluster.links().set(&from, &to, one_way, mode)?,
        Request::HealAll => cluster.links().heal_all(),
        Request::Links => return Ok(Answer::Links(cluster.links().report())),
        Request::Kill { name } => cluster.kill(&name).await?,
        Request::Stop { name } => cluster.stop_node(&name).await?,
        Request::Restart { name } => {
            cluster.restart(&name).await?;
            cluster.wait_node(&name).await?;
        }
        Request::Nodes => return Ok(Answer::Nodes(cluster.report().await)),
    }
    Ok(Answer::Done)
}

/// Sends one command to the running `sojourn up` of a folder.
pub(crate) async fn send(dir: &Path, request: &Request) -> Result<Answer, CliError> {
    let state = ClusterState::read(dir)?;
    let stream = UnixStream::connect(&state.control_socket).await.map_err(|error| {
        CliError::Unreachable(format!(
            "no `sojourn up` is running for {} ({error}); start it with `sojourn up --data {0}`",
            dir.display()
        ))
    })?;
    let lost = |error| CliError::io("lost the running `sojourn up`", error);
    let mut stream = BufReader::new(stream);
    let mut text = serde_json::to_string(request).unwrap_or_default();
    text.push('\n');
    stream.get_mut().write_all(text.as_bytes()).await.map_err(lost)?;
    let mut line = String::new();
    stream.read_line(&mut line).await.map_err(lost)?;
    match serde_json::from_str(&line) {
        Ok(Answer::Error(message)) => Err(CliError::Failed(message)),
        Ok(answer) => Ok(answer),
        Err(_) => {
            Err(CliError::Unreachable("the running `sojourn up` gave no answer; is it stopping?".into()))
        }
    }
}
