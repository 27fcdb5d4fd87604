//! PURE. The limits on sessions, checked before anything is changed.

use crate::session::rotation::GRACE_MS_MAX;
use crate::session::{AuthBlock, Body, SessionLimits};

use super::command::{Changes, Create};
use super::step::StepError;

pub(super) fn check_create(create: &Create, limits: &SessionLimits) -> Result<(), StepError> {
    within(
        "idle_timeout_ms",
        create.idle_timeout_ms,
        limits.idle_timeout_ms_min,
        limits.idle_timeout_ms_max,
    )?;
    within(
        "absolute_timeout_ms",
        create.absolute_timeout_ms,
        limits.absolute_timeout_ms_min,
        limits.absolute_timeout_ms_max,
    )
}

pub(super) fn check_changes(changes: &Changes, limits: &SessionLimits) -> Result<(), StepError> {
    let names = (changes.set_attributes.iter().map(|(name, _)| name))
        .chain(changes.add_counters.iter().map(|(name, _)| name))
        .chain(changes.change_sets.iter().map(|change| &change.name));
    for name in names {
        if name.is_empty() {
            return Err(StepError::InvalidArgument { field: "name", detail: "must not be empty".into() });
        }
        at_most("name_bytes_max", name.len(), limits.name_bytes_max)?;
    }
    for (_, value) in &changes.set_attributes {
        at_most("value_bytes_max", value.bytes.len(), limits.value_bytes_max)?;
    }
    for member in changes.change_sets.iter().flat_map(|change| &change.add) {
        at_most("member_bytes_max", member.len(), limits.member_bytes_max)?;
    }
    Ok(())
}

pub(super) fn check_auth(auth: &AuthBlock, limits: &SessionLimits) -> Result<(), StepError> {
    let texts = auth.methods.iter().chain(&auth.roles).map(|text| text.len()).sum::<usize>();
    at_most("auth_bytes_max", auth.principal.len() + texts + auth.csrf_secret.len(), limits.auth_bytes_max)
}

pub(super) fn check_grace(grace_ms: u64) -> Result<(), StepError> {
    within("grace_ms", grace_ms, 0, GRACE_MS_MAX)
}

/// Checks what a session would be after a change; [`check_encoded`] does the rest.
pub(super) fn check_state(body: &Body, limits: &SessionLimits) -> Result<(), StepError> {
    at_most("attributes_max", body.attributes.len(), limits.attributes_max)?;
    at_most("counters_max", body.counters.len(), limits.counters_max)?;
    at_most("sets_max", body.sets.len(), limits.sets_max)?;
    for members in body.sets.values() {
        at_most("set_members_max", members.len(), limits.set_members_max)?;
    }
    Ok(())
}

pub(super) fn check_encoded(bytes: usize, limits: &SessionLimits) -> Result<(), StepError> {
    at_most("session_bytes_max", bytes, limits.session_bytes_max)
}

fn at_most(field: &'static str, actual: usize, limit: usize) -> Result<(), StepError> {
    if actual <= limit {
        return Ok(());
    }
    Err(StepError::LimitExceeded { field, limit: limit as u64, actual: actual as u64 })
}

fn within(field: &'static str, actual: u64, min: u64, max: u64) -> Result<(), StepError> {
    if (min..=max).contains(&actual) {
        return Ok(());
    }
    let detail = format!("must be {min} to {max}");
    Err(StepError::InvalidArgument { field, detail })
}
