//! A login: it remembers its principal's logouts, and is listed.

use std::sync::Arc;

use super::super::deadline::Deadline;
use super::super::handler::{Handler, Target};
use super::super::ids::check_principal;
use super::super::status::{Failure, Reason};
use super::super::writes::Terms;
use crate::directory::period::PERIOD_MS;
use crate::directory::{Entry, OnSessionsMax, Principal};
use crate::engine::{Changes, Command, Committed, Create, Update};
use crate::session::{AuthBlock, Key, Partition, SecretHash};

/// Longest name of a device, in bytes.
const DEVICE_BYTES_MAX: usize = 128;

/// A login that is about to be written.
pub(in crate::api) struct Login<'a> {
    pub(in crate::api) namespace: &'a str,
    pub(in crate::api) target: Target,
    pub(in crate::api) device: &'a str,
    pub(in crate::api) deadline_ms: u64,
}

pub(in crate::api) fn check_device(device: &str) -> Result<(), Failure> {
    if device.len() <= DEVICE_BYTES_MAX && !device.contains('\0') {
        return Ok(());
    }
    Err(Failure::field("changes.device", "at most 128 bytes without a zero byte")
        .with("actual", device.len()))
}

impl Handler {
    /// Prepares a login: what it must remember, and its line in the principal's list.
    /// The line comes first, so that no session is live that the list does not have.
    ///
    /// # Errors
    /// The principal has as many sessions as the policy allows.
    pub(in crate::api) async fn begin_login(
        &self,
        login: &Login<'_>,
        auth: &mut AuthBlock,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        if auth.principal.is_empty() {
            return Ok(());
        }
        // With a name that no other call takes it could not be logged out everywhere.
        check_principal(&auth.principal)?;
        let now_ms = self.engine.trusted_wall_ms()?;
        let policy = self.records.policy(login.namespace).await?;
        let principal = self.records.principal(login.namespace, &auth.principal, now_ms).await?;
        auth.epoch_seen = principal.epoch();
        let (key, sessions_max) = (login.target.key, policy.sessions_max());
        let others: Vec<&Entry> = principal.newest_first(now_ms).filter(|entry| entry.key != key).collect();
        let excess = if sessions_max > 0 { (others.len() + 1).saturating_sub(sessions_max) } else { 0 };
        let over = self.over(&principal, &auth.principal, &others, excess, now_ms, deadline).await;
        if policy.on_sessions_max() == OnSessionsMax::Refuse && over.len() < excess {
            let message = "the principal has as many sessions as the policy of the namespace allows";
            let failure = Failure::new(Reason::TooManySessions, message);
            return Err(failure.with("limit", sessions_max).with("actual", others.len() - over.len() + 1));
        }
        let entry = Entry {
            login_ms: now_ms,
            key,
            deadline_ms: login.deadline_ms,
            region: self.router.region().into(),
            device: login.device.into(),
        };
        let changes = principal.login(&entry, sessions_max, &over, now_ms);
        let terms = Terms::default();
        let listed = self.change_principal(login.namespace, &auth.principal, changes, terms, deadline).await;
        match listed.map(drop) {
            // Too many logins for the list: the session is none the less safe to end, by its epoch.
            Err(failure) if failure.reason() == Reason::LimitExceeded => {
                tracing::warn!("a login is not listed: its principal has too many");
                Ok(())
            }
            listed => listed,
        }
    }

    /// Ends for good those that are one too many. They are over all the same if this fails.
    pub(super) async fn settle(&self, namespace: &str, principal: &str, changes: Changes) {
        let deadline = Deadline::after(None, &self.config, &*self.env.clock);
        let terms = Terms::default();
        let settled = self.change_principal(namespace, principal, changes, terms, deadline).await;
        if let Err(failure) = settled {
            tracing::debug!(
                reason = failure.reason().as_str(),
                "sessions that are too many still may return"
            );
        }
    }

    /// Takes a session out of its principal's list. It is over all the same if this fails.
    pub(in crate::api) async fn forget(
        &self,
        namespace: &str,
        auth: &AuthBlock,
        key: &Key,
        deadline: Deadline,
    ) {
        if auth.principal.is_empty() {
            return;
        }
        let Ok(now_ms) = self.engine.trusted_wall_ms() else { return };
        let Ok(principal) = self.records.principal(namespace, &auth.principal, now_ms).await else { return };
        let Ok(policy) = self.records.policy(namespace).await else { return };
        let Some(changes) = principal.forget(key, policy.sessions_max(), now_ms) else { return };
        let terms = Terms::default();
        let forgotten = self.change_principal(namespace, &auth.principal, changes, terms, deadline).await;
        if let Err(failure) = forgotten {
            tracing::debug!(reason = failure.reason().as_str(), "a session that has ended is still listed");
        }
    }

    /// Changes a principal's record of now.
    pub(super) async fn change_principal(
        &self,
        namespace: &str,
        principal: &str,
        changes: Changes,
        terms: Terms,
        deadline: Deadline,
    ) -> Result<Committed, Failure> {
        let now_ms = self.engine.trusted_wall_ms()?;
        let (key, ends_ms) = self.records.place(namespace, principal).current(now_ms);
        let timeout_ms = ends_ms.saturating_sub(now_ms).max(PERIOD_MS);
        let changes = Principal::named(changes, principal);
        let create = Create {
            namespace: Arc::from(namespace),
            idle_timeout_ms: timeout_ms,
            absolute_timeout_ms: timeout_ms,
            changes,
        };
        self.put(key, create, terms, deadline).await
    }

    /// Changes a record of the global partition, or makes it.
    pub(super) async fn put(
        &self,
        key: Key,
        create: Create,
        Terms { options, limits, receipt }: Terms,
        deadline: Deadline,
    ) -> Result<Committed, Failure> {
        let partition = Partition::global(self.partition_count);
        let target = Target { key, partition, shown: SecretHash::FIRST };
        let terms = || Terms { options: options.clone(), limits: limits.clone(), receipt };
        let update = || Command::Update(Update { changes: create.changes.clone(), ..Update::default() });
        match self.write(target, update(), terms(), deadline).await {
            Err(failure) if failure.reason() == Reason::SessionNotFound => {}
            written => return written,
        }
        match self.write(target, Command::Create(create.clone()), terms(), deadline).await {
            // Another call has made it meanwhile.
            Err(failure) if failure.reason() == Reason::SessionExists => {}
            written => return written,
        }
        self.write(target, update(), terms(), deadline).await
    }

    /// A principal, as this node knows it.
    pub(super) async fn principal(
        &self,
        namespace: &str,
        principal: &str,
    ) -> Result<Arc<Principal>, Failure> {
        let now_ms = self.engine.trusted_wall_ms()?;
        self.records.principal(namespace, principal, now_ms).await
    }
}
