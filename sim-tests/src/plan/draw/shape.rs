//! The cluster and its settings.

use super::super::{Latency, Level, RegionShape, Shape};
use super::dice::Dice;

const NAMES: [&str; 4] = ["eu", "us", "ap", "sa"];
const BLOCK_BYTES_MIN: usize = 1 << 10;
const CLOCK_OFFSET_MS_MAX: u64 = 500;

pub(super) fn draw(dice: &mut Dice, level: Level, chaos_ms: u64) -> Shape {
    let regions = regions(dice, level);
    let nodes: u16 = regions.iter().map(|region| region.nodes).sum();
    let half = (CLOCK_OFFSET_MS_MAX / 2) as i64;
    let half = if dice.percent(20) { 0 } else { half };
    let clock_offsets_ms = (0..nodes).map(|_| dice.signed(half)).collect();
    let block_bytes_max =
        if dice.percent(40) { BLOCK_BYTES_MIN } else { dice.spread(1 << 10, 64 << 10) as usize };
    let small_log = dice.percent(40);
    let log_blocks = if small_log { dice.between(4, 8) } else { dice.spread(16, 4_096) };
    let (idle_timeout_ms, absolute_timeout_ms) = timeouts(dice, chaos_ms);
    Shape {
        replicas_per_region: replicas(dice, &regions),
        regions,
        partition_count: match level {
            Level::Core => dice.pick_or(&[2, 4, 4, 8], 4),
            Level::Full => dice.pick_or(&[4, 8], 4),
        },
        lan: latency(dice, (20, 200), 8),
        wan: latency(dice, (4_000, 60_000), 3),
        sessions: dice.between(6, 16) as u32,
        clients: match level {
            Level::Core => dice.between(3, 9) as u16,
            Level::Full => dice.between(3, 6) as u16,
        },
        idle_timeout_ms,
        absolute_timeout_ms,
        clock_offsets_ms,
        clock_offset_ms_max: CLOCK_OFFSET_MS_MAX,
        sync_interval_ms: dice.between(20, 100),
        checkpoint_interval_ms: dice.spread(300, 5_000),
        sweep_interval_ms: dice.spread(500, 8_000),
        removal_margin_ms: if dice.percent(50) { dice.spread(200, 3_000) } else { 60_000 },
        log_disk_bytes_max: log_blocks * block_bytes_max as u64,
        block_bytes_max,
        cache_bytes_max: if dice.percent(40) { dice.spread(2 << 10, 64 << 10) as usize } else { 64 << 20 },
        buffer_bytes_max: match level {
            // So small that a peer that stalls for a second is too slow.
            Level::Core => dice.pick_or(&[512, 4 << 10, 64 << 10, 16 << 20], 16 << 20),
            // The least that the product's configuration lets pass.
            Level::Full => dice.pick_or(&[64 << 10, 256 << 10, 4 << 20, 16 << 20], 16 << 20),
        },
        sync_us: latency(dice, (50, 3_000), 8),
        snapshot_entries: None,
        transfer_chunk_bytes_max: None,
    }
}

/// The least log that the product allows, so that an outage can outlast it.
pub(super) fn shorten_log(shape: &mut Shape) {
    shape.block_bytes_max = BLOCK_BYTES_MIN;
    shape.log_disk_bytes_max = 4 * BLOCK_BYTES_MIN as u64;
}

fn regions(dice: &mut Dice, level: Level) -> Vec<RegionShape> {
    let mut nodes = match level {
        Level::Core => {
            let regions = if dice.percent(75) { 3 } else { dice.pick_or(&[2, 4], 3) };
            let mut nodes = vec![2_u16; regions];
            let wanted = dice.between(9, 15);
            while u64::from(nodes.iter().sum::<u16>()) < wanted {
                let least = nodes.iter().copied().min().unwrap_or_default();
                let place = dice.between(0, regions as u64 - 1) as usize;
                // No region is more than two ahead of another.
                if let Some(count) = nodes.get_mut(place).filter(|count| **count < least + 2) {
                    *count += 1;
                }
            }
            nodes
        }
        Level::Full => vec![2; 3],
    };
    let place = dice.between(0, 2) as usize;
    if level == Level::Full
        && dice.percent(25)
        && let Some(count) = nodes.get_mut(place)
    {
        *count = 3;
    }
    nodes.into_iter().zip(NAMES).map(|(nodes, name)| RegionShape { name: name.into(), nodes }).collect()
}

fn replicas(dice: &mut Dice, regions: &[RegionShape]) -> u32 {
    let drawn = if dice.percent(70) { 3 } else { dice.between(1, 2) as u32 };
    let largest = regions.iter().map(|region| u32::from(region.nodes)).max().unwrap_or(1);
    drawn.min(largest)
}

/// The shortest lies in the range; the longest is up to so many times as long.
fn latency(dice: &mut Dice, (min, max): (u64, u64), times_max: u64) -> Latency {
    let us_min = dice.spread(min, max);
    Latency { us_min, us_max: dice.between(us_min, us_min * times_max) }
}

fn timeouts(dice: &mut Dice, chaos_ms: u64) -> (u64, u64) {
    const HOUR_MS: u64 = 3_600_000;
    let idle_ms = if dice.percent(40) { dice.between(2_000, 15_000) } else { dice.spread(60_000, HOUR_MS) };
    let absolute_ms = match dice.between(1, 100) {
        1..=30 => dice.between(chaos_ms / 2, chaos_ms),
        31..=45 => dice.between(chaos_ms, chaos_ms * 2),
        _ => 12 * HOUR_MS,
    };
    (idle_ms.min(absolute_ms), absolute_ms)
}
