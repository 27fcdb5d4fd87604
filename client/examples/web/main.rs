//! A web application whose sessions live in Sojourn: count visits, log in, fill a
//! cart, choose a theme, log out, through any region.
//!
//! Settings are those of the example `shop`, all from the environment:
//! - `SHOP_PORT`: where it listens on 127.0.0.1 (default 8080)
//! - `SOJOURN_ENDPOINTS`: nodes, `host:port` separated by commas (default 127.0.0.1:7001)
//! - `SOJOURN_REGION`: the region to use first (default: that of the first node that answers)
//! - `SOJOURN_CLUSTER`: the cluster's id (default `dev`)
//! - `SOJOURN_CERTS`: a folder with `ca.pem`, `client.pem` and `client.key` (default `certs`)
//!
//! and `COOKIE_KEY_FILE`, a file with at least 64 random bytes: with it the cookie is
//! encrypted. Give the same file to the application in every region.
//!
//! ```sh
//! curl -c jar -b jar localhost:8080/
//! curl -c jar -b jar -d user=ada localhost:8080/login
//! curl -c jar -b jar -d item=apple -d quantity=3 localhost:8080/cart
//! curl -c jar -b jar -d theme=dark localhost:8080/preferences
//! curl -c jar -b jar localhost:8080/cart
//! curl -c jar -b jar -X POST localhost:8080/logout
//! ```

mod handlers;
mod log;
#[path = "../shop/settings.rs"]
mod settings;

use std::error::Error;
use std::io::Write;

use axum::routing::{get, post};
use axum::{Router, middleware};
use sojourn_client::Client;
use sojourn_client::web::{CookieKeys, CookieMode, SessionConfig, SessionLayer};
use tokio::net::TcpListener;

use settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let settings = Settings::from_environment()?;

    let client = Client::connect(settings.client).await?;
    let region = client.region().to_owned();
    let mut config = SessionConfig::new("web");
    config.cookie.mode = cookie_mode()?;
    let sessions = SessionLayer::new(client, config)?;

    let app = Router::new()
        .route("/", get(handlers::welcome))
        .route("/login", post(handlers::log_in))
        .route("/logout", post(handlers::log_out))
        .route("/cart", get(handlers::show_cart).post(handlers::add_to_cart))
        .route("/preferences", get(handlers::preferences).post(handlers::set_preferences))
        .layer(sessions)
        .layer(middleware::from_fn(log::requests));

    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    writeln!(std::io::stdout(), "web on http://{}, region {region}", listener.local_addr()?)?;
    axum::serve(listener, app).await?;
    Ok(())
}

fn cookie_mode() -> Result<CookieMode, Box<dyn Error>> {
    let Some(file) = std::env::var_os("COOKIE_KEY_FILE") else { return Ok(CookieMode::Plain) };
    let keys = CookieKeys::new([std::fs::read(file)?])?;
    Ok(CookieMode::Encrypted(keys))
}
