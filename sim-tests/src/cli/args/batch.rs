//! Arguments of commands that run many seeds.

use std::path::PathBuf;

use clap::Args;

use super::Level;

/// Arguments of `run`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn-sim run --seeds 20000 --require-coverage     as continuous integration does
  sojourn-sim run --level full --seeds 100 --jobs 2
  sojourn-sim run --scenario swizzle-clog --seeds 500
  sojourn-sim run --until-failure --seed-base 1000000  until something breaks

Each failing seed is one line with the command that replays it. A panic of the
product is a failure like any other.")]
pub(crate) struct RunArgs {
    /// How many seeds [default: 1000, or without end with --until-failure].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: Option<u64>,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) seed_base: u64,
    /// How much of the product takes part [default: core, or where the scenario once failed].
    #[arg(long, value_enum)]
    pub(crate) level: Option<Level>,
    /// Only this scene; without it every seed draws a cluster, a workload and faults of its own.
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// End with the first seed that fails.
    #[arg(long)]
    pub(crate) until_failure: bool,
    /// Seeds that run at the same time [default: as many as there are cores].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// Fail also if a kind of fault never happened or never changed anything.
    #[arg(long, conflicts_with = "scenario")]
    pub(crate) require_coverage: bool,
    /// Lines in place of a progress bar.
    #[arg(long)]
    pub(crate) plain: bool,
}

/// Arguments of `drill`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn-sim drill sim-tests/drills/region-outage.toml
  sojourn-sim drill my-outage.toml --seeds 20 --report outage.html

The example file explains every setting. A seed draws who calls when, and every
latency; the cluster and the faults are those of the file.")]
pub(crate) struct DrillArgs {
    /// The drill.
    #[arg(value_name = "FILE.toml")]
    pub(crate) file: PathBuf,
    /// How many times it is run, each time with another seed.
    #[arg(long, default_value_t = 3, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    pub(crate) seed_base: u64,
    /// Write a page that shows the first run, or the first that broke a promise.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) report: Option<PathBuf>,
    /// Runs at the same time [default: as many as there are cores].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
}

/// Arguments of `plants`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn-sim plants
  sojourn-sim plants --only acknowledge-before-sync
  sojourn-sim plants --scenario logout-race --seeds-max 20
  sojourn-sim plants --markdown                        the table of sim-tests/README.md

The command needs a build with the feature `planted-bugs`:
  cargo run --release -p sojourn_sim --features planted-bugs --bin sojourn-sim -- plants")]
#[cfg_attr(not(feature = "planted-bugs"), allow(dead_code, reason = "read only by builds with planted bugs"))]
pub(crate) struct PlantsArgs {
    /// Only this one.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Look in this scene only; without it each is looked for where it shows soonest.
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// Seeds to try for each [default: 2000 at the core level, 60 at the full level].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds_max: Option<u64>,
    /// A table for a README.
    #[arg(long)]
    pub(crate) markdown: bool,
    /// Plants that are looked for at the same time [default: as many as there are cores].
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
}
