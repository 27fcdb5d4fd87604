//! What must hold, one file each, and how a run is judged by all of them.
//!
//! I2 (the laws of merge) is judged where merge lives: by the property tests of
//! the node's `session` room. I19 (overload) and I24 (tenancy) come with their features;
//! I25 (the change feed) is judged at the full level alone.

mod i01_convergence;
mod i03_durability;
mod i04_quorum;
mod i05_revocation_terminal;
mod i06_no_resurrection;
mod i07_everywhere;
mod i08_expiry;
mod i09_deadlines;
mod i10_causal_tokens;
mod i11_forged_tokens;
mod i12_rotation;
mod i13_receipts;
mod i13_staleness;
mod i14_membership;
mod i15_fencing;
mod i16_removal;
mod i17_liveness;
mod i18_memory;
mod i20_poison;
mod i21_clocks;
mod i22_disk;
mod i23_retries;
mod i25_feed;
#[cfg(test)]
mod testing;

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
        let invariants: Vec<Box<dyn Invariant>> = vec![
            Box::new(i06_no_resurrection::NoResurrection),
            Box::new(i07_everywhere::Everywhere),
            Box::new(i05_revocation_terminal::RevocationTerminal::default()),
            Box::new(i12_rotation::Rotation),
            Box::new(i13_receipts::Receipts::default()),
            Box::new(i13_staleness::Staleness::default()),
            Box::new(i08_expiry::Expiry),
            Box::new(i09_deadlines::Deadlines::default()),
            Box::new(i11_forged_tokens::ForgedTokens),
            Box::new(i10_causal_tokens::CausalTokens),
            Box::new(i04_quorum::Quorum),
            Box::new(i23_retries::Retries),
            Box::new(i25_feed::Feed::default()),
            Box::new(i03_durability::Durability),
            Box::new(i01_convergence::Convergence::default()),
            Box::new(i14_membership::Membership::default()),
            Box::new(i15_fencing::Fencing),
            Box::new(i16_removal::Removal::default()),
            Box::new(i17_liveness::Liveness::default()),
            Box::new(i18_memory::Memory),
            Box::new(i20_poison::Poison),
            Box::new(i21_clocks::Clocks::default()),
            Box::new(i22_disk::Disk::default()),
        ];
        Self { oracle: Oracle::new(plan), invariants }
    }

    pub(crate) fn judge(&mut self, at_us: u64, happening: &Happening) -> Result<(), Violation> {
        self.oracle.learn(at_us, happening);
        if let Happening::Impossible { invariant, detail } = happening {
            return Err(Violation { invariant, at_us, detail: detail.clone() });
        }
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
