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
//! each node. With the feature `web`, the module `web` keeps the sessions of tower
//! and axum applications; with the feature `tower-sessions`, [`SojournStore`] does
//! so for those that use that crate.

mod backoff;
mod cache;
mod calls;
mod client;
mod cluster;
mod config;
mod directory;
mod error;
mod explain;
mod export;
mod model;
mod pipeline;
mod routing;
mod runtime;
#[cfg(feature = "tower-sessions")]
mod tower_store;
mod transport;
mod watch;
#[cfg(feature = "web")]
pub mod web;

pub use cache::{CacheFollow, ReadCacheConfig};
pub use calls::{
    BatchGetCall, CreateCall, EndAllSessionsCall, EndSessionCall, GetCall, PrincipalReceiptCall, ReceiptCall,
    RevokeCall, RotateCall, SetPolicyCall, TouchCall, UpdateCall,
};
pub use client::Client;
pub use config::{ClientConfig, ConfigError, TlsConfig};
pub use error::{Details, Error, Partial};
pub use export::Export;
pub use model::{
    Auth, CausalToken, Changes, Consistency, Created, Durability, LoggedOut, Read, Receipt, RegionReceipt,
    Revoked, Rotated, Session, SessionId, TokenError, Touched, Updated, Value,
};
pub use runtime::Environment;
#[cfg(feature = "tower-sessions")]
pub use tower_store::SojournStore;
pub use transport::{Connection, Connector, TcpConnector};
pub use watch::{
    AttributeChange, Changed, CounterChange, CursorError, SetChange, Watch, WatchCall, WatchCursor,
    WatchEvent, WatchKind,
};

/// Messages of explanations, as [`Client::explain`] answers them.
pub use sojourn_proto::feed::v1 as feed_types;

/// Messages of the cluster service, as [`Client::status`] and its kin answer them.
pub use sojourn_proto::cluster::v1 as cluster_types;
/// Messages of the export service, as [`Client::export`] and [`Client::import`] take and give them.
pub use sojourn_proto::export::v1 as export_types;

/// Messages of the directory service, as [`Client::list_sessions`] and its kin answer them.
pub use sojourn_proto::directory::v1 as directory_types;
