//! How the client library connects inside the simulation.

use std::future::Future;
use std::io;
use std::pin::Pin;

use sojourn_client::{Connection, Connector};
use turmoil::net::TcpStream;

/// Connects from the simulated host it is used on.
#[derive(Debug)]
pub struct SimConnector;

type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send + 'a>>;

impl Connector for SimConnector {
    fn connect<'a>(&'a self, authority: &'a str) -> Connecting<'a> {
        Box::pin(async move {
            let stream = TcpStream::connect(authority).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }
}
