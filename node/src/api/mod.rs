//! The public interface: gRPC in, domain calls out, and the only map from errors to statuses.

mod causal;
mod cluster_service;
mod convert;
mod deadline;
mod directory;
mod explain;
mod export;
mod feed;
mod forwarded;
mod handler;
mod health;
mod ids;
mod levels;
mod pipeline;
mod reads;
mod receipts;
mod remote;
mod rotations;
mod router;
mod services;
mod session_service;
mod staleness;
pub mod status;
mod writes;

pub use services::{Api, ApiParts};
