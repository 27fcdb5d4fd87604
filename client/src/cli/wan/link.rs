//! One direction of the link between two regions.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use super::shape::{Lane, Shape, Wire};
use crate::cli::host;

/// What a link does with bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum LinkMode {
    /// They pass.
    Up,
    /// They wait, and connections hang, until the link is healed.
    Cut,
    /// Connections break, new ones are refused.
    Reset,
}

/// One direction of the link between two regions, shared by its connections.
#[derive(Debug)]
pub(crate) struct Link {
    shape: Shape,
    mode: watch::Sender<LinkMode>,
    wire: Mutex<Wire>,
    rng: Mutex<StdRng>,
    bytes_total: AtomicU64,
}

impl Link {
    /// A link that is up.
    pub(crate) fn new(shape: Shape) -> Self {
        Self {
            shape,
            mode: watch::Sender::new(LinkMode::Up),
            wire: Mutex::default(),
            rng: Mutex::new(host::random()),
            bytes_total: AtomicU64::new(0),
        }
    }

    /// Its properties.
    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// What it does now.
    pub(crate) fn mode(&self) -> LinkMode {
        *self.mode.borrow()
    }

    /// Bytes that entered it since it was made.
    pub(crate) fn bytes_total(&self) -> u64 {
        self.bytes_total.load(Ordering::Relaxed)
    }

    /// Cuts or heals it.
    pub(crate) fn set_mode(&self, mode: LinkMode) {
        self.mode.send_replace(mode);
    }

    /// When bytes that enter now arrive at the other end.
    pub(crate) fn schedule(&self, lane: &mut Lane, bytes: usize) -> Instant {
        self.bytes_total.fetch_add(bytes as u64, Ordering::Relaxed);
        let sent_at = self.wire.lock().sent_at(host::now(), bytes, &self.shape);
        let draw = if self.shape.jitter.is_zero() { 0.0 } else { self.rng.lock().random_range(-1.0..=1.0) };
        lane.arrives_at(sent_at, &self.shape, draw)
    }

    /// Waits until the bytes due at this moment may leave: what a cut held
    /// back takes the way once more after the heal.
    pub(crate) async fn deliver(&self, due: Instant) {
        tokio::time::sleep_until(due).await;
        let mut mode = self.mode.subscribe();
        while *mode.borrow_and_update() != LinkMode::Up {
            if mode.changed().await.is_err() {
                return;
            }
            tokio::time::sleep(self.shape.delay).await;
        }
    }

    /// Waits until connections must break.
    pub(crate) async fn broken(&self) {
        let mut mode = self.mode.subscribe();
        // The sender lives as long as this link, so an error cannot happen.
        let _ = mode.wait_for(|mode| *mode == LinkMode::Reset).await;
    }
}
