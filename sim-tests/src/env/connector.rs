//! How the client library connects inside the simulation.

use std::future::Future;
use std::io;
use std::pin::Pin;

use sojourn_client::{Connection, Connector};

use super::network::SimNetwork;

type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send + 'a>>;

impl Connector for SimNetwork {
    fn connect<'a>(&'a self, authority: &'a str) -> Connecting<'a> {
        Box::pin(async move { Ok(Box::new(self.dial(authority).await?) as Box<dyn Connection>) })
    }
}
