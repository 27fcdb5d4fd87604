//! Generated types of Sojourn's gRPC interface, from the `.proto` files beside this crate.

#![allow(missing_docs, unreachable_pub, clippy::all)]

/// The public interface to sessions.
pub mod session {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.session.v1");
    }
}

/// Status, members and layout.
pub mod cluster {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.cluster.v1");
    }
}

/// Between nodes: replication.
pub mod replication {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.replication.v1");
    }
}

/// Between nodes: membership.
pub mod membership {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.membership.v1");
    }
}

/// Descriptors of all services, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
