//! Links between regions that are slower than the machine they run on: TCP
//! proxies that delay, limit and cut what passes.

mod link;
mod proxy;
mod shape;

pub(crate) use self::link::{Link, LinkMode};
pub(crate) use self::proxy::Proxy;
pub(crate) use self::shape::Shape;
