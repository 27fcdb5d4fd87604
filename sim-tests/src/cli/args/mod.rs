//! The arguments of every command.

mod batch;
mod plan;

use clap::{Parser, Subcommand, ValueEnum};

pub(crate) use self::batch::{DrillArgs, PlantsArgs, RunArgs};
pub(crate) use self::plan::{HashArgs, PlanArgs, ReplayArgs, ReportArgs, ShrinkArgs};

/// Clusters of the shipped Sojourn in one process, broken as a seed says, and checked.
#[derive(Debug, Parser)]
#[command(name = "sojourn-sim", version, about, after_help = EXAMPLES, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sojourn-sim run                                  a thousand seeds at the core level
  sojourn-sim run --level full --seeds 20          the whole node and the client library
  sojourn-sim replay 42 --verbose                  one seed again, happening by happening
  sojourn-sim run --scenario region-cut            one scene, many seeds
  sojourn-sim shrink 42 -o small.json              what matters of a failing seed
  sojourn-sim report 42 -o 42.html                 a page to look at
  sojourn-sim drill sim-tests/drills/region-outage.toml   your own cluster, workload and faults

A seed gives the same run on every machine.
Exit codes: 0 everything held, 1 something did not, 2 wrong use.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run many seeds and check that everything holds.
    Run(RunArgs),
    /// Run one seed or one stored plan again, and say what happens.
    Replay(ReplayArgs),
    /// List the named scenarios.
    Scenarios,
    /// Make a failing plan small: fewer faults, calls, nodes and settings break the same invariant.
    Shrink(ShrinkArgs),
    /// Write a page that shows one run.
    Report(ReportArgs),
    /// Run your own drill: a TOML file with a cluster, a policy, a workload and faults.
    Drill(DrillArgs),
    /// Show that planted bugs are found, and after how many seeds.
    Plants(PlantsArgs),
    /// Print the hash of the whole trace of one run.
    #[command(hide = true)]
    Hash(HashArgs),
}

/// How much of the product takes part.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Level {
    /// The pure cores on a simulated network: thousands of seeds a minute.
    Core,
    /// The whole node and the client library.
    Full,
}

impl From<Level> for sojourn_sim::plan::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Core => Self::Core,
            Level::Full => Self::Full,
        }
    }
}

#[cfg(test)]
mod tests;
