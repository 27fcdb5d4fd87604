//! Who can reach whom, and how long it takes.

use std::sync::Arc;

use sojourn_node::env::{Rng, StdRng};
use tokio::sync::Notify;

use super::world::World;
use crate::plan::{Cut, Latency, NodeId, Plan};

/// A way from one node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Path {
    /// Messages pass.
    Open,
    /// This fault holds them up.
    Blocked { fault: usize, cut: Cut },
}

/// Between whom messages do not pass.
#[derive(Clone, Debug)]
pub(super) enum Between {
    /// A region and all others.
    Region(usize),
    /// These nodes and all others.
    Sides(Vec<NodeId>),
    /// These nodes and all others, but for one that both sides see.
    Halves { bridge: NodeId, left: Vec<NodeId> },
    /// From one node to another.
    One { from: NodeId, to: NodeId },
}

/// What is wrong with the network, each with the fault that made it so.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    Cut(Between, Cut),
    Loss { permille: u16 },
    Duplicate { permille: u16 },
    Reorder { permille: u16 },
    Delay { extra_ms: u64 },
}

/// The network.
pub(super) struct Network {
    /// By node.
    pub(super) regions: Vec<usize>,
    lan: Latency,
    wan: Latency,
    troubles: Vec<(usize, Trouble)>,
    /// Told whenever a trouble ends.
    pub(super) healed: Arc<Notify>,
}

impl Network {
    pub(super) fn new(plan: &Plan) -> Self {
        let (lan, wan) = (plan.shape.lan, plan.shape.wan);
        Self { regions: Vec::new(), lan, wan, troubles: Vec::new(), healed: Arc::default() }
    }

    pub(super) fn add(&mut self, fault: usize, trouble: Trouble) {
        self.troubles.push((fault, trouble));
    }

    pub(super) fn remove(&mut self, fault: usize) {
        self.troubles.retain(|(of, _)| *of != fault);
        self.healed.notify_waiters();
    }

    fn region(&self, node: NodeId) -> usize {
        self.regions.get(usize::from(node.0)).copied().unwrap_or_default()
    }

    pub(super) fn is_remote(&self, from: NodeId, to: NodeId) -> bool {
        self.region(from) != self.region(to)
    }

    pub(super) fn path(&self, from: NodeId, to: NodeId) -> Path {
        let blocks = |between: &Between| match between {
            Between::Region(region) => (self.region(from) == *region) != (self.region(to) == *region),
            Between::Sides(left) => left.contains(&from) != left.contains(&to),
            Between::Halves { bridge, left } => {
                from != *bridge && to != *bridge && left.contains(&from) != left.contains(&to)
            }
            Between::One { from: sender, to: receiver } => (from, to) == (*sender, *receiver),
        };
        let blocked = self.troubles.iter().find_map(|(fault, trouble)| match trouble {
            Trouble::Cut(between, cut) if blocks(between) => Some(Path::Blocked { fault: *fault, cut: *cut }),
            _ => None,
        });
        blocked.unwrap_or(Path::Open)
    }

    /// Both ways are open.
    pub(super) fn sees(&self, one: NodeId, other: NodeId) -> bool {
        self.path(one, other) == Path::Open && self.path(other, one) == Path::Open
    }

    /// How long a message takes, and which fault made that longer.
    pub(super) fn latency_us(&self, from: NodeId, to: NodeId, rng: &mut StdRng) -> (u64, Option<usize>) {
        if !self.is_remote(from, to) {
            return (draw(self.lan, rng), None);
        }
        let mut slowed = None;
        let mut latency_us = draw(self.wan, rng);
        for (fault, trouble) in &self.troubles {
            if let Trouble::Delay { extra_ms } = trouble {
                latency_us += extra_ms * 1_000;
                slowed = Some(*fault);
            }
        }
        (latency_us, slowed)
    }

    /// Between a client and a node of its region.
    pub(super) fn client_latency_us(&self, rng: &mut StdRng) -> u64 {
        draw(self.lan, rng)
    }

    /// The first trouble that `pick` knows and that strikes now, with the fault's number.
    pub(super) fn strikes(&self, rng: &mut StdRng, pick: impl Fn(&Trouble) -> Option<u16>) -> Option<usize> {
        let struck = self.troubles.iter().find(|(_, trouble)| {
            pick(trouble).is_some_and(|permille| rng.random_range(0..1_000) < u32::from(permille))
        });
        struck.map(|(fault, _)| *fault)
    }
}

fn draw(latency: Latency, rng: &mut StdRng) -> u64 {
    rng.random_range(latency.us_min..=latency.us_max.max(latency.us_min))
}

impl World {
    /// How long a message takes now.
    pub(super) fn latency_us(&mut self, from: NodeId, to: NodeId) -> u64 {
        let (latency_us, slowed) = self.network.latency_us(from, to, &mut self.rng);
        if let Some(fault) = slowed {
            self.observed(fault);
        }
        latency_us
    }
}
