//! What the clients were told, and what may therefore be true.

use std::collections::BTreeMap;

use crate::plan::{FaultClass, Plan};
use crate::record::{Counts, Happening};

/// All that is known from outside of the cluster.
pub(crate) struct Oracle {
    plan: Plan,
    counts: Counts,
    faults: BTreeMap<FaultClass, bool>,
}

impl Oracle {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self { plan: plan.clone(), counts: Counts::default(), faults: BTreeMap::new() }
    }

    pub(crate) fn learn(&mut self, at_us: u64, happening: &Happening) {
        let _ = (at_us, happening, &self.plan);
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn faults(&self) -> BTreeMap<FaultClass, bool> {
        self.faults.clone()
    }
}
