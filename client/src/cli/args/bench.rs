//! Arguments of `bench`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::levels::DurabilityLevel;
use super::quantity::parse_duration;

/// Arguments of `bench`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  sojourn bench                                       every part, in about two minutes
  sojourn bench --only reads,writes --seconds 10      some parts, for longer
  sojourn bench --only mix --rate 20000 --seconds 30  open loop: latency counts from when a call
                                                      was due, not from when it left
  sojourn bench --only mix --reads 0 --writes 100 --touches 0 --durability synced
  sojourn bench --only mix --unary                    one gRPC call each
  sojourn bench --only convergence --regions eu,us,ap --wan 40ms
  sojourn bench --only touches                        what a touch costs between regions

The bench starts clusters of its own in temporary folders. With --data it takes the
cluster of that folder, and starts it if it does not run. In the same run a bare
tonic server, in a process of its own, echoes messages of the same size over the
same TLS. Read the ratios: a shared machine moves both sides of them. CPU time is
that of the server processes, by the operating system's accounting.")]
pub(crate) struct BenchArgs {
    /// The parts to run [default: all].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PARTS")]
    pub(crate) only: Vec<Part>,
    /// The regions [default: one for load, two for bytes, touches and convergence].
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) regions: Option<Vec<String>>,
    /// Nodes in each region.
    #[arg(long, default_value_t = 1, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(crate) nodes: u16,
    /// One-way delay of the links between regions.
    #[arg(long, default_value = "40ms", value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) wan: Duration,
    /// Callers at work at the same time, each with one call under way.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) callers: u32,
    /// Calls a second in the part `mix`, due whether or not earlier ones have been answered.
    #[arg(long, value_name = "PER_SECOND", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub(crate) rate: Option<u32>,
    /// How long each load is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
    /// How long each load runs before it is measured.
    #[arg(long, default_value = "1s", value_parser = parse_duration, value_name = "DURATION")]
    pub(crate) warmup: Duration,
    /// Share of reads in the part `mix`, relative to the other shares.
    #[arg(long, default_value_t = 80)]
    pub(crate) reads: u32,
    /// Share of writes.
    #[arg(long, default_value_t = 15)]
    pub(crate) writes: u32,
    /// Share of touches.
    #[arg(long, default_value_t = 5)]
    pub(crate) touches: u32,
    /// Skew of the choice of sessions: 0 is even, 0.99 is the usual Zipf.
    #[arg(long, default_value_t = 0.99, value_name = "EXPONENT", value_parser = parse_skew)]
    pub(crate) skew: f64,
    /// Sessions that the loads use.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) sessions: u32,
    /// Attributes of each session.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) fields: u32,
    /// Bytes of each attribute's value.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(crate) value_bytes: u32,
    /// When a write of the part `mix` is on disk.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) durability: DurabilityLevel,
    /// The part `mix` makes one unary call each, instead of using the client library.
    #[arg(long)]
    pub(crate) unary: bool,
    /// Writes whose way to another region is timed.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) convergence_samples: u32,
    /// Leave out the bare echo.
    #[arg(long)]
    pub(crate) no_echo: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Part {
    /// Memory of a session.
    Memory,
    /// Unary reads and writes.
    Unary,
    /// Reads through the client library.
    Reads,
    /// Buffered writes through the client library.
    Writes,
    /// Synced against buffered writes.
    Synced,
    /// Reads, writes and touches as the options say.
    Mix,
    /// Bytes between regions for one changed field.
    Bytes,
    /// Bytes between regions for a touch, with 90 % touches, with and without coalescing.
    Touches,
    /// Time until a write is visible in another region.
    Convergence,
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

impl Mix {
    /// Nothing else.
    pub(crate) const READS: Self = Self { reads: 1, writes: 0, touches: 0 };
    /// Nothing else.
    pub(crate) const WRITES: Self = Self { reads: 0, writes: 1, touches: 0 };

    /// The sum of the shares.
    pub(crate) fn total(self) -> u64 {
        u64::from(self.reads) + u64::from(self.writes) + u64::from(self.touches)
    }
}

impl BenchArgs {
    /// The shares; at least one is not 0.
    pub(crate) fn mix(&self) -> Result<Mix, String> {
        let mix = Mix { reads: self.reads, writes: self.writes, touches: self.touches };
        if mix.total() == 0 {
            return Err("--reads, --writes and --touches are all 0: nothing to do".into());
        }
        Ok(mix)
    }

    /// Whether any of these parts is wanted.
    pub(crate) fn wants(&self, parts: &[Part]) -> bool {
        self.only.is_empty() || parts.iter().any(|part| self.only.contains(part))
    }
}

fn parse_skew(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(skew) if (0.0..=4.0).contains(&skew) => Ok(skew),
        _ => Err("allowed: 0 to 4".into()),
    }
}

/// Arguments of the bare echo server, which ends when its input is closed.
#[derive(Args, Clone, Debug)]
pub(crate) struct EchoArgs {
    /// The authority's certificate.
    #[arg(long)]
    pub(crate) ca: PathBuf,
    /// The server's certificate.
    #[arg(long)]
    pub(crate) cert: PathBuf,
    /// The server's private key.
    #[arg(long)]
    pub(crate) key: PathBuf,
}
