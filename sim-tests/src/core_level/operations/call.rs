//! One call: from a client to a node that holds the session, and back.

use std::sync::Weak;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use sojourn_node::engine::Command;
use sojourn_node::session::{Key, Partition, SecretHash, VersionVector};
use sojourn_proto::session::v1::Consistency;
use tokio::sync::oneshot;

use super::serve::{Served, serve};
use crate::core_level::layout;
use crate::core_level::world::World;
use crate::plan::{NodeId, SessionId};
use crate::record::{Answer, Refusal};

/// A call, as a node gets it.
#[derive(Clone)]
pub(in crate::core_level) struct Request {
    pub(in crate::core_level) key: Key,
    pub(in crate::core_level) partition: Partition,
    /// Which of the session's ids it shows.
    pub(in crate::core_level) shown: SecretHash,
    /// None for a read and for a logout everywhere.
    pub(in crate::core_level) command: Option<Command>,
    /// The session that a planned call revokes: its receipt is followed.
    pub(in crate::core_level) revokes: Option<SessionId>,
    /// The principal to log out everywhere.
    pub(in crate::core_level) log_out: Option<u8>,
    pub(in crate::core_level) level: Consistency,
    pub(in crate::core_level) synced: bool,
    pub(in crate::core_level) token: VersionVector,
    pub(in crate::core_level) idempotency_key: Bytes,
}

impl Request {
    pub(super) fn is_write(&self) -> bool {
        self.command.is_some() || self.log_out.is_some()
    }
}

/// What came of one attempt.
enum Attempt {
    /// The node did not take it: another one may be asked.
    NotTaken,
    Done(Served),
}

/// Calls nodes, those of the client's region first, until one takes the call. Says
/// who did, what it answered, and the causal token.
pub(in crate::core_level) async fn call(
    me: &Weak<Mutex<World>>,
    region: usize,
    first: Option<NodeId>,
    request: Request,
    timeout: Duration,
) -> (Option<NodeId>, Answer, Option<VersionVector>) {
    let unknown = if request.is_write() { Answer::Unknown } else { refused(Refusal::Unavailable) };
    let mut last = None;
    let attempts = async {
        let nodes = match first {
            Some(node) => vec![node],
            None => candidates(me, region, request.partition),
        };
        for node in nodes {
            last = Some(node);
            if let Attempt::Done(served) = attempt(me, node, request.clone(), timeout).await {
                return served;
            }
        }
        last = None;
        Served { answer: refused(Refusal::Unavailable), token: None }
    };
    match tokio::time::timeout(timeout, attempts).await {
        Ok(served) => (last, served.answer, served.token),
        Err(_) => (last, unknown, None),
    }
}

fn refused(refusal: Refusal) -> Answer {
    Answer::Refused(refusal)
}

/// The nodes to ask in turn: those that hold the partition by the committed layout.
fn candidates(me: &Weak<Mutex<World>>, region: usize, partition: Partition) -> Vec<NodeId> {
    let Some(sim) = me.upgrade() else { return Vec::new() };
    let mut world = sim.lock();
    let membership = world.raft.view();
    let turn = world.next_turn();
    let mut here = Vec::new();
    let mut elsewhere = Vec::new();
    for replica in layout::serving(&membership, partition) {
        let Some(node) = world.raft.machine_of(replica) else { continue };
        let is_here = world.machine(node).is_some_and(|machine| machine.region == region);
        if is_here { here.push(node) } else { elsewhere.push(node) }
    }
    if !here.is_empty() {
        let places = here.len();
        here.rotate_left(turn % places);
    }
    here.extend(elsewhere);
    here
}

async fn attempt(me: &Weak<Mutex<World>>, node: NodeId, request: Request, timeout: Duration) -> Attempt {
    let Some(delay) = client_delay(me) else { return Attempt::NotTaken };
    tokio::time::sleep(delay).await;
    let (send, receive) = oneshot::channel();
    {
        let Some(sim) = me.upgrade() else { return Attempt::NotTaken };
        let mut world = sim.lock();
        let Some(run) = world.machine(node).and_then(|machine| machine.run.as_ref()) else {
            return Attempt::NotTaken;
        };
        let shared = run.shared.clone();
        let (me, callee) = (me.clone(), shared.clone());
        let task = async move { drop(send.send(serve(&me, &callee, request, timeout).await)) };
        shared.env.spawn.spawn("call", Box::pin(task));
    }
    let unknown = Served { answer: Answer::Unknown, token: None };
    let served = match receive.await {
        Ok(Some(served)) => served,
        Ok(None) => return Attempt::NotTaken,
        // It died meanwhile.
        Err(_) => unknown.clone(),
    };
    let Some(delay) = client_delay(me) else { return Attempt::Done(unknown) };
    tokio::time::sleep(delay).await;
    Attempt::Done(served)
}

fn client_delay(me: &Weak<Mutex<World>>) -> Option<Duration> {
    let sim = me.upgrade()?;
    let world = &mut *sim.lock();
    Some(Duration::from_micros(world.network.client_latency_us(&mut world.rng)))
}
