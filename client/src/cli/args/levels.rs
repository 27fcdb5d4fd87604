//! How many replicas a call involves, and when a write is on disk.

use clap::{Args, ValueEnum};

/// How many replicas must have a write.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Level {
    /// One replica of the region asked.
    #[default]
    LocalOne,
    /// A majority in the region asked.
    LocalQuorum,
    /// A majority in each region.
    EachQuorum,
    /// Every replica.
    All,
}

/// How many replicas a read asks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum ReadLevel {
    /// One replica of the region asked.
    #[default]
    LocalOne,
    /// A majority in the region asked.
    LocalQuorum,
    /// Every replica.
    All,
}

/// When a write is on disk.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum DurabilityLevel {
    /// Within the node's sync interval.
    #[default]
    Buffered,
    /// Before the answer.
    Synced,
}

/// How a write is kept.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct WriteArgs {
    /// How many replicas must have it before the answer [default: the policy's, else local-one].
    #[arg(long, value_enum)]
    pub(crate) consistency: Option<Level>,
    /// When it must be on disk [default: the policy's, else buffered].
    #[arg(long, value_enum)]
    pub(crate) durability: Option<DurabilityLevel>,
}
