//! What must hold, one file each, and how a run is judged by all of them.

use std::collections::BTreeMap;

use crate::oracle::Oracle;
use crate::plan::{FaultClass, Plan};
use crate::record::{Counts, Happening, Violation};

/// One property.
pub(crate) trait Invariant: Send {
    /// Its id, such as `I6`.
    fn id(&self) -> &'static str;

    /// Looks at something that happened; the oracle knows of it already.
    ///
    /// # Errors
    /// Says what was seen and what should have been.
    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String>;

    /// Looks at the whole run once it is over.
    ///
    /// # Errors
    /// Says what was seen and what should have been.
    fn finish(&mut self, oracle: &Oracle) -> Result<(), String> {
        let _ = oracle;
        Ok(())
    }
}

/// The oracle and all invariants.
pub(crate) struct Judges {
    oracle: Oracle,
    invariants: Vec<Box<dyn Invariant>>,
}

impl Judges {
    pub(crate) fn all(plan: &Plan) -> Self {
        Self { oracle: Oracle::new(plan), invariants: Vec::new() }
    }

    pub(crate) fn judge(&mut self, at_us: u64, happening: &Happening) -> Result<(), Violation> {
        self.oracle.learn(at_us, happening);
        for invariant in &mut self.invariants {
            invariant.check(at_us, happening, &self.oracle).map_err(|detail| Violation {
                invariant: invariant.id(),
                at_us,
                detail,
            })?;
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self, at_us: u64) -> Result<(), Violation> {
        for invariant in &mut self.invariants {
            invariant.finish(&self.oracle).map_err(|detail| Violation {
                invariant: invariant.id(),
                at_us,
                detail,
            })?;
        }
        Ok(())
    }

    pub(crate) fn counts(&self) -> Counts {
        self.oracle.counts()
    }

    pub(crate) fn faults(&self) -> BTreeMap<FaultClass, bool> {
        self.oracle.faults()
    }
}
