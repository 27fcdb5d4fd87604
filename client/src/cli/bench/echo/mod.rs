//! The floor: a bare tonic server in a process of its own.

mod client;
mod codec;
mod server;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tonic::transport::Channel;

pub(crate) use self::client::{Size, Stream, Unary};
use super::{proc, tls};
use crate::cli::args::EchoArgs;
use crate::cli::cluster::ClusterState;
use crate::cli::error::CliError;
use crate::cli::output::Output;

/// Runs this process as the bare echo until its input is closed.
pub(crate) async fn run(args: EchoArgs, output: &Output) -> Result<(), CliError> {
    let tls = tls::server(&args.ca, &args.cert, &args.key)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|error| CliError::io("cannot listen", error))?;
    let address = listener.local_addr().map_err(|error| CliError::io("cannot listen", error))?;
    output.raw(format!("{address}\n").as_bytes());
    // Whatever ends the parent closes this input.
    let parent =
        tokio::task::spawn_blocking(|| std::io::stdin().lines().map_while(Result::ok).for_each(drop));
    tokio::select! {
        served = server::serve(listener, tls) => served.map_err(|error| CliError::Failed(error.to_string())),
        _ = parent => Ok(()),
    }
}

/// The running process; it ends when dropped.
pub(crate) struct EchoProcess {
    child: Child,
    channel: Channel,
}

impl EchoProcess {
    /// Starts it with the certificate of the cluster's first node.
    pub(crate) async fn start(state: &ClusterState) -> Result<Self, CliError> {
        let first = state.nodes.first().map(|node| node.name.as_str()).unwrap_or_default();
        let file = |extension: &str| state.ca_file.with_file_name(format!("{first}.{extension}"));
        let binary =
            std::env::current_exe().map_err(|error| CliError::io("cannot find this binary", error))?;
        let mut child = Command::new(binary)
            .arg("bench-echo")
            .arg("--ca")
            .arg(&state.ca_file)
            .arg("--cert")
            .arg(file("pem"))
            .arg("--key")
            .arg(file("key"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| CliError::io("cannot start the bare echo", error))?;
        let address = address(&mut child).await?;
        let channel = tls::channel(state, &address).await?;
        Ok(Self { child, channel })
    }

    /// A connection to it.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Its CPU time so far, in microseconds.
    pub(crate) fn cpu_us(&self) -> Option<u64> {
        proc::cpu_us(self.child.id()?)
    }
}

async fn address(child: &mut Child) -> Result<String, CliError> {
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        let read = BufReader::new(stdout).read_line(&mut line).await;
        read.map_err(|error| CliError::io("cannot read from the bare echo", error))?;
    }
    match line.trim() {
        "" => Err(CliError::Failed("the bare echo did not start".into())),
        address => Ok(address.to_owned()),
    }
}
