//! The simulated side of the node's and the client's seams.

mod clock;
mod connector;
mod disk;
mod freeze;
mod network;
mod spawn;
mod stream;
mod wire;

pub(crate) use clock::HostClock;
pub(crate) use disk::{DiskSpeed, WatchedStore};
pub(crate) use freeze::Freezer;
pub(crate) use network::SimNetwork;
pub(crate) use spawn::{Freezable, SimSpawn};
pub(crate) use wire::{Effect, HostId, Way, Wire};
