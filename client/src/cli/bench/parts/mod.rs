//! What is measured, one file a subject.

pub(crate) mod loads;
pub(crate) mod memory;
pub(crate) mod regions;
mod touches;
