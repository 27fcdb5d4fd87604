//! A user's own drill: a cluster, a policy, a workload and faults as a TOML file.

mod error;
mod fault;
mod fields;
mod file;
mod quantity;
mod verdict;
mod workload;

pub use error::DrillError;
pub use verdict::{Calls, Verdict};

use self::file::File;
use crate::places;
use crate::plan::{Level, PLAN_VERSION, Plan, PlannedFault};

/// A drill that has been read and can be run.
#[derive(Debug)]
pub struct Drill {
    file: File,
    faults: Vec<PlannedFault>,
}

impl Drill {
    /// Reads TOML.
    ///
    /// # Errors
    /// [`DrillError`] says in which line, what was wrong, and what is allowed.
    pub fn parse(text: &str) -> Result<Self, DrillError> {
        let file: File = toml::from_str(text).map_err(|error| DrillError::of_toml(text, &error))?;
        file.validate()?;
        let mut faults = fault::read_all(text, &file)?;
        faults.sort_by_key(|planned| planned.at_ms);
        let drill = Self { file, faults };
        places::validate(&drill.plan(0)).map_err(|error| DrillError::whole(error.to_string()))?;
        Ok(drill)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.file.name
    }

    /// The level at which it runs.
    #[must_use]
    pub fn level(&self) -> Level {
        self.file.level
    }

    /// The plan of a seed, which draws what the calls are and what the run itself draws.
    #[must_use]
    pub fn plan(&self, seed: u64) -> Plan {
        let mut shape = self.file.shape();
        let operations = workload::draw(seed, &self.file, &mut shape);
        Plan {
            version: PLAN_VERSION,
            seed,
            level: self.file.level,
            scenario: Some(format!("drill: {}", self.file.name)),
            shape,
            chaos_ms: self.file.lasts.0,
            converge_ms_max: self.file.converges_within.0,
            operations,
            faults: self.faults.clone(),
        }
    }
}

#[cfg(test)]
mod tests;
