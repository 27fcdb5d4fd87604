//! Fewer faults, fewer operations.

use super::Shrinker;
use crate::plan::Plan;

pub(super) fn shrink(shrinker: &mut Shrinker<'_>) {
    drop_chunks(shrinker, |plan| &mut plan.faults);
    drop_chunks(shrinker, |plan| &mut plan.operations);
    drop_chunks(shrinker, |plan| &mut plan.faults);
}

/// Leaves out halves, then quarters, down to single ones.
fn drop_chunks<T>(shrinker: &mut Shrinker<'_>, list: impl Fn(&mut Plan) -> &mut Vec<T>) {
    let length = |shrinker: &mut Shrinker<'_>| list(&mut shrinker.best).len();
    let mut chunk = length(shrinker);
    while chunk > 0 && shrinker.may_run() {
        let mut start = 0;
        while start < length(shrinker) {
            let end = (start + chunk).min(length(shrinker));
            let dropped = shrinker.change(|plan| drop(list(plan).drain(start..end)));
            // What came after has moved to `start`.
            start = if dropped { start } else { end };
        }
        chunk /= 2;
    }
}
