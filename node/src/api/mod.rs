//! The public interface: gRPC in, domain calls out, and the only map from errors to statuses.

pub mod status;
