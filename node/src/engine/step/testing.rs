//! Steps of made-up replicas, for tests of what is made of them.

use super::{Command, Step, StepContext, step};
use crate::session::{DecodeLimits, Dot, Origin, ReplicaId, SecretHash, Session, SessionLimits, Stamp};

/// A write of a replica's first start.
pub(crate) fn dot(replica: u16, seq: u64) -> Dot {
    Dot { origin: Origin { replica: ReplicaId(replica), incarnation: 1 }, seq }
}

/// What a command makes of a session as the write `dot`, made at `now_ms`. It must succeed.
pub(crate) fn take(
    state: Option<Session>,
    command: &Command,
    dot: Dot,
    now_ms: u64,
    limits: &SessionLimits,
) -> Step {
    let stamp = Stamp { hlc: now_ms << 16, origin: dot.origin };
    step(state, command, &StepContext { dot, stamp, now_ms, shown: SecretHash::FIRST, limits }).unwrap()
}

/// A fragment as it comes out of the log.
pub(crate) fn logged(fragment: &Session) -> Session {
    Session::decode(&fragment.encode(), &DecodeLimits::default()).unwrap()
}
