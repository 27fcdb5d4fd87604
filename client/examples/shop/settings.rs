//! Settings from the environment.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use sojourn_client::{ClientConfig, TlsConfig};

/// How this shop is run.
pub(crate) struct Settings {
    /// Where it listens on 127.0.0.1.
    pub(crate) port: u16,
    /// Where its sessions live.
    pub(crate) client: ClientConfig,
}

impl Settings {
    pub(crate) fn from_environment() -> Result<Self, Box<dyn Error>> {
        let certs = PathBuf::from(variable("SOJOURN_CERTS", "certs"));
        let file = |name: &str| certs.join(name);
        let tls = TlsConfig::from_files(&file("ca.pem"), &file("client.pem"), &file("client.key"))?;

        let endpoints = variable("SOJOURN_ENDPOINTS", "127.0.0.1:7001");
        let endpoints = endpoints.split(',').map(str::trim);
        let mut client = ClientConfig::new(endpoints, variable("SOJOURN_CLUSTER", "dev"), tls);
        client.region = env::var("SOJOURN_REGION").ok();

        let port = variable("SHOP_PORT", "8080").parse().map_err(|_| "SHOP_PORT must be 1 to 65535")?;
        Ok(Self { port, client })
    }
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}
