//! Arguments of commands that run one plan.

use std::path::PathBuf;

use clap::Args;

use super::Level;

/// Which plan.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlanArgs {
    /// The seed.
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    pub(crate) seed: Option<u64>,
    /// How much of the product takes part [default: core, or what the stored plan or the scenario says].
    #[arg(long, value_enum)]
    pub(crate) level: Option<Level>,
    /// The scenario that the seed was drawn for.
    #[arg(long, value_name = "NAME", conflicts_with = "plan")]
    pub(crate) scenario: Option<String>,
    /// A stored plan in place of a seed.
    #[arg(long, value_name = "FILE.json")]
    pub(crate) plan: Option<PathBuf>,
    /// The version by which the seed was drawn; another one is refused.
    #[arg(long, value_name = "VERSION")]
    pub(crate) plan_version: Option<u32>,
}

/// Arguments of `replay`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn-sim replay 42                                    what was planned, and whether it held
  sojourn-sim replay 42 --verbose | less                   everything that happened
  sojourn-sim replay 42 --level full --plan-version 2      as printed by `run` for a failing seed
  sojourn-sim replay 7 --scenario disk-full
  sojourn-sim replay --plan small.json                     as written by `shrink`

The trace hash covers everything that happened: two runs with the same hash were the same run.")]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Print everything that happens.
    #[arg(long)]
    pub(crate) verbose: bool,
}

/// Arguments of `shrink`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn-sim shrink 42
  sojourn-sim shrink 42 --level full --tries 200 -o small.json
  sojourn-sim shrink --plan small.json -o smaller.json

The plan that is left breaks the same invariant; `replay --plan` runs it.")]
pub(crate) struct ShrinkArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Where to write the small plan [default: plan-SEED.json].
    #[arg(short, long = "out", value_name = "FILE.json")]
    pub(crate) out: Option<PathBuf>,
    /// Give up after so many runs.
    #[arg(long, default_value_t = 5_000, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) tries: u64,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  sojourn-sim report 42
  sojourn-sim report 42 --level full -o outage.html
  sojourn-sim report --plan small.json

The page needs nothing else: it can be mailed, and opened without a network.")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
    /// Where to write the page.
    #[arg(short, long = "out", default_value = "report.html", value_name = "FILE.html")]
    pub(crate) out: PathBuf,
}

/// Arguments of `hash`.
#[derive(Args, Debug)]
pub(crate) struct HashArgs {
    #[command(flatten)]
    pub(crate) plan: PlanArgs,
}
