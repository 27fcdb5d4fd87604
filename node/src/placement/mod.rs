//! PURE. Which nodes hold which partitions: weighted rendezvous hashing over a
//! region's active nodes (Thaler and Ravishankar, 1998; weights by Schindelhauer
//! and Schomaker, 2005).

mod layout;
mod rendezvous;
mod transition;

pub use layout::{Layout, LayoutNode, NextLayout, RegionReplicas};
pub use transition::majority;
