//! The client library of Sojourn: sessions that every region reads and writes locally.
//!
//! ```no_run
//! use sojourn_client::{Auth, Changes, Client, ClientConfig, Consistency, TlsConfig};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let tls = TlsConfig::from_files("ca.pem".as_ref(), "shop.pem".as_ref(), "shop.key".as_ref())?;
//! let client = Client::connect(ClientConfig::new(["10.0.0.1:7001"], "prod", tls).region("eu")).await?;
//!
//! let login = Changes::new().auth(Auth::new("ada").method("pwd")).set("theme", "dark").add("logins", 1);
//! let created = client.create("shop").changes(login).idle_timeout_ms(1_800_000).await?;
//! let id = created.id; // for the cookie: id.reveal()
//!
//! client.update("shop", &id, Changes::new().set("cart", "7 apples")).touch().await?;
//! let read = client.get("shop", &id).consistency(Consistency::LocalQuorum).await?;
//! assert_eq!(read.session.text("cart"), Some("7 apples"));
//! client.revoke("shop", &id, "logout").await?;
//! # Ok(())
//! # }
//! ```
//!
//! A [`Client`] knows the layout of the cluster and sends each call straight to
//! a node of its own region that holds the session; it falls over to another
//! node, then to another region. All calls share a few long-lived streams to
//! each node. With the feature `tower-sessions`, [`SojournStore`] keeps an axum
//! application's cookie sessions.

mod backoff;
mod calls;
mod client;
mod cluster;
mod config;
mod error;
mod model;
mod pipeline;
mod routing;
mod runtime;
#[cfg(feature = "tower-sessions")]
mod tower_store;
mod transport;

pub use calls::{BatchGetCall, CreateCall, GetCall, RevokeCall, TouchCall, UpdateCall};
pub use client::Client;
pub use config::{ClientConfig, ConfigError, TlsConfig};
pub use error::{Details, Error};
pub use model::{
    Auth, CausalToken, Changes, Consistency, Created, Durability, Read, Revoked, Session, SessionId,
    TokenError, Touched, Updated, Value,
};
pub use runtime::Environment;
#[cfg(feature = "tower-sessions")]
pub use tower_store::SojournStore;
pub use transport::{Connection, Connector, TcpConnector};

/// Messages of the cluster service, as [`Client::status`] and its kin answer them.
pub use sojourn_proto::cluster::v1 as cluster_types;
