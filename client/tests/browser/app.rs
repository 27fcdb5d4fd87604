//! A small application that tests drive: what a request does stands in its path.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::{Deserialize, Serialize};
use sojourn_client::Auth;
use sojourn_client::web::{SessionLayer, WebError, WebSession};
use tokio::sync::Semaphore;

/// Where a slow request waits for the test.
#[derive(Clone)]
pub(crate) struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    fn new() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// Waits until a slow request has read its session.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one slow request go on.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }

    async fn wait(&self) {
        self.arrived.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Profile {
    theme: String,
    cart: Vec<String>,
    coupon: Option<u32>,
}

/// The application, and the gate of its slow requests.
pub(crate) fn app(sessions: SessionLayer) -> (Router, Gate) {
    let gate = Gate::new();
    let app = Router::new()
        .route("/idle", get(|| async { "idle\n" }))
        .route("/get/{name}", get(read))
        .route("/set/{name}/{value}", get(write))
        .route("/blind/{name}/{value}", get(blind))
        .route("/add/{name}", get(add))
        .route("/slow/{name}/{value}", get(slow))
        .route("/slow-read", get(slow_read))
        .route("/theme/{theme}", get(theme))
        .route("/cart/{item}", get(cart))
        .route("/profile", get(profile))
        .route("/login/{user}", get(log_in))
        .route("/whoami", get(whoami))
        .route("/logout", get(log_out))
        .route("/careless-logout", get(careless_logout))
        .route("/fail/{name}", get(fail))
        .with_state(gate.clone())
        .layer(sessions);
    (app, gate)
}

type Answer = Result<String, WebError>;

async fn read(session: WebSession, Path(name): Path<String>) -> Answer {
    Ok(session.get::<String>(&name).await?.unwrap_or_else(|| "nothing".to_owned()))
}

async fn write(session: WebSession, Path((name, value)): Path<(String, String)>) -> Answer {
    session.insert(&name, &value)?;
    read(session, Path(name)).await
}

/// Writes without having looked.
async fn blind(session: WebSession, Path((name, value)): Path<(String, String)>) -> Answer {
    session.insert(&name, &value)?;
    Ok("saved".to_owned())
}

async fn add(session: WebSession, Path(name): Path<String>) -> Answer {
    session.add(&name, 1)?;
    session.add_member("added", name.clone())?;
    let members = session.members("added").await?.len();
    Ok(format!("{} {members}", session.counter(&name).await?))
}

async fn slow(
    session: WebSession,
    State(gate): State<Gate>,
    Path((name, value)): Path<(String, String)>,
) -> Answer {
    session.auth().await?;
    gate.wait().await;
    session.insert(&name, &value)?;
    Ok("saved".to_owned())
}

async fn slow_read(session: WebSession, State(gate): State<Gate>) -> Answer {
    session.auth().await?;
    gate.wait().await;
    Ok("read".to_owned())
}

async fn theme(session: WebSession, State(gate): State<Gate>, Path(theme): Path<String>) -> Answer {
    session.get::<String>("theme").await?;
    gate.wait().await;
    session.update(|profile: &mut Profile| profile.theme = theme).await?;
    Ok("saved".to_owned())
}

async fn cart(session: WebSession, State(gate): State<Gate>, Path(item): Path<String>) -> Answer {
    session.get::<String>("theme").await?;
    gate.wait().await;
    session.update(|profile: &mut Profile| profile.cart.push(item)).await?;
    Ok("saved".to_owned())
}

async fn profile(session: WebSession) -> Answer {
    let Profile { theme, cart, .. } = session.data().await?;
    Ok(format!("{theme} {}", cart.join(",")))
}

async fn log_in(session: WebSession, Path(user): Path<String>) -> Answer {
    session.log_in(Auth::new(&user).method("pwd")).await?;
    Ok(format!("welcome {user}"))
}

async fn whoami(session: WebSession) -> Answer {
    Ok(session.auth().await?.map_or_else(|| "nobody".to_owned(), |auth| auth.principal))
}

async fn log_out(session: WebSession) -> Answer {
    session.log_out().await?;
    Ok("goodbye".to_owned())
}

/// Tells the user goodbye whatever happened.
async fn careless_logout(session: WebSession) -> &'static str {
    let _ = session.log_out().await;
    "goodbye"
}

async fn fail(session: WebSession, Path(name): Path<String>) -> (axum::http::StatusCode, &'static str) {
    let _ = session.insert(&name, "half done");
    (axum::http::StatusCode::INTERNAL_SERVER_ERROR, "failed\n")
}
