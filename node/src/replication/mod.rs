//! How writes travel between nodes: push, gossip, transfer, and fetch.
//!
//! [`core`] is pure and decides what goes to whom; [`driver`] owns the streams.
//! An entry takes the first of these ways that works, each slower than the one
//! before: pushed at once from memory; read from the log for a peer that fell
//! behind; transferred as full states when the log no longer reaches back. All
//! of them end in the engine's merge, so none needs order or exactly-once.

mod acks;
pub mod batch;
mod config;
pub mod core;
pub mod driver;
mod engine;
mod fetch;
mod forward;
mod lapse;
mod quorum;
mod seam;
mod spread;
mod taking;
mod transfer_in;
mod varint;
pub mod vectors;

pub use acks::{AckShortfall, Acks};
pub use config::{ReplicationConfig, ReplicationConfigError};
pub use core::PeerState;
pub use driver::{
    PROTOCOL_VERSION, Refusal, Replication, ReplicationServer, caller, check_caller, check_hello,
    complete_all, hello,
};
pub use fetch::{
    FetchError, Fetched, ReadShortfall, TransferOut, Wanted, answer, by_partition, complete, gather,
    nearest_first, read_answer,
};
pub use forward::{ForwardError, ForwardHandler};
pub use lapse::lapse_idle;
pub use quorum::needed;
pub use seam::{AppliedBatch, Commits, FullState, KeysToAsk, NewEntries, Replica, ReplicaError, SyncReports};
pub use spread::{RegionSpread, Spread, spread};
pub use taking::Taking;
pub use transfer_in::TransferIn;
