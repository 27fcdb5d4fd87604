//! Words for states and invariants.

use crate::record::NodeState;

/// A state in one word, which is also its class in the style sheet.
pub(super) fn state(state: NodeState) -> &'static str {
    match state {
        NodeState::Up => "up",
        NodeState::Unready => "unready",
        NodeState::Down => "down",
        NodeState::Paused => "paused",
        NodeState::Refused => "refused",
        NodeState::Removed => "removed",
    }
}

/// What an invariant says, by its id.
pub(super) fn invariant(id: &str) -> &'static str {
    match id {
        "I1" => "Convergence: the same writes give the same state on every replica",
        "I2" => "Laws: the merge is commutative, associative and idempotent",
        "I3" => "Durability: an acknowledged write survives",
        "I4" => "Quorum: an acknowledgement meets every read quorum",
        "I5" => "Revocation is terminal on each node",
        "I6" => "No resurrection: a revoked session stays revoked everywhere",
        "I7" => "Revoke all: a session's epoch covers its principal's",
        "I8" => "Expiry: no node serves a session after its deadline",
        "I9" => "Deadlines: the absolute deadline never grows",
        "I10" => "A causal token is honoured on any node",
        "I11" => "Tokens are harmless",
        "I12" => "Rotation: a refresh token used twice revokes its family",
        "I13" => "Staleness: never less is reported than is true",
        "I14" => "Membership: one configuration a log id",
        "I15" => "Eviction: a removed, wiped or cloned node serves nothing",
        "I16" => "Garbage collection: a tombstone outlives what it guards against",
        "I17" => "Liveness: after the heal all replicas meet and calls succeed",
        "I18" => "Memory: buffers stay under their cap",
        "I19" => "Overload: goodput stays, and recovers",
        "I20" => "Poison: a malformed entry is refused and never passed on",
        "I21" => "Clocks: a stamp from the future is not absorbed",
        "I22" => "Disk: nothing is acknowledged or served from a failed disk",
        "I23" => "Retries: a repeated call has one effect",
        "I24" => "Tenancy: namespaces do not see each other",
        _ => "An invariant",
    }
}
