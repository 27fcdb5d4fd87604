//! Where a call goes.

mod health;
mod place;
mod table;

pub(crate) use health::Health;
pub(crate) use place::{Place, first_id};
pub(crate) use table::{Table, TableNode};

#[cfg(test)]
mod tests;
