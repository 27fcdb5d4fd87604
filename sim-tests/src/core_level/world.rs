//! The simulated world: what is due, what is there, and what is told of it.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use sojourn_node::env::{SeedableRng, StdRng};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::faults::Faults;
use super::links::Conn;
use super::membership::Raft;
use super::network::Network;
use super::node::Machine;
use super::observe::Observer;
use super::operations::Sessions;
use super::time::SimTime;
use crate::plan::{NodeId, Plan};
use crate::record::{Happening, Recorder};

/// The world, shared with the tasks that act in it.
pub(super) type Sim = Arc<Mutex<World>>;

type Act = Box<dyn FnOnce(&mut World) + Send>;

/// Something that is due at a time; the number breaks ties.
struct Due {
    at_us: u64,
    number: u64,
    act: Act,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    /// The earliest is the greatest.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at_us, other.number).cmp(&(self.at_us, self.number))
    }
}

/// Everything there is.
pub(super) struct World {
    pub(super) plan: Arc<Plan>,
    pub(super) time: SimTime,
    /// Draws latencies and losses.
    pub(super) rng: StdRng,
    pub(super) network: Network,
    pub(super) nodes: Vec<Machine>,
    pub(super) conns: BTreeMap<u64, Conn>,
    pub(super) conns_opened: u64,
    /// Connections by the nodes that dialled them: to whom, and since when.
    pub(super) dials: BTreeMap<u64, (sojourn_node::session::ReplicaId, u64)>,
    pub(super) raft: Raft,
    pub(super) sessions: Sessions,
    pub(super) faults: Faults,
    pub(super) observer: Observer,
    /// Set once replicas are compared: no session is ended for lying idle any more.
    pub(super) comparing: bool,
    /// Set once the run is to end.
    pub(super) over: bool,
    me: Weak<Mutex<World>>,
    recorder: Recorder,
    due: BinaryHeap<Due>,
    scheduled: u64,
    wake: Arc<Notify>,
}

impl World {
    /// A world without nodes.
    pub(super) fn new(plan: &Plan, recorder: Recorder) -> Sim {
        let time = SimTime::start();
        let plan = Arc::new(plan.clone());
        Arc::new_cyclic(|me| {
            Mutex::new(Self {
                time,
                rng: StdRng::seed_from_u64(seed_of(&plan, "network")),
                network: Network::new(&plan),
                nodes: Vec::new(),
                conns: BTreeMap::new(),
                conns_opened: 0,
                dials: BTreeMap::new(),
                raft: Raft::default(),
                sessions: Sessions::new(&plan),
                faults: Faults::new(&plan),
                observer: Observer::default(),
                comparing: false,
                over: false,
                me: me.clone(),
                recorder,
                due: BinaryHeap::new(),
                scheduled: 0,
                wake: Arc::default(),
                plan,
            })
        })
    }

    pub(super) fn weak(&self) -> Weak<Mutex<World>> {
        self.me.clone()
    }

    pub(super) fn now_us(&self) -> u64 {
        self.time.now_us()
    }

    /// Tells what happened.
    pub(super) fn record(&mut self, happening: Happening) {
        if !self.recorder.record(self.time.now_us(), happening) {
            self.end();
        }
    }

    /// Adds a detail to the trace.
    pub(super) fn trace(&mut self, detail: &impl Hash) {
        self.recorder.trace(self.time.now_us(), detail);
    }

    /// Ends the run.
    pub(super) fn end(&mut self) {
        self.over = true;
        self.wake.notify_one();
    }

    /// Does something after a while.
    pub(super) fn after_us(&mut self, delay_us: u64, act: impl FnOnce(&mut World) + Send + 'static) {
        self.at_us(self.time.now_us() + delay_us, act);
    }

    /// Does something at a time.
    pub(super) fn at_us(&mut self, at_us: u64, act: impl FnOnce(&mut World) + Send + 'static) {
        self.scheduled += 1;
        if self.due.peek().is_none_or(|first| at_us < first.at_us) {
            self.wake.notify_one();
        }
        self.due.push(Due { at_us, number: self.scheduled, act: Box::new(act) });
    }

    /// Does something at a node after a while, unless it has died until then. A paused
    /// node does it when it goes on.
    pub(super) fn after_us_at(
        &mut self,
        (node, life): (NodeId, u64),
        delay_us: u64,
        act: impl FnOnce(&mut World) + Send + 'static,
    ) {
        self.after_us(delay_us, move |world| {
            let Some(machine) = world.machine(node).filter(|machine| machine.life == life) else { return };
            if machine.paused {
                machine.deferred.push(Box::new(act));
            } else {
                act(world);
            }
        });
    }

    /// Runs a node's work to its first wait at once, and the rest of it as a task of
    /// the node. The work itself must not touch the world; `done` may.
    pub(super) fn run_at<T: Send + 'static>(
        &mut self,
        (node, life): (NodeId, u64),
        work: impl Future<Output = T> + Send + 'static,
        done: impl FnOnce(&mut World, T) + Send + 'static,
    ) {
        let mut work = Box::pin(work);
        let first = work.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(outcome) = first {
            return done(self, outcome);
        }
        let me = self.me.clone();
        let Some(machine) = self.machine(node).filter(|machine| machine.life == life) else { return };
        machine.tasks.start(Box::pin(async move {
            let outcome = work.await;
            if let Some(sim) = me.upgrade() {
                done(&mut sim.lock(), outcome);
            }
        }));
    }

    pub(super) fn machine(&mut self, node: NodeId) -> Option<&mut Machine> {
        self.nodes.get_mut(usize::from(node.0))
    }

    /// Does what is due; says when something is due next.
    fn act(&mut self) -> Option<u64> {
        // Paused time stands still until this is done.
        let now_us = self.time.now_us();
        while !self.over
            && let Some(first) = self.due.peek()
        {
            if first.at_us > now_us {
                return Some(first.at_us);
            }
            if let Some(due) = self.due.pop() {
                (due.act)(self);
            }
        }
        None
    }

    /// The record, at the end.
    pub(super) fn finish(&mut self, blank: Recorder) -> (Recorder, u64) {
        self.due.clear();
        self.nodes.clear();
        (std::mem::replace(&mut self.recorder, blank), self.time.now_us())
    }
}

/// Lets time pass until the run is over.
pub(super) async fn run(sim: &Sim) {
    let (time, wake) = {
        let world = sim.lock();
        (world.time, world.wake.clone())
    };
    loop {
        let next = sim.lock().act();
        if sim.lock().over {
            return;
        }
        let Some(next_us) = next else {
            wake.notified().await;
            continue;
        };
        // Paused time moves only when no task can go on: everything that came of
        // the last event has happened when the next one does.
        tokio::select! {
            biased;
            () = wake.notified() => {}
            () = tokio::time::sleep_until(time.at(next_us)) => {}
        }
    }
}

/// A seed for one purpose; what one draws does not move another's numbers.
pub(super) fn seed_of(plan: &Plan, label: &str) -> u64 {
    xxh3_64_with_seed(label.as_bytes(), plan.seed)
}
