//! PURE. The change feed: what a log entry tells, and how far a reader has come.
//!
//! The shell in `api/feed` reads the log and the records; everything that it must
//! decide is decided here, by functions of fragment, state and time alone.

mod additions;
mod expiry;
mod explain;
mod frontier;
mod journal;
mod judge;
mod progress;

pub use additions::additions;
pub use expiry::{Due, due};
pub use explain::{KnownWrite, Verdict, WriteKind, end_by_principal, explain, explain_ended, sort};
pub use frontier::Frontier;
pub use journal::journal;
pub use judge::{Changed, Happened, SetChange, Told, judge};
pub use progress::{Offer, Progress};
