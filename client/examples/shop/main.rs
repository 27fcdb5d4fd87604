//! A small shop whose sessions live in Sojourn: log in, fill a cart, log out,
//! through any region.
//!
//! Settings, all from the environment:
//! - `SHOP_PORT`: where the shop listens on 127.0.0.1 (default 8080)
//! - `SOJOURN_ENDPOINTS`: nodes, `host:port` separated by commas (default 127.0.0.1:7001)
//! - `SOJOURN_REGION`: the region to use first (default: that of the first node that answers)
//! - `SOJOURN_CLUSTER`: the cluster's id (default `dev`)
//! - `SOJOURN_CERTS`: a folder with `ca.pem`, `client.pem` and `client.key` (default `certs`)
//!
//! ```sh
//! curl -c jar -b jar -d user=ada localhost:8080/login
//! curl -c jar -b jar -d item=apple -d quantity=3 localhost:8080/cart
//! curl -c jar -b jar localhost:8080/cart
//! curl -c jar -b jar -X DELETE localhost:8080/cart/apple
//! curl -c jar -b jar -X POST localhost:8080/logout
//! ```

mod handlers;
mod settings;

use std::error::Error;
use std::io::Write;

use axum::Router;
use axum::routing::{delete, get, post};
use sojourn_client::{Client, SojournStore};
use tokio::net::TcpListener;
use tower_sessions::SessionManagerLayer;

use settings::Settings;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_environment()?;

    let client = Client::connect(settings.client).await?;
    let region = client.region().to_owned();
    // Plain HTTP on one machine; in production leave `secure` on.
    let sessions = SessionManagerLayer::new(SojournStore::new(client, "shop")).with_secure(false);

    let app = Router::new()
        .route("/login", post(handlers::log_in))
        .route("/logout", post(handlers::log_out))
        .route("/cart", get(handlers::show_cart).post(handlers::add_to_cart))
        .route("/cart/{item}", delete(handlers::remove_from_cart))
        .layer(sessions);

    let listener = TcpListener::bind(("127.0.0.1", settings.port)).await?;
    writeln!(std::io::stdout(), "shop on http://{}, region {region}", listener.local_addr()?)?;
    axum::serve(listener, app).await?;
    Ok(())
}
