//! A process that is killed forgets no synced write and numbers no write twice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and runs on the real runtime"
)]

mod support {
    mod authority;
    #[allow(dead_code, reason = "each file of tests uses a part of it")]
    pub(crate) mod nodes;
    pub(crate) use authority::Authority;
}

use std::path::Path;
use std::process::{Child, Command, Stdio};

use sojourn_proto::session::v1 as pb;
use support::nodes::{World, set, text};

/// Kills the process when the test ends, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It fails only if the process is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(config: &Path) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sojournd"));
    Process(command.arg("--config").arg(config).stderr(Stdio::null()).spawn().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_has_every_synced_write_when_it_is_back() {
    let world = World::new(&[("eu", "eu-1")]);
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("node.toml");
    std::fs::write(&config, world.config_text(0, "")).unwrap();
    let mut incarnations = Vec::new();
    let mut held: Option<(String, pb::Session)> = None;
    for round in 0..3 {
        let process = start(&config);
        let node = world.attach(0).await;
        incarnations.push(node.status().await.unwrap().incarnation);
        let id = match &held {
            Some((id, session)) => {
                assert_eq!(node.get(id).await.unwrap(), *session, "after kill {round}");
                id.clone()
            }
            None => node.create().await.session_id,
        };
        let synced = pb::WriteOptions { durability: pb::Durability::Synced.into(), ..Default::default() };
        let mut update = set(&id, &format!("round-{round}"), text("kept"));
        update.options = Some(synced);
        let session = node.update(update).await.unwrap().session.unwrap();
        assert_eq!(session.attributes.len(), round + 1);
        held = Some((id, session));
        drop(process);
        node.stop().await;
    }
    assert!(incarnations.is_sorted_by(|before, after| before < after), "{incarnations:?}");
}
