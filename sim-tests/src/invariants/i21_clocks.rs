//! I21: stamps rise, also over a restart, never run away, and no dot is used twice.

use std::collections::{BTreeMap, BTreeSet};

use super::Invariant;
use crate::oracle::{Custody, Oracle};
use crate::plan::NodeId;
use crate::record::{EPOCH_MS, Happening, LostDisk};

/// What rounding and a round trip inside of a node may add, in milliseconds.
const ROUNDING_MS: u64 = 50;

/// A stamp still unsynced after this long is not lost with a node's power, in
/// microseconds: several times the longest sync interval of a plan and its slack.
const SURELY_SYNCED_US: u64 = 5_000_000;

/// When nothing has gone wrong for so long, in microseconds, clocks are trusted and right.
const QUIET_US: u64 = 15_000_000;

type Line = (u16, u32, u16);

/// The stamps of a node rise strictly, except that what it had not synced when it
/// lost power is forgotten, and that it leaves stamps behind that only a wrong clock can have given. A node whose clock no fault has touched stamps at
/// most the permitted offset ahead of it, however far ahead a peer is; any other stamps by its right
/// clock again once nothing has gone wrong for a while. The dots
/// of one start of a replica are numbered without a gap or a repetition.
#[derive(Default)]
pub(crate) struct Clocks {
    stamps: BTreeMap<NodeId, Vec<(u64, u64)>>,
    numbers: BTreeMap<Line, u64>,
    acting: BTreeSet<usize>,
    /// When the last fault ended.
    quiet_from_us: u64,
}

impl Invariant for Clocks {
    fn id(&self) -> &'static str {
        "I21"
    }

    fn check(&mut self, at_us: u64, happening: &Happening, oracle: &Oracle) -> Result<(), String> {
        match happening {
            Happening::Stamped { node, replica, incarnation, partition, seq, hlc } => {
                self.numbered((*replica, *incarnation, *partition), *seq)?;
                self.stamped(*node, *hlc, at_us, oracle)?;
                let is_quiet = self.acting.is_empty() && at_us > self.quiet_from_us + QUIET_US;
                within_reach(*node, *hlc, at_us, is_quiet, oracle)
            }
            Happening::FaultBegan { fault, .. } => {
                self.acting.insert(*fault);
                Ok(())
            }
            Happening::FaultEnded { fault, .. } => {
                self.acting.remove(fault);
                self.quiet_from_us = at_us;
                Ok(())
            }
            Happening::DiskLost { node, lost } => {
                self.forget(*node, *lost, at_us, oracle);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Clocks {
    fn numbered(&mut self, line: Line, seq: u64) -> Result<(), String> {
        let last = self.numbers.insert(line, seq).unwrap_or_default();
        if seq == last + 1 {
            return Ok(());
        }
        let (replica, incarnation, partition) = line;
        let of = format!("replica {replica}, start {incarnation}, partition {partition}");
        Err(format!("{of}: write {seq} came after write {last}"))
    }

    fn stamped(&mut self, node: NodeId, hlc: u64, at_us: u64, oracle: &Oracle) -> Result<(), String> {
        let stamps = self.stamps.entry(node).or_default();
        let right_ms_max = EPOCH_MS + at_us / 1_000 + oracle.plan().shape.clock_offset_ms_max;
        if hlc >> 16 <= right_ms_max {
            stamps.retain(|(_, hlc)| hlc >> 16 <= right_ms_max);
        }
        let last = stamps.last().map_or(0, |(_, hlc)| *hlc);
        if hlc <= last {
            return Err(format!("{node} stamped {hlc} after {last}"));
        }
        stamps.push((at_us, hlc));
        Ok(())
    }

    fn forget(&mut self, node: NodeId, lost: LostDisk, at_us: u64, oracle: &Oracle) {
        let Some(stamps) = self.stamps.get_mut(&node) else { return };
        match lost {
            LostDisk::All | LostDisk::SinceBackup { .. } => stamps.clear(),
            LostDisk::Unsynced | LostDisk::Record => stamps.retain(|(stamped_us, _)| {
                let is_old = stamped_us + SURELY_SYNCED_US < at_us;
                is_old && oracle.nodes().keeps(node, Custody::Logged, (*stamped_us, *stamped_us), at_us)
            }),
        }
    }
}

fn within_reach(node: NodeId, hlc: u64, at_us: u64, is_quiet: bool, oracle: &Oracle) -> Result<(), String> {
    let shape = &oracle.plan().shape;
    // What was stamped while clocks differed may have been up to twice as far ahead.
    let reach_ms = match oracle.nodes().has_clock_trouble(node, 0, at_us) {
        false => shape.clock_offset_ms_max,
        true if is_quiet => 2 * shape.clock_offset_ms_max,
        true => return Ok(()),
    };
    let offset_ms = shape.clock_offsets_ms.get(usize::from(node.0)).copied().unwrap_or_default();
    let wall_ms = (EPOCH_MS + at_us / 1_000).saturating_add_signed(offset_ms);
    let ahead_ms = (hlc >> 16).saturating_sub(wall_ms);
    if ahead_ms > reach_ms + ROUNDING_MS {
        return Err(format!("{node} stamped {ahead_ms} ms ahead of its own clock"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{N, Run};
    use super::*;
    use crate::plan::Fault;

    fn stamp(run: &mut Run<Clocks>, incarnation: u32, seq: u64, ms: u64) -> Result<(), String> {
        let hlc = (EPOCH_MS + ms) << 16;
        run.tell(Happening::Stamped { node: N[0], replica: 1, incarnation, partition: 0, seq, hlc })
    }

    #[test]
    fn stamps_rise() {
        let mut run = Run::new(Clocks::default());
        stamp(&mut run, 1, 1, 10).unwrap();
        assert_eq!(stamp(&mut run, 1, 2, 11), Ok(()));
        assert!(stamp(&mut run, 1, 3, 11).is_err());
    }

    #[test]
    fn stamps_of_a_wrong_clock_are_left_behind() {
        for (first_ms, is_left) in [(600, false), (3_600_000, true)] {
            let step = Fault::ClockStep { node: N[0], by_ms: 3_600_000 };
            let run = Run::new(Clocks::default()).faults(&[step]);
            let mut run = run.shaped(|plan| plan.shape.clock_offset_ms_max = 500);
            run.begin(0).after(100);
            stamp(&mut run, 1, 1, first_ms).unwrap();
            assert_eq!(stamp(&mut run, 1, 2, 100).is_ok(), is_left, "{first_ms}");
        }
    }

    #[test]
    fn a_clock_that_is_right_again_gives_right_stamps() {
        let step = Fault::ClockStep { node: N[0], by_ms: 3_600_000 };
        let mut run = Run::new(Clocks::default()).faults(&[step]);
        run.begin(0);
        stamp(&mut run, 1, 1, 3_600_000).unwrap();
        run.end(0).after(QUIET_US / 1_000 - 1);
        assert_eq!(stamp(&mut run, 1, 2, 3_600_001), Ok(()), "it may not have heard yet");
        run.after(2);
        assert!(stamp(&mut run, 1, 3, 3_600_002).unwrap_err().contains("ahead"));
        assert_eq!(stamp(&mut run, 1, 4, QUIET_US / 1_000), Ok(()));
    }

    #[test]
    fn a_restart_forgets_no_stamp_that_was_on_the_disk() {
        for (rests_ms, is_held) in [(10_000, false), (10, true)] {
            let mut run = Run::new(Clocks::default());
            stamp(&mut run, 1, 1, 100).unwrap();
            run.after(rests_ms).crash(N[0], LostDisk::Unsynced);
            assert_eq!(stamp(&mut run, 2, 1, 50).is_ok(), is_held);
        }
    }

    #[test]
    fn no_peer_drags_a_clock_along() {
        let mut run = Run::new(Clocks::default());
        assert_eq!(stamp(&mut run, 1, 1, 500), Ok(()));
        assert!(stamp(&mut run, 1, 2, 700).is_err());
    }

    #[test]
    fn numbers_have_no_gap_and_are_used_once() {
        for seq in [1, 3] {
            let mut run = Run::new(Clocks::default());
            stamp(&mut run, 1, 1, 10).unwrap();
            assert!(stamp(&mut run, 1, seq, 20).is_err(), "{seq}");
            let mut run = Run::new(Clocks::default());
            stamp(&mut run, 1, 1, 10).unwrap();
            assert_eq!(stamp(&mut run, 2, 1, 20), Ok(()), "a start has numbers of its own");
        }
    }
}
