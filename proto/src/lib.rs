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

/// Principals and policies.
pub mod directory {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.directory.v1");
    }
}

/// The change feed, and how a session came to be as it is.
pub mod feed {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.feed.v1");
    }
}

/// Copies of a namespace.
pub mod export {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("sojourn.export.v1");

        impl ImportResponse {
            /// Counts what another call has taken, too. `replica_id` stays as it is: a sum is of many replicas.
            pub fn add(&mut self, other: &Self) {
                self.merged += other.merged;
                self.unchanged += other.unchanged;
                self.ended += other.ended;
                self.expired += other.expired;
                self.conflicting += other.conflicting;
                self.refused += other.refused;
            }
        }
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
