//! Looking whether a fault has changed something.

use super::World;
use crate::plan::NodeId;
use crate::record::NodeState;

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(in crate::core_level) enum Watch {
    /// The node has read its clock.
    Clock(NodeId),
    /// The node takes no writes any more.
    Unhealthy(NodeId),
    /// It has found a corrupt record.
    Corrupt(NodeId),
    /// Its disk was waited for.
    Slow(NodeId),
    /// It takes calls.
    Up(NodeId),
    /// It has been refused or has heard that it is removed.
    Fenced(NodeId),
}

impl World {
    /// Tells which faults have changed something since the last look.
    pub(in crate::core_level) fn watch(&mut self) {
        let watched: Vec<(usize, Watch)> =
            self.faults.watched.iter().map(|(number, watch)| (*number, *watch)).collect();
        for (number, watch) in watched {
            if self.is_seen(watch) {
                self.observed(number);
            }
        }
    }

    fn is_seen(&mut self, watch: Watch) -> bool {
        let (Watch::Clock(node)
        | Watch::Unhealthy(node)
        | Watch::Corrupt(node)
        | Watch::Slow(node)
        | Watch::Up(node)
        | Watch::Fenced(node)) = watch;
        let Some(machine) = self.machine(node) else { return false };
        let engine = machine.run.as_ref().map(|run| &run.shared.engine);
        match watch {
            Watch::Clock(_) => machine.clock.was_read(),
            Watch::Unhealthy(_) => {
                engine.is_some_and(|engine| engine.health().is_err()) || machine.state == NodeState::Refused
            }
            Watch::Corrupt(_) => engine.is_some_and(|engine| engine.stats().corrupt_records > 0),
            Watch::Slow(_) => machine.timing.was_slow(),
            Watch::Up(_) => machine.state == NodeState::Up,
            Watch::Fenced(_) => matches!(machine.state, NodeState::Refused | NodeState::Removed),
        }
    }
}
