//! Another id for a session, and uses of ids that it had before.

use sojourn_proto::session::v1 as pb;

use super::deadline::Deadline;
use super::handler::{Handler, Target};
use super::ids;
use super::status::{Failure, Reason};
use super::writes::{Change, token};
use crate::engine::{Command, ExecuteOptions, Reply, Rotate, Update};
use crate::env::Rng;
use crate::session::rotation::GRACE_MS_MAX;
use crate::session::secret::{SECRET_BYTES, secret_of_retry};
use crate::session::{IdVerdict, Register, Rotation, SecretHash, SessionView};

/// For how long an id is accepted after a routine rotation if the caller says nothing, in milliseconds.
const GRACE_MS_DEFAULT: u64 = 30_000;

/// Shortest idempotency key of a rotation, in bytes: whoever knows it and the old id is told the new one.
const KEY_BYTES_MIN: usize = 16;

impl Handler {
    pub(super) async fn rotate(
        &self,
        request: pb::RotateRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::RotateResponse, Failure> {
        let message = request.changes.unwrap_or_default();
        let options = self.write_options(&request.namespace, request.options).await?;
        let grace_ms = grace_ms(request.grace_ms, message.set_auth.is_some())?;
        let first_id = ids::parse(&request.session_id)?.first;
        let secret = self.new_secret(&request.namespace, &request.session_id, &options.idempotency_key)?;
        let hash = SecretHash::of(&self.key_secret, &request.namespace, first_id, &secret);
        let new = Target { shown: hash, ..target };
        // An earlier attempt may have done it: then the old id must not count as used too late.
        let target = if self.has_id(new).await? { new } else { target };
        let change = Change { namespace: &request.namespace, target, message, options };
        let touch = request.touch;
        let command = |changes| {
            Command::Rotate(Rotate {
                secret: hash,
                grace_ms,
                update: Update { changes, touch, ..Update::default() },
            })
        };
        let session_id = ids::rotated(first_id, &secret);
        let committed = self.change(change, command, deadline).await;
        let committed = committed.map_err(|failure| failure.with_new_id(&session_id))?;
        if committed.reply != (Reply::Rotated { secret: hash }) {
            let message = "options.idempotency_key was used for another change of this session";
            return Err(
                Failure::new(Reason::IdempotencyKeyReused, message).with("field", "options.idempotency_key")
            );
        }
        Ok(pb::RotateResponse {
            session_id,
            session: self.show_if(request.return_session, &committed, new).await?,
            causal_token: token(new, &committed),
            replica_id: self.replica_id(),
        })
    }

    /// A secret for a new id: random, or, so that a retry gets the same one and nobody has to
    /// keep it, made from what only this call can show.
    fn new_secret(&self, namespace: &str, shown_id: &str, key: &[u8]) -> Result<[u8; SECRET_BYTES], Failure> {
        match key.len() {
            0 => Ok(self.env.rng.with(|rng| rng.random())),
            KEY_BYTES_MIN.. => Ok(secret_of_retry(&self.key_secret, namespace, shown_id, key)),
            short => {
                let allowed = "absent, or 16 to 64 random bytes, where an id is rotated";
                Err(Failure::field("options.idempotency_key", allowed).with("actual", short))
            }
        }
    }

    /// Whether the session has this id already.
    async fn has_id(&self, target: Target) -> Result<bool, Failure> {
        let Ok(Some(record)) = self.engine.read(target.key).await else { return Ok(false) };
        Ok(SessionView::open(&record.state, &self.decode_limits)?.ids().current_secret() == target.shown)
    }

    /// Refuses an id that is not, or no more, the session's; the use of one that was replaced is noted.
    pub(super) async fn check_id(
        &self,
        ids: &Register<Rotation>,
        target: Target,
        now_ms: u64,
    ) -> Result<(), Failure> {
        match ids.judge(&target.shown, now_ms) {
            IdVerdict::Current | IdVerdict::Alias => Ok(()),
            IdVerdict::Unknown => Err(Failure::not_found()),
            IdVerdict::Replaced => {
                self.note_replay(target).await;
                Err(rotated(ids))
            }
        }
    }

    /// Counts the use of an id that was replaced, and marks the session unless this node has just done so.
    pub(super) async fn note_replay(&self, target: Target) {
        self.counters.add_replay();
        if !self.router.is_here(target.partition) || !self.is_mark_due(target).await {
            return;
        }
        let options = ExecuteOptions { shown: target.shown, ..ExecuteOptions::default() };
        match self.engine.execute(target.key, Command::MarkReplay, &options).await {
            Ok(marked) if marked.dot.is_some() => {
                tracing::warn!("a session id was used that had been replaced");
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the use of a replaced session id was not noted"),
        }
    }

    async fn is_mark_due(&self, target: Target) -> bool {
        let Ok(now_ms) = self.engine.trusted_wall_ms() else { return false };
        let Ok(Some(record)) = self.engine.read(target.key).await else { return false };
        SessionView::open(&record.state, &self.decode_limits)
            .is_ok_and(|view| view.replays().is_due(self.router.own(), now_ms))
    }
}

/// The session has another id than the one shown.
pub(super) fn rotated(ids: &Register<Rotation>) -> Failure {
    Failure::rotated(ids.current().map_or(0, |rotation| rotation.stamp().wall_ms()))
}

fn grace_ms(asked_ms: Option<u32>, is_login: bool) -> Result<u64, Failure> {
    match asked_ms.map(u64::from) {
        None if is_login => Ok(0),
        None => Ok(GRACE_MS_DEFAULT),
        Some(0) => Ok(0),
        Some(_) if is_login => Err(Failure::field("grace_ms", "absent or 0 with changes.set_auth")),
        Some(grace_ms) if grace_ms <= GRACE_MS_MAX => Ok(grace_ms),
        Some(actual) => {
            let allowed = format!("at most {GRACE_MS_MAX}");
            Err(Failure::field("grace_ms", &allowed).with("actual", actual))
        }
    }
}
