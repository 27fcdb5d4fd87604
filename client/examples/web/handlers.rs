//! What the application does. A product's quantity is a counter, so additions made
//! in two regions at once add up; each preference is an attribute of its own.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use serde::{Deserialize, Serialize};
use sojourn_client::Auth;
use sojourn_client::web::{WebError, WebSession};

const CATALOGUE: [&str; 4] = ["apple", "bread", "cheese", "tea"];
const QUANTITY_MAX: i64 = 99;

#[derive(Deserialize)]
pub(crate) struct Login {
    user: String,
}

#[derive(Deserialize)]
pub(crate) struct Item {
    item: String,
    quantity: i64,
}

#[derive(Serialize)]
pub(crate) struct Cart {
    user: Option<String>,
    items: BTreeMap<&'static str, i64>,
}

/// One attribute of the session a field.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Preferences {
    theme: String,
    language: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Wishes {
    theme: Option<String>,
    language: Option<String>,
}

pub(crate) async fn welcome(session: WebSession) -> Result<String, WebError> {
    session.add("visits", 1)?;
    Ok(format!("visit {}\n", session.counter("visits").await?))
}

/// A real application would check a password here.
pub(crate) async fn log_in(session: WebSession, Form(login): Form<Login>) -> Result<Response, WebError> {
    if login.user.is_empty() || login.user.len() > 64 {
        return Ok((StatusCode::BAD_REQUEST, "user must have 1 to 64 bytes\n").into_response());
    }
    session.log_in(Auth::new(&login.user).method("pwd")).await?;
    Ok(format!("welcome, {}\n", login.user).into_response())
}

/// Ends the session for ever, in every region.
pub(crate) async fn log_out(session: WebSession) -> Result<&'static str, WebError> {
    session.log_out().await?;
    Ok("goodbye\n")
}

pub(crate) async fn show_cart(session: WebSession) -> Result<Json<Cart>, WebError> {
    let mut items = BTreeMap::new();
    for item in CATALOGUE {
        let quantity = session.counter(&key(item)).await?;
        if quantity > 0 {
            items.insert(item, quantity);
        }
    }
    let user = session.auth().await?.map(|auth| auth.principal);
    Ok(Json(Cart { user, items }))
}

pub(crate) async fn add_to_cart(session: WebSession, Form(wanted): Form<Item>) -> Result<Response, WebError> {
    let Some(item) = CATALOGUE.into_iter().find(|known| *known == wanted.item) else {
        return Ok((StatusCode::NOT_FOUND, format!("we sell {}\n", CATALOGUE.join(", "))).into_response());
    };
    session.add(&key(item), wanted.quantity.clamp(-QUANTITY_MAX, QUANTITY_MAX))?;
    Ok(show_cart(session).await?.into_response())
}

pub(crate) async fn preferences(session: WebSession) -> Result<Json<Preferences>, WebError> {
    Ok(Json(session.data().await?))
}

/// Writes the preferences that were sent and differ, and no other.
pub(crate) async fn set_preferences(
    session: WebSession,
    Form(wishes): Form<Wishes>,
) -> Result<Json<Preferences>, WebError> {
    let change = |preferences: &mut Preferences| {
        if let Some(theme) = wishes.theme {
            preferences.theme = theme;
        }
        preferences.language = wishes.language.or(preferences.language.take());
    };
    session.update(change).await?;
    preferences(session).await
}

fn key(item: &str) -> String {
    format!("cart.{item}")
}
