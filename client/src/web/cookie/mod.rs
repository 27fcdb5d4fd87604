//! The cookie: what it says, how it is sealed, and how it is sent.

mod config;
mod content;
mod header;
mod keys;
mod seal;

pub use config::{CookieConfig, CookieMode, SameSite};
pub use keys::CookieKeys;

pub(super) use content::Content;
pub(super) use header::{Shown, read, removal, set};

#[cfg(test)]
mod tests;
