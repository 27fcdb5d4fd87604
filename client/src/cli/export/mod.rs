//! Files of exported sessions: a plain header, then sealed chunks.

mod error;
mod file;
mod key;
mod seal;
#[cfg(test)]
mod tests;

pub(crate) use self::error::FileError;
pub(crate) use self::file::{ExportReader, ExportWriter};
pub(crate) use self::key::ExportKey;
