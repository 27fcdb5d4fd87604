//! Pauses between attempts: exponential, with full jitter
//! (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).

use std::time::Duration;

/// The pause before attempt `attempt` (the first retry is 1), for a random
/// number `unit` from 0 up to and without 1.
pub(crate) fn pause(attempt: u32, base_ms: u32, max_ms: u32, unit: f64) -> Duration {
    let doubled = u64::from(base_ms) << attempt.saturating_sub(1).min(20);
    let ceiling_us = doubled.min(u64::from(max_ms)) * 1_000;
    // At least half a base, so that a retry never comes in the same instant.
    let floor_us = u64::from(base_ms) * 500;
    let spread_us = ceiling_us.saturating_sub(floor_us) as f64 * unit.clamp(0.0, 1.0);
    Duration::from_micros(floor_us.min(ceiling_us) + spread_us as u64)
}

#[cfg(test)]
mod tests {
    use super::pause;

    #[test]
    fn doubles_up_to_its_limit() {
        let ceilings: Vec<u128> = (1..=8).map(|attempt| pause(attempt, 10, 500, 1.0).as_millis()).collect();
        assert_eq!(ceilings, [10, 20, 40, 80, 160, 320, 500, 500]);
    }

    #[test]
    fn jitter_stays_between_half_a_base_and_the_ceiling() {
        for attempt in [1, 3, 40, u32::MAX] {
            for unit in [0.0, 0.3, 0.999] {
                let pause = pause(attempt, 10, 500, unit).as_micros();
                assert!((5_000..=500_000).contains(&pause), "{attempt} {unit} gave {pause} us");
            }
        }
    }
}
