//! Clients: each does its operations one after the other.

use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::session::{Origin, Partition, ReplicaId, VersionVector};
use sojourn_proto::session::v1 as pb;

use super::command::command;
use super::{Request, Sessions, call, secret_of};
use crate::core_level::world::World;
use crate::plan::{Action, Consistency, Durability, NodeId, PlannedOperation, Token};
use crate::record::{Answer, Happening, IdName, Refusal, Shown};

type Me = Weak<Mutex<World>>;

/// Starts a task for each client of the plan; times count from now.
#[allow(clippy::disallowed_methods, reason = "clients are part of the world, not of a node")]
pub(in crate::core_level) fn run_clients(world: &mut World) {
    let mut by_client: BTreeMap<u16, Vec<(usize, PlannedOperation)>> = BTreeMap::new();
    for (number, operation) in world.plan.operations.iter().enumerate() {
        by_client.entry(operation.client).or_default().push((number, *operation));
    }
    let began_us = world.now_us();
    world.sessions.busy_clients = by_client.len();
    for (_, operations) in by_client {
        let me = world.weak();
        tokio::spawn(async move {
            for (number, operation) in operations {
                if wait_until(&me, began_us + operation.at_ms * 1_000).await.is_none() {
                    return;
                }
                operate(&me, number, operation).await;
            }
            if let Some(sim) = me.upgrade() {
                sim.lock().sessions.busy_clients -= 1;
            }
        });
    }
}

async fn wait_until(me: &Me, at_us: u64) -> Option<()> {
    let at = me.upgrade()?.lock().time.at(at_us);
    tokio::time::sleep_until(at).await;
    Some(())
}

async fn operate(me: &Me, number: usize, operation: PlannedOperation) {
    let Some(sent) = send(me, number, operation, None, false).await else { return };
    if operation.repeated && operation.action.is_write() {
        // A client that got no answer sends its call again to the node that may have it.
        send(me, number, operation, sent.0, true).await;
    }
}

/// Sends a call; none if it was skipped.
async fn send(
    me: &Me,
    number: usize,
    operation: PlannedOperation,
    first: Option<NodeId>,
    again: bool,
) -> Option<(Option<NodeId>,)> {
    let (region, shows, request) = {
        let sim = me.upgrade()?;
        let mut world = sim.lock();
        let (shows, request) = world.request(number, &operation)?;
        world.record(Happening::Invoked { operation: number, again, shows });
        (world.plan.shape.region_of_client(operation.client), shows, request)
    };
    let timeout = Duration::from_millis(operation.timeout_ms);
    let (node, answer, token) = call(me, region, first, request, timeout).await;
    let sim = me.upgrade()?;
    let mut world = sim.lock();
    world.sessions.told(number, &operation, shows, &answer);
    if let Some(token) = token.filter(|_| !matches!(operation.action, Action::LogOutEverywhere { .. })) {
        world.sessions.learn(operation.client, operation.session, &token);
    }
    world.record(Happening::Answered { operation: number, again, answer });
    Some((node,))
}

impl World {
    /// An id is created again only while the first session can still live. Once that
    /// is over and removed, the same id would be another session, and what is known
    /// of the first one would say nothing about it.
    fn may_create(&mut self, operation: &PlannedOperation) -> bool {
        let now_us = self.now_us();
        let first_us = *self.sessions.first_sent_us.entry(operation.session).or_insert(now_us);
        let lasts_ms = self.plan.shape.absolute_timeout_ms / 2;
        let over_us = first_us + lasts_ms * 1_000;
        now_us == first_us || now_us + operation.timeout_ms * 1_000 < over_us
    }

    fn request(&mut self, number: usize, operation: &PlannedOperation) -> Option<(IdName, Request)> {
        let session = operation.session;
        let is_sent = match operation.action {
            Action::Create => self.may_create(operation),
            _ => self.sessions.created.contains(&session),
        };
        if !is_sent {
            return None;
        }
        let token = match operation.token {
            Token::None => None,
            Token::Own => self.sessions.tokens.get(&(operation.client, session)).cloned(),
            Token::Newest => self.sessions.newest.get(&session).cloned(),
            Token::Forged => Some(forged(number)),
        };
        let repeated = operation.repeated && operation.action.is_write();
        let log_out = match operation.action {
            Action::LogOutEverywhere { principal } => Some(principal),
            _ => None,
        };
        let global = Partition::global(self.plan.shape.partition_count);
        // What a token of the session names is in another partition than a principal's record.
        let token = token.filter(|_| log_out.is_none());
        let shows = self.sessions.shows(number, operation);
        let request = Request {
            key: Sessions::key(session),
            partition: if log_out.is_some() { global } else { self.sessions.partition(session) },
            shown: secret_of(shows),
            revokes: Some(session).filter(|_| operation.action == Action::Revoke),
            log_out,
            command: command(operation.action, number, &self.plan.shape),
            level: level(operation),
            synced: operation.durability == Durability::Synced,
            token: token.unwrap_or_default(),
            idempotency_key: if repeated { format!("op {number}").into() } else { bytes::Bytes::new() },
        };
        Some((shows, request))
    }
}

impl Sessions {
    /// The id that a call shows, the same one whenever it is sent.
    fn shows(&mut self, number: usize, operation: &PlannedOperation) -> IdName {
        if !operation.action.shows_id() {
            return IdName::First;
        }
        let ids = self.ids.entry(operation.session).or_default();
        *self.shown_by.entry(number).or_insert_with(|| ids.shown(operation.shows))
    }

    /// What an answer says of the session's being there, and of its ids.
    fn told(&mut self, number: usize, operation: &PlannedOperation, shows: IdName, answer: &Answer) {
        let ids = self.ids.entry(operation.session).or_default();
        match (answer, operation.action) {
            (Answer::Acknowledged { .. } | Answer::Partly { .. }, Action::Create) => {
                ids.give(IdName::First);
                self.created.insert(operation.session);
            }
            (Answer::Acknowledged { .. } | Answer::Partly { .. }, Action::Rotate { .. }) => {
                ids.give(IdName::Of(number));
            }
            (Answer::Refused(Refusal::Rotated) | Answer::Read { shown: Shown::Rotated, .. }, _) => {
                ids.refuse(shows);
            }
            _ => {}
        }
    }
}

fn level(operation: &PlannedOperation) -> pb::Consistency {
    match operation.consistency {
        Consistency::LocalOne => pb::Consistency::LocalOne,
        Consistency::LocalQuorum => pb::Consistency::LocalQuorum,
        Consistency::EachQuorum if operation.action.is_write() => pb::Consistency::EachQuorum,
        Consistency::EachQuorum | Consistency::All => pb::Consistency::All,
    }
}

/// Names writes that nobody made: of nodes that are there, and of one that is not.
fn forged(number: usize) -> VersionVector {
    let replica = if number.is_multiple_of(2) { ReplicaId(1) } else { ReplicaId(60_000) };
    crdts::Dot::new(Origin { replica, incarnation: 1 }, 1 << 40).into()
}
