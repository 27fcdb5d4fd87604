//! The public interface: gRPC in, domain calls out, and the only map from errors to statuses.

mod causal;
mod cluster_service;
mod convert;
mod deadline;
mod forwarded;
mod handler;
mod health;
mod ids;
mod levels;
mod pipeline;
mod reads;
mod remote;
mod router;
mod services;
mod session_service;
pub mod status;
mod writes;

pub use services::{Api, ApiParts};
