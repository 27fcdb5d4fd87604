//! Settings turned off, one by one: what is left matters.

use super::Shrinker;
use crate::plan::{Consistency, Durability, Plan, PlannedOperation, Token};

const HOUR_MS: u64 = 3_600_000;

/// Each makes the cluster simpler, or nearer to the product's defaults.
const CHANGES: [fn(&mut Plan); 10] = [
    |plan| plan.shape.clock_offsets_ms.fill(0),
    |plan| plan.shape.wan.us_max = plan.shape.wan.us_min,
    |plan| plan.shape.lan.us_max = plan.shape.lan.us_min,
    |plan| plan.shape.sync_us.us_max = plan.shape.sync_us.us_min,
    |plan| plan.shape.replicas_per_region = 1,
    |plan| plan.shape.partition_count = 1,
    |plan| {
        plan.shape.absolute_timeout_ms = plan.shape.absolute_timeout_ms.max(12 * HOUR_MS);
        plan.shape.idle_timeout_ms = plan.shape.idle_timeout_ms.max(HOUR_MS);
    },
    |plan| plan.shape.log_disk_bytes_max = plan.shape.log_disk_bytes_max.max(64 << 20),
    |plan| plan.shape.cache_bytes_max = plan.shape.cache_bytes_max.max(64 << 20),
    |plan| plan.shape.buffer_bytes_max = plan.shape.buffer_bytes_max.max(16 << 20),
];

/// Each makes a call simpler.
const SIMPLER: [fn(&mut PlannedOperation); 4] = [
    |call| call.repeated = false,
    |call| call.token = Token::None,
    |call| call.durability = Durability::Buffered,
    |call| call.consistency = Consistency::LocalOne,
];

pub(super) fn shrink(shrinker: &mut Shrinker<'_>) {
    for change in CHANGES {
        shrinker.change(change);
    }
    for simpler in SIMPLER {
        if shrinker.change(|plan| plan.operations.iter_mut().for_each(simpler)) {
            continue;
        }
        for operation in 0..shrinker.best.operations.len() {
            shrinker.change(|plan| simpler(&mut plan.operations[operation]));
        }
    }
}
