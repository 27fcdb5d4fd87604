//! The public interface: gRPC in, domain calls out, and the only map from errors to statuses.

mod causal;
pub mod status;
