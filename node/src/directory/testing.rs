//! Records of principals as made-up replicas write them.

use crate::engine::testing::take;
use crate::engine::{Changes, Command, Create, Step, Update};
use crate::session::{Dot, Session, SessionLimits};

/// Writes changes to a record, which is made if there is none.
pub(super) fn write(record: &mut Option<Session>, changes: Changes, dot: Dot, now_ms: u64) -> Step {
    let command = match record {
        Some(_) => Command::Update(Update { changes, ..Update::default() }),
        None => Command::Create(Create {
            namespace: "shop".into(),
            idle_timeout_ms: 1_000_000,
            absolute_timeout_ms: 1_000_000,
            changes,
        }),
    };
    let done = take(record.take(), &command, dot, now_ms, &SessionLimits::global());
    *record = Some(done.state.clone());
    done
}
