//! Copies of a namespace, taken out of a cluster and into one.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use futures::stream::StreamExt;
use sojourn_client::directory_types::Policy;
use sojourn_client::export_types::{ExportChunk, ImportResponse};
use sojourn_client::{Auth, Changes, Client, Created, Error};

use crate::harness::{Cluster, eventually};

async fn exported(client: &Client) -> Vec<ExportChunk> {
    let (mut export, mut chunks) = (client.export("shop"), Vec::new());
    while let Some(chunk) = export.next().await.unwrap() {
        assert_eq!(chunk.incomplete, 0);
        chunks.push(chunk);
    }
    chunks
}

fn records(chunks: &[ExportChunk]) -> u64 {
    chunks.iter().map(|chunk| chunk.records.len() as u64).sum()
}

async fn imported(client: &Client, chunks: &[ExportChunk]) -> ImportResponse {
    let mut sum = ImportResponse::default();
    for chunk in chunks {
        sum.add(&client.import("shop", chunk.clone()).await.unwrap());
    }
    sum
}

async fn make(client: &Client, number: usize) -> Created {
    let changes = Changes::new()
        .auth(Auth::new("ada").method("pwd"))
        .device("laptop")
        .set("number", number.to_string())
        .add("visits", 3)
        .add_member("tags", "a");
    client.create("shop").changes(changes).await.unwrap()
}

async fn is_revoked(client: &Client, session: &Created) -> bool {
    matches!(client.get("shop", &session.id).await, Err(Error::Revoked(_)))
}

async fn visits(client: &Client, session: &Created) -> Option<i64> {
    Some(client.get("shop", &session.id).await.ok()?.session.counter("visits"))
}

/// A folder with the cluster key of another cluster.
fn folder_with_the_key_of(cluster: &Cluster) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&cluster.tls_dir(), &folder.path().join("tls"));
    let key = |folder: &Path| folder.join("cluster.key");
    std::fs::copy(key(cluster.data.path()), key(folder.path())).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_namespace_goes_into_a_new_cluster_and_lives_on_in_every_region() {
    let old = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (old.client("eu").await, old.client("us").await);
    let policy = Policy { attributes_max: Some(9), ..Policy::default() };
    eu.set_policy("shop", "", policy).await.unwrap();
    let mut sessions = Vec::new();
    for number in 0..30 {
        sessions.push(make(if number % 2 == 0 { &eu } else { &us }, number).await);
    }
    us.create("other").await.unwrap();
    let ended = make(&eu, 99).await;
    eu.revoke("shop", &ended.id, "logout").await.unwrap();
    // Another region writes while this one is exported.
    us.update("shop", &sessions[0].id, Changes::new().add("visits", 1)).await.unwrap();
    eventually("eu has all", || async { visits(&eu, &sessions[0]).await == Some(4) }).await;
    for session in &sessions {
        eventually("eu has it", || async { eu.get("shop", &session.id).await.is_ok() }).await;
    }
    let (chunks, ()) = tokio::join!(exported(&eu), async {
        for session in &sessions {
            us.update("shop", &session.id, Changes::new().set("later", "x")).await.unwrap();
        }
    });
    // All that live, the policy, and the principal.
    assert_eq!(records(&chunks), 32);

    let new = Cluster::up_in(folder_with_the_key_of(&old), "eu,us,ap", 1);
    let clients = [new.client("eu").await, new.client("us").await, new.client("ap").await];
    let taken = imported(&clients[1], &chunks).await;
    assert_eq!(taken, ImportResponse { merged: 32, ..Default::default() });
    for client in &clients {
        for (number, session) in sessions.iter().enumerate() {
            eventually("it is in every region", || async { client.get("shop", &session.id).await.is_ok() })
                .await;
            let read = client.get("shop", &session.id).await.unwrap().session;
            assert_eq!(read.text("number"), Some(number.to_string().as_str()));
            assert_eq!(read.counter("visits"), if number == 0 { 4 } else { 3 });
            assert!(read.has_member("tags", b"a"));
            assert_eq!(read.principal(), Some("ada"));
        }
        assert!(client.get("shop", &ended.id).await.is_err(), "what had ended is not brought");
        eventually("the list is there", || async {
            client.list_sessions("shop", "ada").await.unwrap().len() == 30
        })
        .await;
        eventually("the policy is there", || async {
            client.policy("shop").await.unwrap().attributes_max == Some(9)
        })
        .await;
    }
    eventually("all replicas agree", || async { new.digests_agree() }).await;

    // What is written since stays, whatever is brought again; and so does what is ended.
    clients[0]
        .update("shop", &sessions[0].id, Changes::new().set("number", "new").add("visits", 10))
        .await
        .unwrap();
    clients[0].revoke("shop", &sessions[1].id, "logout").await.unwrap();
    let again = imported(&clients[0], &chunks).await;
    assert_eq!((again.merged, again.ended, again.unchanged), (0, 1, 31));
    assert!(is_revoked(&clients[0], &sessions[1]).await);
    let read = clients[0].get("shop", &sessions[0].id).await.unwrap().session;
    assert_eq!((read.text("number"), read.counter("visits")), (Some("new"), 14));
    clients[2].end_all_sessions("shop", "ada").await.unwrap();
    eventually("a logout everywhere ends what came from elsewhere", || async {
        is_revoked(&clients[0], &sessions[2]).await
    })
    .await;
    imported(&clients[0], &chunks).await;
    assert!(is_revoked(&clients[0], &sessions[2]).await);
    let totals = clients[1].status(&new.addresses("us")[0], false).await.unwrap();
    assert_eq!(totals.imported_records_total, 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_the_same_cluster_nothing_is_lost_and_a_logout_since_holds() {
    let cluster = Cluster::up("eu,us", 2);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let (kept, ended) = (make(&eu, 1).await, make(&us, 2).await);
    for session in [&kept, &ended] {
        eventually("eu has it", || async { visits(&eu, session).await == Some(3) }).await;
    }
    let chunks = exported(&eu).await;
    eventually("the principal is in it", || async { records(&exported(&eu).await) == 3 }).await;
    us.update("shop", &kept.id, Changes::new().add("visits", 5).set("number", "new")).await.unwrap();
    us.revoke("shop", &ended.id, "logout").await.unwrap();
    eventually("eu knows of it", || async { is_revoked(&eu, &ended).await }).await;
    eventually("eu knows of that", || async { visits(&eu, &kept).await == Some(8) }).await;
    let taken = imported(&us, &chunks).await;
    assert_eq!((taken.merged, taken.ended, taken.conflicting, taken.refused), (0, 1, 0, 0), "{taken:?}");
    for client in [&eu, &us] {
        assert!(is_revoked(client, &ended).await);
        assert_eq!(visits(client, &kept).await, Some(8), "no addition is counted twice");
    }

    let changed = |change: &dyn Fn(&mut ExportChunk)| {
        let mut chunk = chunks.iter().find(|chunk| !chunk.records.is_empty()).unwrap().clone();
        change(&mut chunk);
        chunk
    };
    // The state is sound: nothing but the tag tells that no node has handed it out.
    let forged = changed(&|chunk| chunk.records[0].tag = Bytes::from_static(&[0; 32]));
    assert_eq!(us.import("shop", forged).await.unwrap().refused, 1, "nobody but a node can make a state");
    assert_eq!(us.import("bank", changed(&|_| ())).await.unwrap().refused, 1, "of another namespace");
    let foreign = changed(&|chunk| chunk.fingerprint = Bytes::from_static(&[0; 16]));
    let refused = us.import("shop", foreign).await.unwrap_err();
    assert_eq!(refused.reason(), "FOREIGN_CLUSTER_KEY");
    let unknown = changed(&|chunk| chunk.lineage = Bytes::from_static(&[0; 3]));
    assert_eq!(us.import("shop", unknown).await.unwrap_err().details().unwrap().metadata["field"], "lineage");
    assert!(matches!(us.export("No Name").next().await, Err(Error::InvalidArgument(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_exports_and_imports_a_sealed_file() {
    let cluster = Cluster::up("eu", 1);
    let eu = cluster.client("eu").await;
    let session = make(&eu, 7).await;
    let path = |name: &str| cluster.data.path().join(name).to_str().unwrap().to_owned();
    let (key, file) = (path("export.key"), path("shop.sojourn"));
    cluster.command(&["namespace", "key", "-o", &key]);
    cluster.command(&["namespace", "export", "shop", "-o", &file, "--key-file", &key]);
    let content = std::fs::read(&file).unwrap();
    for secret in [session.id.reveal().as_bytes(), b"laptop", b"visits"] {
        assert!(!content.windows(secret.len()).any(|bytes| bytes == secret), "it is sealed");
    }
    let import = |file: &str, key: &str| cluster.text(&["namespace", "import", file, "--key-file", key]);
    let json = |text: String| serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&text).unwrap();
    let done = json(import(&file, &key));
    assert_eq!((done["unchanged"].as_u64(), done["refused"].as_u64()), (Some(2), Some(0)), "{done:?}");

    let again = cluster.text(&["namespace", "export", "shop", "-o", &file, "--key-file", &key]);
    assert!(again.contains("cannot write"), "a file is not overwritten: {again}");
    let other = path("other.key");
    cluster.command(&["namespace", "key", "-o", &other]);
    assert!(import(&file, &other).contains("another key file"));
    let cut = path("cut.sojourn");
    std::fs::write(&cut, &content[..content.len() - 20]).unwrap();
    assert!(import(&cut, &key).contains("it is cut"));
    assert!(import(&key, &key).contains("no export of Sojourn"));
}

/// Sessions in the namespace that is copied while nodes die.
const MANY: usize = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_and_an_import_go_on_while_nodes_are_killed() {
    let old = Cluster::up("eu,us", 2);
    let eu = old.client("eu").await;
    let create = || eu.create("shop").changes(Changes::new().set("cart", "x".repeat(100)));
    let made = futures::stream::iter(0..MANY).map(|_| async { create().await.unwrap().id });
    let mut ids: Vec<_> = made.buffer_unordered(64).collect().await;
    eventually("all replicas agree", || async { old.digests_agree() }).await;

    let (mut export, mut chunks) = (eu.export("shop"), Vec::new());
    for killed in ["eu-1", "us-2"] {
        while export.progress().0 < if killed == "eu-1" { 40 } else { 120 } {
            chunks.extend(export.next().await.unwrap());
        }
        old.command(&["node", "kill", killed]);
    }
    while let Some(chunk) = export.next().await.unwrap() {
        chunks.push(chunk);
    }
    assert_eq!((records(&chunks), export.progress()), (MANY as u64, (257, 257)));

    let new = Cluster::up_in(folder_with_the_key_of(&old), "eu,us", 2);
    let (eu, us) = (new.client("eu").await, new.client("us").await);
    let (first, rest) = chunks.split_at(chunks.len() / 2);
    imported(&eu, first).await;
    new.command(&["node", "kill", "eu-2"]);
    imported(&eu, rest).await;
    new.command(&["node", "restart", "eu-2"]);
    eventually("all replicas agree", || async { new.digests_agree() }).await;
    for id in ids.drain(..).step_by(7) {
        assert!(us.get("shop", &id).await.is_ok());
    }
}
