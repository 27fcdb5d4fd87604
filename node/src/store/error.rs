//! What can go wrong with a disk.

/// A failure of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The disk or file system refused.
    #[error("disk error while {doing}: {detail}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        detail: String,
    },
    /// What was read is not what was written.
    #[error("corrupt data in {place}: {detail}")]
    Corrupt {
        /// Where.
        place: String,
        /// How it was noticed.
        detail: String,
    },
    /// The directory belongs to another node, cluster, version or process.
    #[error("cannot use this data directory: {detail}")]
    Unusable {
        /// Why.
        detail: String,
    },
}
