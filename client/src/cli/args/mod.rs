//! The arguments of every command.

mod bench;
mod cluster;
mod directory;
mod feed;
mod levels;
mod namespace;
mod quantity;
mod session;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::bench::{BenchArgs, EchoArgs, Mix, Part};
pub(crate) use self::cluster::{
    ClusterShape, DemoArgs, LinkCommand, NodeCommand, NodeName, StatusArgs, UpArgs,
};
pub(crate) use self::directory::{PolicyArgs, PolicyCommand, PolicySetArgs, PrincipalArgs, PrincipalCommand};
pub(crate) use self::feed::{ArchiveArgs, ExplainArgs, FeedSource, WatchArgs};
pub(crate) use self::levels::{DurabilityLevel, Level, ReadLevel, WriteArgs};
pub(crate) use self::namespace::{CopyArgs, ExportArgs, ImportArgs, NamespaceCommand};
pub(crate) use self::session::{
    AddArgs, AuthArgs, CreateArgs, GetArgs, Reach, ReceiptArgs, RevokeArgs, RotateArgs, SessionArgs,
    SessionCommand, SetArgs, Target, TouchArgs, UnsetArgs,
};
use crate::cli::output::Format;

/// Sessions that every region reads and writes locally.
#[derive(Debug, Parser)]
#[command(name = "sojourn", version, about, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    pub(crate) output: Format,
    /// The folder of the local cluster [default: ./sojourn-data].
    #[arg(long, global = true, env = "SOJOURN_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The folder used when none is named.
const DATA_DEFAULT: &str = "./sojourn-data";

impl Cli {
    /// The folder of the local cluster.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(|| PathBuf::from(DATA_DEFAULT))
    }
}

const EXAMPLES: &str = "\
Examples:
  sojourn demo                                    play the whole story, with checks
  sojourn up --regions eu,us,ap --nodes 3         a cluster of nine nodes, until Ctrl-C
  sojourn up --wan 40ms --wan-jitter 5ms          the same with slow links between regions
  sojourn session create --region eu --attr user=alice
  sojourn session get ID --region us
  sojourn principal logout alice                  log out everywhere, with one write
  sojourn link cut eu us                          in another terminal, while `up` runs
  sojourn watch default                           what happens to sessions, as it happens
  sojourn explain default ID                      why a session is as it is
  sojourn status --digests
  sojourn bench                                   how fast, beside a bare tonic server

Exit codes: 0 done, 1 failed or a check failed, 2 wrong use, 3 no cluster
reachable, 4 refused by the cluster, 5 made, but not yet as widely as asked for.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a local cluster of real nodes until Ctrl-C; its data stays.
    Up(UpArgs),
    /// Cut and heal the links between regions of a running cluster.
    #[command(subcommand)]
    Link(LinkCommand),
    /// Kill, stop and restart nodes of a running cluster.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Create, read, change and end sessions.
    Session(SessionArgs),
    /// List and end the sessions of a principal.
    Principal(PrincipalArgs),
    /// What a namespace demands of its sessions.
    Policy(PolicyArgs),
    /// Export and import the sessions of a namespace, encrypted.
    #[command(subcommand)]
    Namespace(NamespaceCommand),
    /// Follow what happens to sessions, as it happens.
    Watch(WatchArgs),
    /// Keep ended sessions in files, as they were before they ended.
    Archive(ArchiveArgs),
    /// How a session came to be as it is, and which replica has what.
    Explain(ExplainArgs),
    /// How every node is doing; with --digests whether all replicas agree.
    Status(StatusArgs),
    /// The nodes of the cluster, as committed by Raft.
    #[command(after_help = "Examples:\n  sojourn members\n  sojourn members --node eu-1")]
    Members(NodeName),
    /// Which nodes hold which partitions.
    #[command(after_help = "Examples:\n  sojourn layout\n  sojourn layout --node eu-1 --output json")]
    Layout(NodeName),
    /// Play the story of a login, a cut link, a logout and a heal, with checks.
    Demo(DemoArgs),
    /// Measure rates, latencies, CPU time, bytes and memory beside a bare tonic server.
    Bench(BenchArgs),
    /// The bare tonic server that `bench` starts.
    #[command(hide = true)]
    BenchEcho(EchoArgs),
    /// Print the completions for a shell.
    Completions(CompletionsArgs),
}

/// For which shell.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  sojourn completions bash > ~/.local/share/bash-completion/completions/sojourn"
)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub(crate) shell: Shell,
}

#[cfg(test)]
mod tests;
