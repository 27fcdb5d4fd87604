use std::path::Path;

use tokio::net::TcpListener;

use super::*;
use crate::cli::bench::load::{Kind, Operation, Target};
use crate::cli::dev_ca::TlsDir;
use crate::cli::host;

const ANY: Operation = Operation { kind: Kind::Read, session: 0, number: 0 };

fn state(dir: &Path) -> ClusterState {
    let state = ClusterState::new(dir, vec!["eu".into()], 1, 7001);
    TlsDir::new(dir.join("tls")).prepare("dev", &[("eu".into(), "eu-1".into())]).unwrap();
    state
}

/// A server in this process, and a channel to it.
async fn served(state: &ClusterState) -> Channel {
    let (cert, key) = (state.ca_file.with_file_name("eu-1.pem"), state.ca_file.with_file_name("eu-1.key"));
    let tls = tls::server(&state.ca_file, &cert, &key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    host::spawn(server::serve(listener, tls));
    tls::channel(state, &address).await.unwrap()
}

#[tokio::test]
async fn it_answers_with_the_size_asked_for_either_way() {
    let dir = tempfile::tempdir().unwrap();
    let channel = served(&state(dir.path())).await;
    for size in [Size { request: 52, answer: 642 }, Size { request: 1, answer: 0 }] {
        Unary::new(channel.clone(), size).call(ANY).await.unwrap();
        let stream = Stream::open(&channel, size).await.unwrap();
        let calls = (0..100).map(|_| stream.call(ANY));
        futures::future::try_join_all(calls).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_of_another_size_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let channel = served(&state(dir.path())).await;
    let size = Size { request: 52, answer: codec::ANSWER_BYTES_MAX + 1 };
    assert!(Unary::new(channel.clone(), size).call(ANY).await.is_err());
    assert!(Stream::open(&channel, size).await.unwrap().call(ANY).await.is_err());
}
