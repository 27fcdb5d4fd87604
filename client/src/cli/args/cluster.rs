//! Arguments of the commands about a local cluster.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::quantity::{parse_bandwidth, parse_duration};

/// How many nodes, where, and how far apart.
#[derive(Args, Clone, Debug)]
pub(crate) struct ClusterShape {
    /// The regions, by name [default: eu,us,ap, or those of the existing data].
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) regions: Option<Vec<String>>,
    /// Nodes in each region [default: 3, or that of the existing data].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) nodes: Option<u16>,
    /// One-way delay of the links between regions.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0ms")]
    pub(crate) wan: Duration,
    /// Variation of that delay, either way.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "0ms")]
    pub(crate) wan_jitter: Duration,
    /// Bandwidth of each link and direction, for example 100mbit [default: unlimited].
    #[arg(long, value_name = "RATE", value_parser = parse_bandwidth)]
    pub(crate) wan_bandwidth: Option<u64>,
}

/// Arguments of `up`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sojourn up --regions eu,us,ap --nodes 3 --data ./sojourn-data
  sojourn up --wan 40ms --wan-jitter 5ms --wan-bandwidth 100mbit

The folder keeps the certificates of a development CA, the configuration and the
log of every node, and all data. `up` on the same folder goes on where it stopped.
Delete the folder to begin anew. Never use this CA or these keys in production.")]
pub(crate) struct UpArgs {
    /// The cluster.
    #[command(flatten)]
    pub(crate) shape: ClusterShape,
    /// The first node's port; the others follow [default: 7001, or those of the existing data].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..))]
    pub(crate) base_port: Option<u16>,
}

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sojourn demo
  sojourn demo --wan 80ms --keep      slower links; keeps configuration, logs and data

The demo starts three regions of three nodes in a temporary folder, with links
of 40 ms between the regions, and removes them at the end. It exits with 1 if any
check failed. `--output json` prints the list of checks.")]
pub(crate) struct DemoArgs {
    /// Keep the folder with configuration, logs and data.
    #[arg(long)]
    pub(crate) keep: bool,
    /// One-way delay of the links between regions.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "40ms")]
    pub(crate) wan: Duration,
}

/// What to do with the links of a running cluster.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sojourn link cut eu us            bytes stop, connections hang, as in a lost route
  sojourn link cut eu us --reset    connections break and are refused
  sojourn link heal eu us
  sojourn link heal --all")]
pub(crate) enum LinkCommand {
    /// Let nothing pass between two regions.
    #[command(after_help = "\
Examples:
  sojourn link cut eu us
  sojourn link cut eu us --one-way      eu no longer reaches us; us still reaches eu
  sojourn link cut eu us --reset        connections break and are refused")]
    Cut {
        /// One region.
        from: String,
        /// The other region.
        to: String,
        /// Only in the direction given.
        #[arg(long)]
        one_way: bool,
        /// Break connections instead of letting them hang.
        #[arg(long)]
        reset: bool,
    },
    /// Let everything pass again.
    #[command(after_help = "Examples:\n  sojourn link heal eu us\n  sojourn link heal --all")]
    Heal {
        /// One region.
        #[arg(required_unless_present = "all", requires = "to")]
        from: Option<String>,
        /// The other region.
        to: Option<String>,
        /// Heal every link.
        #[arg(long, conflicts_with = "from")]
        all: bool,
    },
    /// The links and their state.
    #[command(after_help = "Example:\n  sojourn link list")]
    List,
}

/// What to do with the nodes of a running cluster.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Examples:
  sojourn node kill eu-1        SIGKILL, as a crash
  sojourn node restart eu-1     start it again with its data")]
pub(crate) enum NodeCommand {
    /// End a node at once (SIGKILL).
    #[command(after_help = "Example:\n  sojourn node kill eu-1")]
    Kill {
        /// For example eu-1.
        name: String,
    },
    /// Ask a node to stop (SIGTERM).
    #[command(after_help = "Example:\n  sojourn node stop eu-1")]
    Stop {
        /// For example eu-1.
        name: String,
    },
    /// Stop a node if it runs, and start it.
    #[command(after_help = "Example:\n  sojourn node restart eu-1")]
    Restart {
        /// For example eu-1.
        name: String,
    },
    /// The processes and their state.
    #[command(after_help = "Example:\n  sojourn node list")]
    List,
}

/// Which node to ask.
#[derive(Args, Clone, Debug)]
pub(crate) struct NodeName {
    /// The node to ask [default: the first that answers].
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
}

/// Arguments of `status`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sojourn status
  sojourn status --digests     exit code 1 if the replicas of any partition differ")]
pub(crate) struct StatusArgs {
    /// Compare the digests of all replicas.
    #[arg(long)]
    pub(crate) digests: bool,
}
