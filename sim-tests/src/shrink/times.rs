//! Shorter times.

use super::Shrinker;
use crate::plan::Plan;

/// Chaos that is shorter has no room for anything.
const CHAOS_MS_MIN: u64 = 100;

pub(super) fn shrink(shrinker: &mut Shrinker<'_>) {
    shrinker.change(|plan| plan.chaos_ms = end_ms(plan).max(CHAOS_MS_MIN));
    while shrinker.best.chaos_ms > CHAOS_MS_MIN && shrinker.change(halve_everything) {}
    for fault in 0..shrinker.best.faults.len() {
        while shrinker.best.faults[fault].lasts_ms > 1
            && shrinker.change(|plan| plan.faults[fault].lasts_ms /= 2)
        {}
    }
    shrinker.change(start_at_once);
    shrinker.change(|plan| plan.chaos_ms = end_ms(plan).max(CHAOS_MS_MIN));
}

/// When the last call is due and the last fault is over.
fn end_ms(plan: &Plan) -> u64 {
    let calls = plan.operations.iter().map(|call| call.at_ms + 1);
    let faults = plan.faults.iter().map(|planned| planned.at_ms + planned.lasts_ms + 1);
    calls.chain(faults).max().unwrap_or(0)
}

fn halve_everything(plan: &mut Plan) {
    plan.chaos_ms /= 2;
    plan.operations.iter_mut().for_each(|call| call.at_ms /= 2);
    for planned in &mut plan.faults {
        planned.at_ms /= 2;
        planned.lasts_ms /= 2;
    }
}

/// Moves everything forward by the time in which nothing happens.
fn start_at_once(plan: &mut Plan) {
    let calls = plan.operations.iter().map(|call| call.at_ms);
    let Some(first_ms) = calls.chain(plan.faults.iter().map(|planned| planned.at_ms)).min() else { return };
    plan.operations.iter_mut().for_each(|call| call.at_ms -= first_ms);
    plan.faults.iter_mut().for_each(|planned| planned.at_ms -= first_ms);
}
