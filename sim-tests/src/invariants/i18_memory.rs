//! I18: what a node keeps for others stays within its bounds.

use super::Invariant;
use crate::oracle::Oracle;
use crate::record::Happening;

/// One entry may be under way whatever the cap is; no write here is larger.
const ENTRY_BYTES_MAX: u64 = 512;

/// The product's default of `engine.held_bytes_max`.
const HELD_BYTES_MAX: u64 = 4 << 20;

/// Per peer under `replication.buffer_bytes_max`, and entries from the future under `engine.held_bytes_max`.
pub(crate) struct Memory;

impl Invariant for Memory {
    fn id(&self) -> &'static str {
        "I18"
    }

    fn check(&mut self, _: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        let Happening::Sampled { node, sample } = happening else { return Ok(()) };
        let buffer_bytes_max = oracle.plan().shape.buffer_bytes_max as u64 + ENTRY_BYTES_MAX;
        if sample.buffered_bytes > buffer_bytes_max {
            let buffered = sample.buffered_bytes;
            return Err(format!("{node} buffers {buffered} bytes for one peer; at most {buffer_bytes_max}"));
        }
        if sample.held_bytes > HELD_BYTES_MAX {
            let held = sample.held_bytes;
            return Err(format!("{node} holds back {held} bytes; at most {HELD_BYTES_MAX}"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run};
    use super::*;
    use crate::record::Sample;

    fn sampled(buffered_bytes: u64, held_bytes: u64) -> Result<(), String> {
        let sample = Sample { buffered_bytes, held_bytes, ..Sample::default() };
        Run::new(Memory).tell(Happening::Sampled { node: N[0], sample })
    }

    #[test]
    fn buffers_have_caps() {
        assert_eq!(sampled(1 << 20, 4 << 20), Ok(()));
        assert!(sampled(2 << 20, 0).is_err());
        assert!(sampled(0, (4 << 20) + 1).is_err());
    }
}
