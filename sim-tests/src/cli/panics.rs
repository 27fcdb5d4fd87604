//! A panic of the product is a result, which is printed with its seed, and no noise in between.

use std::panic;

use sojourn_sim::SIMULATION_THREAD;

/// Prints nothing when a simulation panics. Every other thread's panic is a bug here.
pub(crate) fn silence() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if std::thread::current().name() != Some(SIMULATION_THREAD) {
            report(info);
        }
    }));
}
