//! Calls between nodes: single records, and whole partitions.

use std::future::Future;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::membership::Change;
use sojourn_node::replication::core::Event;
use sojourn_node::replication::{
    Fetched, Replica, TransferIn, TransferOut, Wanted, answer, by_partition, caller, check_caller, complete,
    complete_all, lapse_idle, nearest_first, read_answer,
};
use sojourn_node::session::{Dot, Key, Partition, ReplicaId};
use tokio::sync::oneshot;

use super::network::Path;
use super::node::{Shared, at_address};
use super::world::World;
use crate::plan::NodeId;

/// Keys in one request for full states.
const FETCH_KEYS_MAX: usize = 64;

/// How long no record must have become partial before all partial ones are tried again.
const PARTIALS_RETRY: Duration = Duration::from_secs(1);

type Me = Weak<Mutex<World>>;

/// A message's way from one node to another; it waits as long as a cut is in
/// between or the receiver is paused. None if the run is over.
async fn travel(me: &Me, from: NodeId, to: NodeId) -> Option<()> {
    loop {
        let (open, latency_us, healed) = {
            let sim = me.upgrade()?;
            let mut world = sim.lock();
            let open = match world.network.path(from, to) {
                Path::Open => !world.machine(to)?.paused,
                Path::Blocked { fault, .. } => {
                    world.observed(fault);
                    false
                }
            };
            (open, world.latency_us(from, to), world.network.healed.clone())
        };
        if open {
            tokio::time::sleep(Duration::from_micros(latency_us)).await;
            return Some(());
        }
        healed.notified().await;
    }
}

/// Calls another node: `serve` runs there. None if it cannot be reached, refuses or dies meanwhile.
async fn call<T: Send + 'static, Serve: Future<Output = Option<T>> + Send + 'static>(
    me: &Me,
    shared: &Shared,
    replica: ReplicaId,
    serve: impl FnOnce(Arc<Shared>) -> Serve + Send,
) -> Option<T> {
    let membership = shared.membership();
    let node = membership.nodes.get(&replica)?;
    let to = at_address(&node.address)?;
    let request = caller(&membership, shared.me);
    travel(me, shared.node, to).await?;
    let (send, receive) = oneshot::channel();
    {
        let sim = me.upgrade()?;
        let mut world = sim.lock();
        let callee = world.machine(to)?.run.as_ref()?.shared.clone();
        check_caller(&callee.membership(), callee.me.replica, Some(&request), &shared.identity).ok()?;
        let served = serve(callee.clone());
        callee.env.spawn.spawn("call", Box::pin(async move { drop(send.send(served.await)) }));
    }
    let answer = receive.await.ok()??;
    travel(me, to, shared.node).await?;
    Some(answer)
}

/// Asks one replica for records, as the driver's `fetch_from`.
pub(super) async fn fetch_from(
    me: &Me,
    shared: &Shared,
    replica: ReplicaId,
    keys: Vec<Key>,
    wanted: Wanted,
) -> Option<(u64, Vec<Fetched>)> {
    let bytes_max = 2 * shared.config.batch_bytes_max.max(shared.config.transfer_chunk_bytes_max);
    let timeout = Duration::from_millis(shared.config.fetch_timeout_ms);
    let asked = keys.clone();
    let serve = move |callee: Arc<Shared>| async move {
        let engine = &callee.engine;
        answer(&**engine, &callee.membership, asked, wanted, bytes_max).await.ok()
    };
    let response = tokio::time::timeout(timeout, call(me, shared, replica, serve)).await.ok()??;
    read_answer(replica, &keys, response, |key| shared.engine.partition(&key)).ok()
}

/// Takes over all records of a partition from a peer; what they brought, none if it ended early.
async fn transfer(
    me: &Me,
    shared: &Shared,
    from: ReplicaId,
    partition: Partition,
) -> Option<Vec<(Partition, Dot)>> {
    let incoming = TransferIn::new(&*shared.engine, partition);
    let stall = Duration::from_millis(shared.config.transfer_stall_ms);
    let mut outgoing = None;
    loop {
        let chunk_bytes_max = shared.config.transfer_chunk_bytes_max;
        let begun = outgoing.take();
        let serve = move |callee: Arc<Shared>| async move {
            let replica: Arc<dyn Replica> = callee.engine.clone();
            let (life, mut transfer) = match begun {
                Some((life, transfer)) => (life, transfer),
                None => (callee.life, TransferOut::new(replica, partition, chunk_bytes_max)),
            };
            // The stream does not outlive its sender.
            if life != callee.life {
                return None;
            }
            let chunk = transfer.next().await.ok()??;
            Some((chunk, (life, transfer)))
        };
        let answered = tokio::time::timeout(stall, call(me, shared, from, serve)).await;
        let Ok(Some((chunk, rest))) = answered else { return None };
        outgoing = Some(rest);
        if let Some(brought) = incoming.take(chunk).await.ok()? {
            return Some(brought);
        }
    }
}

impl World {
    /// The core wants a partition from a peer.
    pub(super) fn start_transfer(&mut self, at: (NodeId, u64), from: ReplicaId, partition: Partition) {
        let me = self.weak();
        let Some(run) = self.running(at) else { return };
        let shared = run.shared.clone();
        let spawn = shared.env.spawn.clone();
        self.trace(&("transfer", at, from, partition));
        spawn.spawn(
            "replication.transfer",
            Box::pin(async move {
                let brought = transfer(&me, &shared, from, partition).await;
                let Some(sim) = me.upgrade() else { return };
                sim.lock().handle(at, Event::TransferEnded { partition, brought });
            }),
        );
    }

    /// Keeps completing the records of which a node has only fragments.
    pub(super) fn complete_partials(&self, shared: &Arc<Shared>) {
        let me = self.weak();
        let spawn = shared.env.spawn.clone();
        let shared = shared.clone();
        spawn.spawn("replication.partials", Box::pin(complete_partials(me, shared)));
    }

    /// Keeps ending the sessions that lay idle.
    pub(super) fn lapse(&self, shared: &Arc<Shared>) {
        let me = self.weak();
        let spawn = shared.env.spawn.clone();
        let shared = shared.clone();
        spawn.spawn("replication.lapse", Box::pin(lapse(me, shared)));
    }

    fn connected(&mut self, at: (NodeId, u64)) -> Vec<ReplicaId> {
        self.running(at).map(|run| run.links.keys().copied().collect()).unwrap_or_default()
    }
}

async fn complete_partials(me: Me, shared: Arc<Shared>) {
    let mut partials = Replica::partial_keys(&*shared.engine);
    loop {
        let keys = tokio::select! {
            biased;
            keys = partials.next() => keys,
            () = tokio::time::sleep(PARTIALS_RETRY) => {
                let partitions = shared.engine.config().partitions();
                partitions.flat_map(|partition| shared.engine.partials(partition, FETCH_KEYS_MAX)).collect()
            }
        };
        for (partition, keys) in by_partition(&shared.membership, keys) {
            for keys in keys.chunks(FETCH_KEYS_MAX) {
                complete_at(&me, &shared, partition, keys.to_vec()).await;
                if me.strong_count() == 0 {
                    return;
                }
            }
        }
    }
}

/// As the driver's task.
async fn lapse(me: Me, shared: Arc<Shared>) {
    let mut idle = Replica::idle_keys(&*shared.engine);
    let replica = shared.me.replica;
    let timeout = Duration::from_millis(shared.config.fetch_timeout_ms);
    while me.strong_count() > 0 {
        let keys = idle.next().await;
        if !set_lapsing(&me, &shared, true) {
            continue;
        }
        let asked = keys.len();
        let heads = |of, keys| fetch_from(&me, &shared, of, keys, Wanted::Head);
        let ended = lapse_idle(&*shared.engine, &shared.membership, replica, keys, timeout, heads).await;
        set_lapsing(&me, &shared, false);
        let Some(sim) = me.upgrade() else { return };
        sim.lock().trace(&("lapsed", shared.at(), asked, ended));
    }
}

/// False while replicas are compared: then none is to change.
fn set_lapsing(me: &Me, shared: &Shared, lapsing: bool) -> bool {
    let Some(sim) = me.upgrade() else { return false };
    let mut world = sim.lock();
    if world.comparing {
        return false;
    }
    if let Some(run) = world.running(shared.at()) {
        run.lapsing = lapsing;
    }
    true
}

/// Asks the connected replicas for full states, as the driver's `complete`.
async fn complete_at(
    me: &Me,
    shared: &Shared,
    partition: Partition,
    keys: Vec<Key>,
) -> (Vec<Key>, Vec<ReplicaId>) {
    let connected = me.upgrade().map(|sim| sim.lock().connected(shared.at())).unwrap_or_default();
    let mut replicas = nearest_first(&shared.membership(), shared.me.replica, partition);
    replicas.retain(|replica| connected.contains(replica));
    let ask = |replica, keys| fetch_from(me, shared, replica, keys, Wanted::State);
    complete(&*shared.engine, partition, keys, replicas, ask).await
}

impl World {
    /// The node holds all that it needs for a layout: it tells the membership.
    pub(super) fn report_synced(
        &mut self,
        at: (NodeId, u64),
        layout_version: u64,
        partitions: Vec<Partition>,
    ) {
        let me = self.weak();
        let Some(run) = self.running(at) else { return };
        if std::mem::replace(&mut run.reporting, true) {
            return;
        }
        let shared = run.shared.clone();
        let spawn = shared.env.spawn.clone();
        spawn.spawn(
            "replication.sync",
            Box::pin(async move {
                let reported = try_report(&me, &shared, layout_version, &partitions).await;
                let Some(sim) = me.upgrade() else { return };
                let mut world = sim.lock();
                world.trace(&("synced", at, layout_version, reported.is_some()));
                if let Some(run) = world.running(at) {
                    run.reporting = false;
                }
            }),
        );
    }
}

async fn try_report(me: &Me, shared: &Shared, layout_version: u64, partitions: &[Partition]) -> Option<()> {
    let replica = shared.me.replica;
    for partition in partitions {
        let complete = |keys| complete_at(me, shared, *partition, keys);
        complete_all(&*shared.engine, &shared.membership(), replica, *partition, complete).await.ok()?;
    }
    Replica::persist(&*shared.engine).await.ok()?;
    let change = Change::Synced { replica, layout_version };
    let outcome = me.upgrade()?.lock().propose(Some(shared.node), change);
    outcome.await.ok().map(drop)
}
