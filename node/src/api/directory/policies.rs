//! The policies of namespaces.

use std::sync::Arc;

use sojourn_proto::directory::v1 as pb;

use super::super::deadline::Deadline;
use super::super::handler::Handler;
use super::super::ids::check_namespace;
use super::super::levels::read_consistency;
use super::super::status::{Failure, Reason};
use super::super::writes::Terms;
use crate::directory::Policy;
use crate::session::SessionLimits;

impl Handler {
    pub(super) async fn get_policy(
        &self,
        request: pb::GetPolicyRequest,
        _: Deadline,
    ) -> Result<pb::GetPolicyResponse, Failure> {
        check_namespace(&request.namespace)?;
        let policy = self.records.policy(&request.namespace).await?;
        Ok(pb::GetPolicyResponse { policy: Some(message(&policy)) })
    }

    pub(super) async fn set_policy(
        &self,
        request: pb::SetPolicyRequest,
        deadline: Deadline,
    ) -> Result<pb::SetPolicyResponse, Failure> {
        check_namespace(&request.namespace)?;
        let policy = policy(&request.preset, request.policy.unwrap_or_default())?;
        policy.validate(&self.limits).map_err(|error| {
            let failure = Failure::new(Reason::InvalidField, error.to_string()).with("field", error.field);
            failure.with("actual", error.actual).with("allowed", format!("{} to {}", error.min, error.max))
        })?;
        let namespace: Arc<str> = request.namespace.as_str().into();
        let create = policy.create(namespace, &SessionLimits::global());
        let key = self.records.policy_key(&request.namespace);
        let terms = Terms { options: request.options.unwrap_or_default(), ..Terms::default() };
        self.put(key, create, terms, deadline).await?;
        let policy = self.records.policy(&request.namespace).await?;
        Ok(pb::SetPolicyResponse { policy: Some(message(&policy)), replica_id: self.replica_id() })
    }
}

fn policy(preset: &str, over: pb::Policy) -> Result<Policy, Failure> {
    let mut policy = match preset {
        "" => Policy::default(),
        preset => Policy::preset(preset).ok_or_else(|| {
            Failure::field("preset", &format!("empty or one of {}", Policy::PRESETS.join(", ")))
        })?,
    };
    let settings = [
        ("idle_timeout_ms", over.idle_timeout_ms),
        ("absolute_timeout_ms", over.absolute_timeout_ms),
        ("attributes_max", over.attributes_max),
        ("value_bytes_max", over.value_bytes_max),
        ("session_bytes_max", over.session_bytes_max),
        ("sessions_max", over.sessions_max),
        ("on_sessions_max", over.refuse_beyond_sessions_max.map(u64::from)),
        ("adopted_ids_allowed", over.adopted_ids_allowed.map(u64::from)),
        ("tighten_at_once", over.tighten_at_once.map(u64::from)),
        ("write_consistency", over.write_consistency.map(level)),
        ("read_consistency", over.read_consistency.map(level)),
        ("durability", over.durability.map(level)),
    ];
    if let Some(number) = over.read_consistency {
        read_consistency(number)?;
    }
    for (name, value) in settings.into_iter().filter(|(_, value)| value.is_some()) {
        policy.set(name, value);
    }
    Ok(policy)
}

pub(super) fn message(policy: &Policy) -> pb::Policy {
    pb::Policy {
        version: policy.version,
        idle_timeout_ms: policy.idle_timeout_ms,
        absolute_timeout_ms: policy.absolute_timeout_ms,
        attributes_max: policy.attributes_max,
        value_bytes_max: policy.value_bytes_max,
        session_bytes_max: policy.session_bytes_max,
        sessions_max: policy.sessions_max,
        refuse_beyond_sessions_max: policy.on_sessions_max.map(|on| on == 1),
        adopted_ids_allowed: policy.adopted_ids_allowed.map(|allowed| allowed == 1),
        tighten_at_once: policy.tighten_at_once.map(|tighten| tighten == 1),
        write_consistency: policy.write_consistency.and_then(number),
        read_consistency: policy.read_consistency.and_then(number),
        durability: policy.durability.and_then(number),
    }
}

/// A negative number is no level, which the check of the settings says.
fn level(number: i32) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn number(level: u64) -> Option<i32> {
    i32::try_from(level).ok()
}
