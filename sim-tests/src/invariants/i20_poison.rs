//! I20: what is malformed or lies is refused, and never passed on.

use super::Invariant;
use crate::oracle::Oracle;
use crate::record::Happening;

/// The simulation marks its poison and says where it turns up again.
pub(crate) struct Poison;

impl Invariant for Poison {
    fn id(&self) -> &'static str {
        "I20"
    }

    fn check(&mut self, _: u64, happening: &Happening, _: &Oracle) -> Result<(), String> {
        match happening {
            Happening::PoisonSpread { node } => Err(format!("poison was taken in or passed on by {node}")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run};
    use super::*;

    #[test]
    fn poison_is_refused_and_does_not_spread() {
        assert_eq!(Run::new(Poison).tell(Happening::PoisonRefused { node: N[0] }), Ok(()));
        assert!(Run::new(Poison).tell(Happening::PoisonSpread { node: N[0] }).is_err());
    }
}
