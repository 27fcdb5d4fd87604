//! Arguments of `bench`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::cluster::ClusterShape;
use super::quantity::parse_duration;
use super::session::DurabilityLevel;

/// Arguments of `bench`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sojourn bench                                   64 callers over pipelined streams
  sojourn bench --unary --callers 64              one gRPC call each
  sojourn bench --rate 20000 --seconds 30         open loop: latency counts from when
                                                  each call was due, not from when it left
  sojourn bench --reads 0 --writes 100 --touches 0 --durability synced

In the same run a bare tonic server echoes answers of the same size over the same
TLS; the ratios to it are printed. Read the ratios: a shared machine moves both.")]
pub(crate) struct BenchArgs {
    /// The cluster to start, unless --data names one that runs.
    #[command(flatten)]
    pub(crate) shape: ClusterShape,
    /// Callers at work at the same time, each with one call under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) callers: u32,
    /// Calls a second, sent whether or not earlier ones have been answered.
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) rate: Option<u32>,
    /// How long to measure.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// How long to run before measuring.
    #[arg(long, default_value = "2s", value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) warmup: Duration,
    /// Share of reads, relative to the other shares.
    #[arg(long, default_value_t = 80)]
    pub(crate) reads: u32,
    /// Share of writes.
    #[arg(long, default_value_t = 15)]
    pub(crate) writes: u32,
    /// Share of touches.
    #[arg(long, default_value_t = 5)]
    pub(crate) touches: u32,
    /// Skew of the choice of sessions: 0 is even, 0.99 is the usual Zipf.
    #[arg(long, default_value_t = 0.99, value_name = "EXPONENT")]
    pub(crate) skew: f64,
    /// Sessions made beforehand.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) sessions: u32,
    /// Attributes of each session.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) fields: u32,
    /// Bytes of each attribute's value.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) value_bytes: u32,
    /// When a write is on disk.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) durability: DurabilityLevel,
    /// One unary call each, instead of the client library's streams.
    #[arg(long)]
    pub(crate) unary: bool,
    /// Writes whose way to the other regions is timed; 0 leaves it out.
    #[arg(long, default_value_t = 100)]
    pub(crate) convergence_samples: u32,
    /// The region to load [default: the first].
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,
    /// Leave out the bare echo.
    #[arg(long)]
    pub(crate) no_echo: bool,
}

/// Shares of each kind of call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Mix {
    /// Reads.
    pub(crate) reads: u32,
    /// Writes of one attribute.
    pub(crate) writes: u32,
    /// Touches.
    pub(crate) touches: u32,
}

impl BenchArgs {
    /// The shares; at least one is not 0.
    pub(crate) fn mix(&self) -> Result<Mix, String> {
        let mix = Mix { reads: self.reads, writes: self.writes, touches: self.touches };
        if mix.total() == 0 {
            return Err("--reads, --writes and --touches are all 0: nothing to do".into());
        }
        if !(0.0..=4.0).contains(&self.skew) {
            return Err(format!("--skew {} is not in 0 to 4", self.skew));
        }
        Ok(mix)
    }
}

impl Mix {
    /// The sum of the shares.
    pub(crate) fn total(self) -> u64 {
        u64::from(self.reads) + u64::from(self.writes) + u64::from(self.touches)
    }
}

/// Arguments of the bare echo server.
#[derive(Args, Clone, Debug)]
pub(crate) struct EchoArgs {
    /// Where to listen; port 0 takes a free one. The address is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// The certificates of the cluster it is compared with.
    #[arg(long, value_parser = PathBuf::from_str)]
    pub(crate) tls: PathBuf,
    /// Bytes of the attributes in an answer to a read.
    #[arg(long)]
    pub(crate) answer_bytes: usize,
}
