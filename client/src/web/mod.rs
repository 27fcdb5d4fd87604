//! Sessions of web applications: a tower layer that reads and sets the cookie, and
//! a [`WebSession`] for each request.
//!
//! ```no_run
//! use axum::{Router, routing::post};
//! use sojourn_client::web::{SessionConfig, SessionLayer, WebError, WebSession};
//! use sojourn_client::{Auth, Client, ClientConfig};
//!
//! async fn log_in(session: WebSession) -> Result<&'static str, WebError> {
//!     session.log_in(Auth::new("ada").method("pwd")).await?; // a new id; the old one is dead
//!     session.insert("theme", "dark")?; // written once the response is made
//!     Ok("welcome\n")
//! }
//!
//! async fn log_out(session: WebSession) -> Result<&'static str, WebError> {
//!     session.log_out().await?; // for ever, in every region
//!     Ok("goodbye\n")
//! }
//!
//! # async fn serve(config: ClientConfig) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(config).await?;
//! let sessions = SessionLayer::new(client, SessionConfig::new("shop"))?;
//! let app = Router::new().route("/login", post(log_in)).route("/logout", post(log_out)).layer(sessions);
//! # let _: Router = app;
//! # Ok(())
//! # }
//! ```
//!
//! The cookie is `__Host-session; Secure; HttpOnly; SameSite=Lax; Path=/` unless
//! [`CookieConfig`] says otherwise, and plain, signed or encrypted. One that is
//! malformed, forged, too long or unknown makes a new visitor, never an error, and
//! its id is never taken over. It carries a causal token, so users read their own
//! writes in whichever region they land.
//!
//! Retries never undo a logout: what a request changed is written to the session
//! that it read or not at all.

mod calls;
mod config;
mod cookie;
mod error;
mod extract;
mod identity;
mod layer;
mod respond;
mod session;
mod shared;
mod state;
mod typed;
mod work;

pub use config::{OnEnded, SessionConfig, WriteLevel};
pub use cookie::{CookieConfig, CookieKeys, CookieMode, SameSite};
pub use error::{NotSaved, WebError};
pub use layer::{SessionLayer, SessionService};
pub use session::WebSession;
