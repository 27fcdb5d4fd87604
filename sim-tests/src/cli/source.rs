//! From arguments to a plan.

use std::path::Path;

use sojourn_sim::plan::{Level, PLAN_VERSION, Plan, draw};
use sojourn_sim::{places, scenarios};

use super::args::{self, PlanArgs};
use super::error::CliError;

/// The plan that the arguments name.
pub(crate) fn plan(args: &PlanArgs) -> Result<Plan, CliError> {
    check_version(args.plan_version.unwrap_or(PLAN_VERSION), "the seed was drawn")?;
    if let Some(path) = &args.plan {
        let plan = stored(path)?;
        let level = args.level.map_or(plan.level, Level::from);
        return Ok(Plan { level, ..plan });
    }
    let scenario = args.scenario.as_deref();
    drawn(args.seed.unwrap_or_default(), level(args.level, scenario), scenario)
}

/// The level that the arguments name, or that of the scenario.
pub(crate) fn level(asked: Option<args::Level>, scenario: Option<&str>) -> Level {
    let own = || scenario.map_or(Level::Core, scenarios::level_of);
    asked.map_or_else(own, Level::from)
}

/// The plan of a seed, drawn freely or for a scenario.
pub(crate) fn drawn(seed: u64, level: Level, scenario: Option<&str>) -> Result<Plan, CliError> {
    let Some(name) = scenario else { return Ok(draw(seed, level)) };
    scenarios::find(name)?.plan(seed, level).map_err(|error| CliError::Usage(error.to_string()))
}

fn stored(path: &Path) -> Result<Plan, CliError> {
    let text = std::fs::read_to_string(path).map_err(|error| CliError::file("cannot read", path, error))?;
    let wrong = |detail: String| CliError::Usage(format!("{} is no plan: {detail}", path.display()));
    let plan: Plan = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    check_version(plan.version, "the plan was written")?;
    places::validate(&plan).map_err(|error| wrong(error.to_string()))?;
    Ok(plan)
}

fn check_version(version: u32, what: &str) -> Result<(), CliError> {
    if version == PLAN_VERSION {
        return Ok(());
    }
    Err(CliError::Usage(format!(
        "{what} by plan version {version}, but this build has plan version {PLAN_VERSION}, by which it would be \
         another run; build the commit that printed it"
    )))
}

/// The command that runs the plan of these arguments again.
pub(crate) fn replay_command_of(args: &PlanArgs, plan: &Plan) -> String {
    match &args.plan {
        Some(path) => stored_replay_command(path, args.level.map(Level::from)),
        None => replay_command(plan.seed, plan.level, args.scenario.as_deref()),
    }
}

/// The command that runs a stored plan again; at the plan's own level if none is told.
pub(crate) fn stored_replay_command(path: &Path, level: Option<Level>) -> String {
    let level = level.map(|level| format!(" --level {}", level.name())).unwrap_or_default();
    format!("sojourn-sim replay --plan {}{level}", path.display())
}

/// The command that runs a seed again.
pub(crate) fn replay_command(seed: u64, level: Level, scenario: Option<&str>) -> String {
    let level = level.name();
    let scenario = scenario.map(|name| format!(" --scenario {name}")).unwrap_or_default();
    format!("sojourn-sim replay {seed} --level {level}{scenario} --plan-version {PLAN_VERSION}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_replay_command_names_all_that_counts() {
        let command = replay_command(7, Level::Full, Some("disk-full"));
        assert_eq!(
            command,
            format!("sojourn-sim replay 7 --level full --scenario disk-full --plan-version {PLAN_VERSION}")
        );
    }

    fn args(words: &[&str]) -> PlanArgs {
        #[derive(clap::Parser)]
        struct Command {
            #[command(flatten)]
            plan: PlanArgs,
        }
        let words = std::iter::once(&"sojourn-sim").chain(words);
        <Command as clap::Parser>::try_parse_from(words).unwrap().plan
    }

    #[test]
    fn what_was_run_can_be_run_again() {
        let again = |words: &[&str]| {
            let args = args(words);
            let plan = args.plan.is_none().then(|| plan(&args).unwrap());
            replay_command_of(&args, &plan.unwrap_or_else(|| draw(1, Level::Core)))
        };
        let command = again(&["3", "--scenario", "disk-full"]);
        assert_eq!(command, replay_command(3, Level::Core, Some("disk-full")));
        let command = again(&["3", "--scenario", "raft-of-a-lost-disk"]);
        assert_eq!(command, replay_command(3, Level::Full, Some("raft-of-a-lost-disk")), "where it failed");
        assert_eq!(again(&["--plan", "small.json"]), "sojourn-sim replay --plan small.json");
        let command = again(&["--plan", "small.json", "--level", "full"]);
        assert_eq!(command, "sojourn-sim replay --plan small.json --level full");
    }
}
