//! Randomness and time of the operating system, replaced for a simulation's thread.
//!
//! Libraries ask the system past every seam: the seeds of hash maps, the keys of
//! TLS handshakes, openraft's generator, the moment at which a certificate is
//! judged. In a thread that called [`begin`] all of these come from a seed and
//! from simulated time; in every other thread nothing changes.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod symbols;

use std::cell::Cell;

use crate::record::EPOCH_MS;

// Constant initialisers and no destructors: these are read inside of system calls.
thread_local! {
    static ACTIVE: Cell<bool> = const { Cell::new(false) };
    static GENERATOR: Cell<u64> = const { Cell::new(0) };
    static NOW_US: Cell<u64> = const { Cell::new(0) };
}

/// From now on this thread draws from `seed`, and its time stands at the start.
///
/// # Errors
/// Where the system's calls cannot be replaced, since no run could be repeated there.
pub(crate) fn begin(seed: u64) -> Result<(), String> {
    ACTIVE.set(true);
    GENERATOR.set(seed);
    NOW_US.set(0);
    // Looks whether the replacement is really the one that libraries reach.
    let first = (std::collections::hash_map::RandomState::new(), GENERATOR.get());
    if first.1 == seed {
        ACTIVE.set(false);
        return Err("the system's randomness and time can be replaced on Linux with glibc only".into());
    }
    Ok(())
}

/// This thread's time, in microseconds since the start of the simulation.
pub(crate) fn set_now_us(now_us: u64) {
    NOW_US.set(now_us);
}

/// Runs something whose random numbers depend on `seed` alone and move nobody else's.
pub(crate) fn with_seed<T>(seed: u64, work: impl FnOnce() -> T) -> T {
    let (active, generator) = (ACTIVE.replace(true), GENERATOR.replace(seed));
    let result = work();
    ACTIVE.set(active);
    GENERATOR.set(generator);
    result
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn is_active() -> bool {
    ACTIVE.get()
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn now_us() -> u64 {
    EPOCH_MS * 1_000 + NOW_US.get()
}

/// SplitMix64: every state is a good one, and there is nothing to set up.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn next_u64() -> u64 {
    let state = GENERATOR.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
    GENERATOR.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
