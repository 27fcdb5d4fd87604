//! What faults do to messages between hosts, below TLS and above turmoil.
//!
//! turmoil drops messages between two hosts. What it cannot do happens here: to
//! hold one direction alone, to break the connections between two hosts, to make
//! a lost message cost the pause after which it is sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Duration;

use parking_lot::Mutex;
use sojourn_node::env::{Rng, SeedableRng, StdRng};
use tokio::sync::watch;

use crate::full_level::Tale;

/// A host, by the order in which it was added to the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HostId(pub(crate) u16);

/// What a fault does to messages from one host to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// They are lost; turmoil does it.
    Drop,
    /// They wait.
    Hold,
    /// They take longer; turmoil does it.
    Slow,
}

/// One way between two hosts.
pub(crate) type Way = (HostId, HostId);

/// A lost segment is sent again after this long at first (RFC 6298 has one second; Linux this).
const RETRANSMIT: Duration = Duration::from_millis(200);

/// The state of all ways. Clones share it.
#[derive(Clone)]
pub(crate) struct Wire {
    tale: Tale,
    state: Arc<Mutex<State>>,
    changes: Arc<watch::Sender<()>>,
}

struct State {
    hosts: BTreeMap<IpAddr, HostId>,
    /// By fault.
    effects: BTreeMap<Way, BTreeMap<usize, Effect>>,
    /// The fault, and of a thousand messages how many.
    loss: Option<(usize, u16)>,
    observed: BTreeSet<usize>,
    lines: BTreeMap<u64, Arc<Line>>,
    lines_opened: u64,
    rng: StdRng,
}

/// One end of a connection.
pub(super) struct Line {
    number: u64,
    pub(super) from: HostId,
    pub(super) to: HostId,
    broken: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl Wire {
    pub(crate) fn new(tale: Tale, seed: u64) -> Self {
        let state = State {
            hosts: BTreeMap::new(),
            effects: BTreeMap::new(),
            loss: None,
            observed: BTreeSet::new(),
            lines: BTreeMap::new(),
            lines_opened: 0,
            rng: StdRng::seed_from_u64(seed),
        };
        Self { tale, state: Arc::new(Mutex::new(state)), changes: Arc::new(watch::Sender::new(())) }
    }

    pub(crate) fn add_host(&self, address: IpAddr) -> HostId {
        let mut state = self.state.lock();
        let id = HostId(u16::try_from(state.hosts.len()).unwrap_or(u16::MAX));
        state.hosts.insert(address, id);
        id
    }

    /// Lets a fault act on ways.
    pub(crate) fn affect(&self, fault: usize, ways: &[Way], effect: Effect) {
        let mut state = self.state.lock();
        for way in ways {
            state.effects.entry(*way).or_default().insert(fault, effect);
        }
    }

    /// Ends all that a fault does to messages.
    pub(crate) fn relieve(&self, fault: usize) {
        {
            let mut state = self.state.lock();
            state.effects.retain(|_, effects| {
                effects.remove(&fault);
                !effects.is_empty()
            });
            state.loss = state.loss.filter(|(by, _)| *by != fault);
        }
        self.wake_all();
    }

    /// Of a thousand messages so many are lost.
    pub(crate) fn lose(&self, fault: usize, permille: u16) {
        self.state.lock().loss = Some((fault, permille));
    }

    /// The ways on which everything is lost now.
    pub(crate) fn dropped(&self) -> BTreeSet<Way> {
        let state = self.state.lock();
        let drops =
            |effects: &BTreeMap<usize, Effect>| effects.values().any(|effect| *effect == Effect::Drop);
        state.effects.iter().filter(|(_, effects)| drops(effects)).map(|(way, _)| *way).collect()
    }

    /// Whether a fault acts on messages from or to a host.
    pub(crate) fn is_affected(&self, host: HostId) -> bool {
        let state = self.state.lock();
        state.loss.is_some() || state.effects.keys().any(|(from, to)| *from == host || *to == host)
    }

    /// Breaks all connections between two hosts; says whether there were any.
    pub(crate) fn reset(&self, a: HostId, b: HostId) -> bool {
        let lines: Vec<_> = self.state.lock().lines.values().cloned().collect();
        let between = |line: &&Arc<Line>| [(a, b), (b, a)].contains(&(line.from, line.to));
        let hit: Vec<_> = lines.iter().filter(between).collect();
        hit.iter().for_each(|line| {
            line.broken.store(true, Ordering::Relaxed);
            line.wake();
        });
        !hit.is_empty()
    }

    /// Faults whose effect some message has felt since the last call.
    pub(crate) fn take_observed(&self) -> BTreeSet<usize> {
        std::mem::take(&mut self.state.lock().observed)
    }

    pub(super) fn open(&self, local: SocketAddr, peer: SocketAddr) -> Arc<Line> {
        let mut state = self.state.lock();
        let host = |address: SocketAddr| state.hosts.get(&address.ip()).copied().unwrap_or(HostId(u16::MAX));
        let (from, to) = (host(local), host(peer));
        state.lines_opened += 1;
        let number = state.lines_opened;
        let line = Line { number, from, to, broken: AtomicBool::new(false), wakers: Mutex::default() };
        let line = Arc::new(line);
        state.lines.insert(number, line.clone());
        drop(state);
        self.tale.trace(&("open", from, to, number));
        line
    }

    pub(super) fn close(&self, line: &Line) {
        self.state.lock().lines.remove(&line.number);
    }

    /// Waits until messages may pass to a host, as the first message of a connection does.
    pub(super) async fn admit(&self, local: IpAddr, peer: IpAddr) {
        let mut changes = self.changes.subscribe();
        let way = {
            let state = self.state.lock();
            let host = |address| state.hosts.get(&address).copied().unwrap_or(HostId(u16::MAX));
            (host(local), host(peer))
        };
        loop {
            self.feel(way);
            let held = self.is_held(way) || self.is_held((way.1, way.0));
            if !held || changes.changed().await.is_err() {
                return;
            }
        }
    }

    pub(super) fn wrote(&self, line: &Line, bytes: usize) {
        self.tale.trace(&("write", line.number, bytes));
        self.feel((line.from, line.to));
    }

    /// Data has arrived; says how long it has to wait because it was lost at first.
    pub(super) fn read(&self, line: &Line, bytes: usize) -> Option<Duration> {
        self.tale.trace(&("read", line.number, bytes));
        let mut state = self.state.lock();
        let (fault, permille) = state.loss?;
        if state.rng.random_range(0..1_000) >= permille {
            return None;
        }
        state.observed.insert(fault);
        Some(RETRANSMIT)
    }

    pub(super) fn is_held(&self, way: Way) -> bool {
        let state = self.state.lock();
        state.effects.get(&way).is_some_and(|effects| effects.values().any(|effect| *effect == Effect::Hold))
    }

    /// Notes which faults a message on a way feels.
    fn feel(&self, way: Way) {
        let mut state = self.state.lock();
        let faults: Vec<usize> =
            state.effects.get(&way).map(|effects| effects.keys().copied().collect()).unwrap_or_default();
        state.observed.extend(faults);
    }

    fn wake_all(&self) {
        let lines: Vec<_> = self.state.lock().lines.values().cloned().collect();
        lines.iter().for_each(|line| line.wake());
        self.changes.send_replace(());
    }
}

impl Line {
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Wakes the task when the state of the line changes.
    pub(super) fn wait(&self, task: &Waker) {
        let mut wakers = self.wakers.lock();
        if !wakers.iter().any(|known| known.will_wake(task)) {
            wakers.push(task.clone());
        }
    }

    fn wake(&self) {
        self.wakers.lock().drain(..).for_each(Waker::wake);
    }
}
