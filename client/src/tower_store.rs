//! Placeholder
/// A store.
#[derive(Clone, Debug)]
pub struct SojournStore;
