//! What the shop does. Each product has a key of its own in the session, so
//! carts that were filled in two regions at once merge product by product.

use std::collections::BTreeMap;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::{Form, Json};
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

const CATALOGUE: [&str; 4] = ["apple", "bread", "cheese", "tea"];
const USER: &str = "user";
const QUANTITY_MAX: u32 = 99;

/// A status and what to tell the visitor.
type Failure = (StatusCode, String);

#[derive(Deserialize)]
pub(crate) struct Login {
    user: String,
}

#[derive(Deserialize)]
pub(crate) struct Item {
    item: String,
    #[serde(default = "one")]
    quantity: u32,
}

#[derive(Serialize)]
pub(crate) struct Cart {
    user: Option<String>,
    items: BTreeMap<&'static str, u32>,
}

fn one() -> u32 {
    1
}

/// A real shop would check a password here.
pub(crate) async fn log_in(session: Session, Form(login): Form<Login>) -> Result<String, Failure> {
    if login.user.is_empty() || login.user.len() > 64 {
        return Err((StatusCode::BAD_REQUEST, "user must have 1 to 64 bytes\n".to_owned()));
    }
    // A new id at login, so that an id from before it is worth nothing.
    session.cycle_id().await.map_err(failed)?;
    session.insert(USER, &login.user).await.map_err(failed)?;
    Ok(format!("welcome, {}\n", login.user))
}

/// Ends the session for ever, in every region.
pub(crate) async fn log_out(session: Session) -> Result<&'static str, Failure> {
    session.flush().await.map_err(failed)?;
    Ok("goodbye\n")
}

pub(crate) async fn show_cart(session: Session) -> Result<Json<Cart>, Failure> {
    let user = session.get(USER).await.map_err(failed)?;
    let mut items = BTreeMap::new();
    for item in CATALOGUE {
        if let Some(quantity) = session.get(&key(item)).await.map_err(failed)? {
            items.insert(item, quantity);
        }
    }
    Ok(Json(Cart { user, items }))
}

pub(crate) async fn add_to_cart(session: Session, Form(wanted): Form<Item>) -> Result<Json<Cart>, Failure> {
    let key = key(known(&wanted.item)?);
    let quantity: u32 = session.get(&key).await.map_err(failed)?.unwrap_or_default();
    let quantity = quantity.saturating_add(wanted.quantity).min(QUANTITY_MAX);
    session.insert(&key, quantity).await.map_err(failed)?;
    show_cart(session).await
}

pub(crate) async fn remove_from_cart(
    session: Session,
    Path(item): Path<String>,
) -> Result<Json<Cart>, Failure> {
    session.remove::<u32>(&key(known(&item)?)).await.map_err(failed)?;
    show_cart(session).await
}

fn known(item: &str) -> Result<&'static str, Failure> {
    let found = CATALOGUE.into_iter().find(|known| *known == item);
    found.ok_or_else(|| (StatusCode::NOT_FOUND, format!("we sell {}\n", CATALOGUE.join(", "))))
}

fn key(item: &str) -> String {
    format!("cart.{item}")
}

/// The visitor need not know what is wrong behind the shop.
fn failed(error: tower_sessions::session::Error) -> Failure {
    tracing::error!(%error, "the session could not be used");
    (StatusCode::SERVICE_UNAVAILABLE, "please try again\n".to_owned())
}
