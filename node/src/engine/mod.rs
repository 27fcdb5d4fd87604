//! Stub.
#![allow(missing_docs, dead_code, unused)]
mod command;
mod config;
mod error;
use crate::env::Environment;
use crate::session::*;
use crate::store::Store;
use bytes::Bytes;
pub use command::*;
pub use config::EngineConfig;
pub use error::*;
use std::sync::Arc;
use std::time::Duration;
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub origin: Origin,
    pub seq: u64,
    pub key: Key,
    pub ack: bool,
    pub fragment: Bytes,
}
pub struct Engine;
pub struct Usage {
    pub records: u64,
    pub resident_bytes: u64,
    pub log_bytes: u64,
}
pub struct Record {
    pub state: Bytes,
    pub vector: VersionVector,
}
pub struct Committed {
    pub reply: Reply,
    pub dot: Option<Dot>,
    pub state: Bytes,
    pub vector: VersionVector,
}
pub enum Durability {
    Buffered,
    Synced,
}
pub struct ExecuteOptions {
    pub durability: Durability,
    pub idempotency_key: Option<Bytes>,
    pub ack: bool,
}
pub struct PartitionDigest {
    pub digest: u128,
    pub records: u64,
}
impl Engine {
    pub fn open(
        store: Arc<dyn Store>,
        config: EngineConfig,
        env: Environment,
    ) -> Result<Arc<Engine>, EngineError> {
        todo!()
    }
    pub fn set_replica(&self, r: ReplicaId) {}
    pub fn origin(&self) -> Origin {
        todo!()
    }
    pub fn usage(&self) -> Usage {
        todo!()
    }
    pub async fn execute(
        &self,
        key: Key,
        command: Command,
        options: &ExecuteOptions,
    ) -> Result<Committed, EngineError> {
        todo!()
    }
    pub async fn read(&self, key: Key) -> Result<Option<Record>, EngineError> {
        todo!()
    }
    pub async fn wait_for(&self, p: Partition, v: &VersionVector, deadline: Duration) -> Result<(), NotYet> {
        todo!()
    }
    pub fn digest(&self, p: Partition) -> PartitionDigest {
        todo!()
    }
    pub async fn shutdown(&self) {}
}
