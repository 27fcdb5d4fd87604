//! From what happened to the message that tells it.

use std::sync::Arc;

use bytes::Bytes;
use sojourn_proto::feed::v1 as pb;
use sojourn_proto::feed::v1::watch_event::Event;

use super::request::Filter;
use crate::api::convert;
use crate::api::handler::Handler;
use crate::directory::Ends;
use crate::feed::{Changed, Happened, SetChange, Told};
use crate::session::view::Content;
use crate::session::{Key, Partition, ReplicaId, SessionView};

/// What this node knows of a session beside the event.
pub(super) struct Known {
    /// Its record, whatever has become of it.
    pub(super) state: Option<Bytes>,
    /// How it was before it ended, if it has and that is remembered.
    pub(super) before: Option<Bytes>,
    /// Whose it is or was; empty: nobody's; none: not known.
    pub(super) principal: Option<String>,
}

impl Handler {
    /// What is known of a session now.
    pub(super) async fn known(&self, key: Key) -> Known {
        // A record that cannot be read is as good as one that is not there: the event stands.
        let state = self.engine.read(key).await.ok().flatten().map(|record| record.state);
        let mut principal = state.as_ref().and_then(|state| self.principal_of(state));
        let mut before = None;
        if principal.is_none() {
            before = self.engine.final_state(&key);
            principal = before.as_ref().and_then(|state| self.principal_of(state));
        }
        Known { state, before, principal }
    }

    /// None if the state has ended, is partial or malformed.
    fn principal_of(&self, state: &Bytes) -> Option<String> {
        let view = SessionView::open(state, &self.decode_limits).ok()?;
        if view.has_ended() || !view.is_complete() {
            return None;
        }
        let login = view.login().ok()?;
        Some(login.map_or_else(String::new, |login| (*login.principal).to_owned()))
    }

    /// A write as an event; none if the filter leaves it out.
    pub(super) fn tell(
        &self,
        filter: &Filter,
        partition: Partition,
        (key, origin): (Key, ReplicaId),
        told: Told,
        known: &Known,
    ) -> Option<pb::WatchEvent> {
        let login = match &told.happened {
            Happened::Created(changed) | Happened::Changed(changed) | Happened::Rotated { changed, .. } => {
                changed.login.as_ref()
            }
            Happened::Replayed | Happened::Revoked { .. } => None,
        };
        let principal = known.principal.clone().or_else(|| login.map(|it| (*it.principal).to_owned()));
        let mut event = self.event(filter, partition, Some(&key), principal)?;
        event.at_ms = told.at_ms;
        event.replica_id = origin.0.into();
        event.region = self.region_of(origin);
        event.event = Some(match told.happened {
            Happened::Created(changed) => Event::Created(self.changed(filter, changed, known)),
            Happened::Changed(changed) => Event::Changed(self.changed(filter, changed, known)),
            Happened::Rotated { without_grace, changed } => {
                let changed = Some(self.changed(filter, changed, known));
                Event::Rotated(pb::Rotated { without_grace, changed })
            }
            Happened::Replayed => Event::Replayed(pb::Replayed {}),
            Happened::Revoked { reason } => {
                let final_state = self.final_state(filter, known.before.as_ref());
                Event::Revoked(pb::Ended { reason: (*reason).to_owned(), final_state })
            }
        });
        Some(event)
    }

    /// An expiry as an event; none if the filter leaves it out.
    pub(super) fn tell_expired(
        &self,
        filter: &Filter,
        partition: Partition,
        (key, expired_at_ms): (Key, u64),
        known: &Known,
    ) -> Option<pb::WatchEvent> {
        let mut event = self.event(filter, partition, Some(&key), known.principal.clone())?;
        event.at_ms = expired_at_ms;
        let states = [known.state.as_ref(), known.before.as_ref()];
        let final_state = states.into_iter().find_map(|state| self.final_state(filter, state));
        event.event = Some(Event::Expired(pb::Ended { reason: String::new(), final_state }));
        Some(event)
    }

    /// What a write to a principal ends, as events; those that the filter leaves in.
    pub(super) fn tell_ends(
        &self,
        filter: &Filter,
        partition: Partition,
        origin: ReplicaId,
        ends: &Ends,
    ) -> Vec<pb::WatchEvent> {
        let principal = || Some((*ends.principal).to_owned());
        let event = |key: Option<&Key>, event| {
            let blank = self.event(filter, partition, key, principal())?;
            let (replica_id, region) = (origin.0.into(), self.region_of(origin));
            Some(pb::WatchEvent { at_ms: ends.at_ms, replica_id, region, event: Some(event), ..blank })
        };
        let by_name = ends.by_name.iter().filter(|(key, _)| filter.key.is_none_or(|only| only == *key));
        let revoked = |(key, reason): &(Key, Arc<str>)| {
            let ended = pb::Ended { reason: (**reason).to_owned(), final_state: None };
            event(Some(key), Event::Revoked(ended))
        };
        let goes_on = |kept: &Option<Key>| kept.is_some() && *kept == filter.key;
        let everywhere =
            ends.everywhere.iter().filter(|all| !goes_on(&all.kept)).map(|all| {
                event(None, Event::LoggedOut(pb::LoggedOut { kept_key: bytes(all.kept.as_ref()) }))
            });
        everywhere.chain(by_name.map(revoked)).flatten().collect()
    }

    /// An event that says nothing yet, of one session or of none; none if it is of a
    /// principal that the filter leaves out.
    fn event(
        &self,
        filter: &Filter,
        partition: Partition,
        key: Option<&Key>,
        principal: Option<String>,
    ) -> Option<pb::WatchEvent> {
        let is_other = principal.as_ref().is_some_and(|principal| *principal != filter.principal);
        if is_other && !filter.principal.is_empty() {
            return None;
        }
        Some(pb::WatchEvent {
            partition: partition.0.into(),
            key: bytes(key),
            namespace: filter.namespace.clone(),
            principal_unknown: principal.is_none(),
            principal: principal.unwrap_or_default(),
            ..pb::WatchEvent::default()
        })
    }

    fn region_of(&self, replica: ReplicaId) -> String {
        let membership = self.router.membership();
        membership.nodes.get(&replica).map(|node| node.region.clone()).unwrap_or_default()
    }

    fn final_state(
        &self,
        filter: &Filter,
        state: Option<&Bytes>,
    ) -> Option<sojourn_proto::session::v1::Session> {
        let view = SessionView::open(state.filter(|_| filter.final_state)?, &self.decode_limits).ok()?;
        if view.has_ended() || !view.is_complete() {
            return None;
        }
        let (mut session, _) = convert::session(view).ok()?;
        if let Some(auth) = &mut session.auth {
            auth.csrf_secret = Bytes::new();
        }
        Some(session)
    }

    fn changed(&self, filter: &Filter, changed: Changed, known: &Known) -> pb::Changed {
        let state = known.state.as_ref().filter(|_| filter.include_values && !changed.counters.is_empty());
        let view = state.and_then(|state| SessionView::open(state, &self.decode_limits).ok());
        let sums = view.and_then(|view| view.content().ok());
        message(changed, filter.include_values, sums.as_ref())
    }
}

fn message(changed: Changed, include_values: bool, now: Option<&Content<'_>>) -> pb::Changed {
    let attribute =
        |(name, value): (crate::session::Name, Option<crate::session::Value>)| pb::AttributeChange {
            name: (*name).to_owned(),
            removed: value.is_none(),
            value: value.filter(|_| include_values).map(convert::value),
        };
    let counter = |name: crate::session::Name| {
        let sum = now.and_then(|now| now.counters.iter().find(|(held, _)| **held == *name));
        pb::CounterChange { name: (*name).to_owned(), sum: sum.map(|(_, sum)| *sum) }
    };
    let set = |SetChange { name, mut added, mut removed }: SetChange| {
        if !include_values {
            (added, removed) = (Vec::new(), Vec::new());
        }
        pb::SetMembersChange { name: (*name).to_owned(), added, removed }
    };
    let login = changed.login.clone().filter(|_| include_values).map(|login| {
        let mut login = convert::auth(login);
        login.csrf_secret = Bytes::new();
        login
    });
    pb::Changed {
        attributes: changed.attributes.into_iter().map(attribute).collect(),
        counters: changed.counters.into_iter().map(counter).collect(),
        sets: changed.sets.into_iter().map(set).collect(),
        login_changed: changed.login.is_some(),
        login,
    }
}

/// Empty: none.
fn bytes(key: Option<&Key>) -> Bytes {
    key.map_or_else(Bytes::new, |key| Bytes::copy_from_slice(&key.0))
}
