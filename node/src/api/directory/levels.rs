//! The levels of calls that ask for none: those of the namespace's policy.

use sojourn_proto::session::v1::{Consistency, ReadOptions, WriteOptions};

use super::super::handler::Handler;
use super::super::status::Failure;
use crate::directory::Policy;

impl Handler {
    /// A write's options, with the policy's levels where it names none.
    pub(in crate::api) async fn write_options(
        &self,
        namespace: &str,
        options: Option<WriteOptions>,
    ) -> Result<WriteOptions, Failure> {
        let options = options.unwrap_or_default();
        if options.consistency != 0 && options.durability != 0 {
            return Ok(options);
        }
        Ok(write_levels(options, &*self.records.policy(namespace).await?))
    }

    /// A read's options, with the policy's level if it names none.
    pub(in crate::api) async fn read_options(
        &self,
        namespace: &str,
        options: Option<ReadOptions>,
    ) -> Result<ReadOptions, Failure> {
        let mut options = options.unwrap_or_default();
        if options.consistency == 0 {
            or_policy(&mut options.consistency, self.records.policy(namespace).await?.read_consistency);
        }
        Ok(options)
    }
}

/// A write's options, with a policy's levels where they name none.
pub(in crate::api) fn write_levels(mut options: WriteOptions, policy: &Policy) -> WriteOptions {
    or_policy(&mut options.consistency, policy.write_consistency);
    or_policy(&mut options.durability, policy.durability);
    options
}

/// Whether one replica is enough for a read at a level.
pub(in crate::api) fn reads_one(mut level: i32, policy: &Policy) -> bool {
    or_policy(&mut level, policy.read_consistency);
    [0, Consistency::LocalOne.into()].contains(&level)
}

fn or_policy(level: &mut i32, policy: Option<u64>) {
    if *level == 0 {
        *level = policy.and_then(|level| i32::try_from(level).ok()).unwrap_or(0);
    }
}
