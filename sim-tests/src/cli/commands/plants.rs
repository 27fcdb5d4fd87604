//! `sojourn-sim plants`: planted bugs, and after how many seeds each is found.

use crate::cli::args::PlantsArgs;
use crate::cli::error::CliError;

/// Says how to build a command that can.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) fn run(_args: &PlantsArgs) -> Result<(), CliError> {
    let build = "cargo run --release -p sojourn_sim --features planted-bugs --bin sojourn-sim -- plants";
    Err(CliError::Usage(format!("this build has no planted bugs; build one that has: {build}")))
}

#[cfg(feature = "planted-bugs")]
pub(crate) use self::hunt::run;

#[cfg(feature = "planted-bugs")]
mod hunt {
    use sojourn_node::planted::Plant;
    use sojourn_sim::plan::Level;
    use sojourn_sim::plants::{Find, find, hunt, level_of};
    use sojourn_sim::scenarios::{self, Scenario};

    use super::{CliError, PlantsArgs};
    use crate::cli::batch::{Event, Progress, for_each};
    use crate::cli::output::{self, Table};
    use crate::cli::{host, panics};

    const CORE_SEEDS_MAX: u64 = 2_000;
    const FULL_SEEDS_MAX: u64 = 60;

    /// Looks for every plant, or for one, and prints a table.
    pub(crate) fn run(args: &PlantsArgs) -> Result<(), CliError> {
        let plants = match &args.only {
            Some(name) => vec![find(name)?],
            None => Plant::ALL.to_vec(),
        };
        let scenario = args.scenario.as_deref().map(scenarios::find).transpose()?;
        panics::silence();
        let finds = look(&plants, scenario, args);
        let table = table(&plants, &finds, args);
        output::lines(if args.markdown { table.markdown() } else { table.render() });
        let missed: Vec<&str> = plants
            .iter()
            .zip(&finds)
            .filter(|(_, find)| find.is_none())
            .map(|(plant, _)| plant.name())
            .collect();
        if missed.is_empty() {
            return Ok(());
        }
        Err(CliError::Broken(format!("not found: {}", missed.join(", "))))
    }

    fn look(plants: &[Plant], scenario: Option<&Scenario>, args: &PlantsArgs) -> Vec<Option<Find>> {
        let mut finds = vec![None; plants.len()];
        let mut progress = Progress::new("plants", Some(plants.len() as u64), false);
        let mut done = 0;
        let jobs = args.jobs.map_or_else(host::cores, usize::from);
        let work = |index: u64| {
            let plant = plants[index as usize];
            hunt(plant, scenario, seeds_max(plant, args))
        };
        for_each(0..plants.len() as u64, jobs, work, |event| {
            if let Event::Done(index, find) = event {
                done += 1;
                progress.line(&said(plants[index as usize], find.as_ref()));
                finds[index as usize] = find;
            }
            progress.show(done, || "looking".to_owned());
            true
        });
        finds
    }

    fn seeds_max(plant: Plant, args: &PlantsArgs) -> u64 {
        args.seeds_max.unwrap_or(match level_of(plant) {
            Level::Core => CORE_SEEDS_MAX,
            Level::Full => FULL_SEEDS_MAX,
        })
    }

    fn said(plant: Plant, find: Option<&Find>) -> String {
        let found = |find: &Find| format!("found by {} at seed {}", find.invariant, find.seed);
        format!("{}: {}", plant.name(), find.map_or_else(|| "not found".to_owned(), found))
    }

    fn table(plants: &[Plant], finds: &[Option<Find>], args: &PlantsArgs) -> Table {
        let mut table = Table::new(["plant", "what it breaks", "level", "found by", "seeds"]);
        for (plant, find) in plants.iter().zip(finds) {
            let level = level_of(*plant).name();
            let (by, seeds) = match find {
                Some(find) => (find.invariant.clone(), find.seeds.to_string()),
                None => ("not found".to_owned(), format!("more than {}", seeds_max(*plant, args))),
            };
            table.row([plant.name().to_owned(), plant.what().to_owned(), level.to_owned(), by, seeds]);
        }
        table
    }
}
