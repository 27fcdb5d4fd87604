//! The web layer, against nodes in memory.

mod cookies;
mod ends;
mod log_in;
mod rotation;
mod saves;

use axum::Router;
use sojourn_client::web::{SessionConfig, SessionLayer};
use sojourn_client::{Client, ClientConfig};
use sojourn_proto::session::v1::pipeline_call::Call;

use crate::browser::{Gate, app};
use crate::support::Cluster;

/// One node, an application and its gate.
struct Site {
    cluster: Cluster,
    client: Client,
    app: Router,
    gate: Gate,
}

async fn site() -> Site {
    site_with(|_| {}).await
}

async fn site_with(change: impl FnOnce(&mut SessionConfig)) -> Site {
    site_of(|_| {}, change).await
}

async fn site_of(
    change_client: impl FnOnce(&mut ClientConfig),
    change: impl FnOnce(&mut SessionConfig),
) -> Site {
    let cluster = Cluster::start(&[("eu", "eu-1")]);
    let mut config = cluster.config("eu-1");
    // Tests count calls: a slow machine should cause no second one.
    config.attempt_timeout_ms = config.request_timeout_ms;
    change_client(&mut config);
    let client = cluster.connect(config).await.unwrap();
    let mut config = SessionConfig::new("shop");
    config.token_wait_ms = 5_000;
    change(&mut config);
    let (app, gate) = app(SessionLayer::new(client.clone(), config).unwrap());
    Site { cluster, client, app, gate }
}

impl Site {
    /// The names of the calls made since the last time.
    fn calls(&self) -> Vec<&'static str> {
        let mut calls = self.cluster.seen("eu-1").calls.lock().unwrap();
        calls.drain(..).map(|call| name(&call)).collect()
    }
}

fn name(call: &Call) -> &'static str {
    match call {
        Call::Create(_) => "create",
        Call::Get(_) => "get",
        Call::Update(_) => "update",
        Call::Touch(_) => "touch",
        Call::Rotate(_) => "rotate",
        Call::Revoke(_) => "revoke",
        Call::BatchGet(_) => "batch_get",
        Call::Receipt(_) => "receipt",
    }
}
