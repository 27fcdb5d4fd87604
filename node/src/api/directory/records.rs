//! Reading records of the global partition, which this node holds.

use std::sync::Arc;

use bytes::Bytes;

use super::cache::Cache;
use crate::api::status::Failure;
use crate::directory::period::Place;
use crate::directory::{Policy, Principal};
use crate::engine::{Engine, EngineError, StepError};
use crate::session::{DecodeError, DecodeLimits, Key, Session};

/// Reads principals and policies.
pub(in crate::api) struct Records {
    engine: Arc<Engine>,
    secret: [u8; 32],
    principals: Cache<Principal>,
    policies: Cache<Policy>,
}

impl Records {
    pub(in crate::api) fn new(engine: Arc<Engine>, secret: [u8; 32]) -> Self {
        Self { engine, secret, principals: Cache::default(), policies: Cache::default() }
    }

    pub(super) fn place<'a>(&'a self, namespace: &'a str, principal: &'a str) -> Place<'a> {
        Place { secret: &self.secret, namespace, principal }
    }

    /// The record of a namespace's policy.
    pub(in crate::api) fn policy_key(&self, namespace: &str) -> Key {
        Policy::key(&self.secret, namespace)
    }

    /// A principal, if that needs no disk.
    pub(super) fn principal_now(
        &self,
        namespace: &str,
        principal: &str,
        now_ms: u64,
    ) -> Option<Result<Arc<Principal>, DecodeError>> {
        let mut known = Vec::new();
        for key in self.place(namespace, principal).relevant(now_ms) {
            let Some(record) = self.engine.read_now(key)? else { continue };
            match self.read_principal(key, &record.state) {
                Ok(principal) => known.push(principal),
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(joined(known)))
    }

    /// A principal.
    pub(super) async fn principal(
        &self,
        namespace: &str,
        principal: &str,
        now_ms: u64,
    ) -> Result<Arc<Principal>, Failure> {
        let mut known = Vec::new();
        for key in self.place(namespace, principal).relevant(now_ms) {
            if let Some(state) = self.state(key).await? {
                known.push(self.read_principal(key, &state)?);
            }
        }
        Ok(joined(known))
    }

    /// A namespace's policy, if that needs no disk.
    pub(in crate::api) fn policy_now(&self, namespace: &str) -> Option<Result<Arc<Policy>, DecodeError>> {
        let key = self.policy_key(namespace);
        let record = self.engine.read_now(key)?;
        Some(record.map_or_else(|| Ok(Arc::default()), |record| self.read_policy(key, &record.state)))
    }

    /// A namespace's policy.
    pub(in crate::api) async fn policy(&self, namespace: &str) -> Result<Arc<Policy>, Failure> {
        let key = self.policy_key(namespace);
        match self.state(key).await? {
            Some(state) => Ok(self.read_policy(key, &state)?),
            None => Ok(Arc::default()),
        }
    }

    async fn state(&self, key: Key) -> Result<Option<Bytes>, Failure> {
        match self.engine.read(key).await {
            Ok(record) => Ok(record.map(|record| record.state)),
            // Lost by this disk and about to be fetched: without it nobody could say what has ended.
            Err(EngineError::Refused(StepError::Partial)) => Err(Failure::incomplete()),
            Err(error) => Err(error.into()),
        }
    }

    fn read_principal(&self, key: Key, state: &Bytes) -> Result<Arc<Principal>, DecodeError> {
        let read = || Session::decode(state, &DecodeLimits::default()).map(|record| Principal::of([&record]));
        self.principals.get(key, state, read)
    }

    fn read_policy(&self, key: Key, state: &Bytes) -> Result<Arc<Policy>, DecodeError> {
        let read = || Session::decode(state, &DecodeLimits::default()).map(|record| Policy::of(&record));
        self.policies.get(key, state, read)
    }
}

fn joined(mut known: Vec<Arc<Principal>>) -> Arc<Principal> {
    match known.len() {
        0 => Arc::default(),
        1 => known.remove(0),
        _ => Arc::new(Principal::joined(known.iter().map(|principal| &**principal))),
    }
}
