//! What a node tells about itself: logs, counters, CPU time.

mod counters;
mod cpu;
mod logs;
mod readiness;

pub use counters::Counters;
pub use cpu::process_cpu_us;
pub use logs::{LogFormat, TelemetryConfig, init_logs};
pub use readiness::Readiness;
