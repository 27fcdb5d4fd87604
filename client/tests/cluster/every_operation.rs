//! Every operation with every kind of bad input: the right code, details that a program
//! can act on, and nothing changed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sojourn_client::{Auth, Changes, Client, SessionId, Watch, WatchEvent, WatchKind};
use sojourn_proto::directory::v1 as directory_pb;
use sojourn_proto::directory::v1::directory_service_client::DirectoryServiceClient;
use sojourn_proto::export::v1 as export_pb;
use sojourn_proto::export::v1::export_service_client::ExportServiceClient;
use sojourn_proto::feed::v1 as feed_pb;
use sojourn_proto::feed::v1::explain_service_client::ExplainServiceClient;
use sojourn_proto::feed::v1::feed_service_client::FeedServiceClient;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{Cluster, PATIENCE, eventually};
use crate::raw;

/// What a program learns of a refusal: the reason and the facts.
type Refused = (String, BTreeMap<String, String>);

/// One session as a caller names it.
#[derive(Clone)]
struct Named {
    namespace: String,
    id: String,
    token: bytes::Bytes,
}

impl Named {
    fn new(namespace: &str, id: &str) -> Self {
        Self { namespace: namespace.into(), id: id.into(), token: bytes::Bytes::new() }
    }

    fn read(&self) -> Option<pb::ReadOptions> {
        Some(pb::ReadOptions { causal_token: self.token.clone(), ..Default::default() })
    }

    fn write(&self) -> Option<pb::WriteOptions> {
        Some(pb::WriteOptions { causal_token: self.token.clone(), ..Default::default() })
    }

    fn get(&self) -> pb::GetRequest {
        let Self { namespace, id: session_id, .. } = self.clone();
        pb::GetRequest { namespace, session_id, options: self.read() }
    }

    fn update(&self) -> pb::UpdateRequest {
        let Self { namespace, id: session_id, .. } = self.clone();
        let changes = Some(changes("b", "2"));
        pb::UpdateRequest { namespace, session_id, changes, options: self.write(), ..Default::default() }
    }

    fn touch(&self) -> pb::TouchRequest {
        let Self { namespace, id: session_id, .. } = self.clone();
        pb::TouchRequest { namespace, session_id, options: self.write() }
    }

    fn batch_get(&self) -> pb::BatchGetRequest {
        let Self { namespace, id, .. } = self.clone();
        pb::BatchGetRequest { namespace, session_ids: vec![id], options: self.read() }
    }

    fn rotate(&self) -> pb::RotateRequest {
        let Self { namespace, id: session_id, .. } = self.clone();
        pb::RotateRequest { namespace, session_id, options: self.write(), ..Default::default() }
    }

    fn revoke(&self) -> pb::RevokeRequest {
        let Self { namespace, id: session_id, .. } = self.clone();
        let (reason, options) = ("test".into(), self.write());
        pb::RevokeRequest { namespace, session_id, reason, options, wait: None }
    }
}

fn changes(name: &str, text: &str) -> pb::Changes {
    let value = pb::Value { kind: Some(pb::value::Kind::Text(text.into())) };
    pb::Changes { set_attributes: [(name.into(), value)].into(), ..Default::default() }
}

/// The services of one node.
#[derive(Clone)]
struct Api {
    sessions: SessionServiceClient<Channel>,
    directory: DirectoryServiceClient<Channel>,
    feed: FeedServiceClient<Channel>,
    explain: ExplainServiceClient<Channel>,
    export: ExportServiceClient<Channel>,
}

/// The operations on one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Get,
    BatchGet,
    Update,
    Touch,
    Rotate,
    Revoke,
    Explain,
    Watch,
    PipelinedGet,
    PipelinedBatchGet,
    PipelinedUpdate,
    PipelinedTouch,
    PipelinedRotate,
    PipelinedRevoke,
}

impl Operation {
    const ALL: [Self; 14] = [
        Self::Get,
        Self::BatchGet,
        Self::Update,
        Self::Touch,
        Self::Rotate,
        Self::Revoke,
        Self::Explain,
        Self::Watch,
        Self::PipelinedGet,
        Self::PipelinedBatchGet,
        Self::PipelinedUpdate,
        Self::PipelinedTouch,
        Self::PipelinedRotate,
        Self::PipelinedRevoke,
    ];

    /// A repeated revocation is none, and what is over can still be explained; to watch
    /// what may come later needs no session.
    fn takes_what_is_over(self) -> bool {
        matches!(self, Self::Explain | Self::Watch)
    }

    fn takes_what_is_revoked(self) -> bool {
        self.takes_what_is_over() || matches!(self, Self::Revoke | Self::PipelinedRevoke)
    }

    fn has_token(self) -> bool {
        !matches!(self, Self::Explain | Self::Watch)
    }
}

impl Api {
    async fn of(cluster: &Cluster) -> Self {
        let channel = cluster.channel("eu").await;
        Self {
            sessions: SessionServiceClient::new(channel.clone()),
            directory: DirectoryServiceClient::new(channel.clone()),
            feed: FeedServiceClient::new(channel.clone()),
            explain: ExplainServiceClient::new(channel.clone()),
            export: ExportServiceClient::new(channel),
        }
    }

    async fn call(&self, operation: Operation, named: &Named) -> Result<(), Refused> {
        let Self { mut sessions, mut feed, mut explain, .. } = self.clone();
        let Named { namespace, id: session_id, .. } = named.clone();
        match operation {
            Operation::Get => done(sessions.get(named.get()).await),
            Operation::BatchGet => {
                only(sessions.batch_get(named.batch_get()).await.map_err(refused)?.into_inner())
            }
            Operation::Update => done(sessions.update(named.update()).await),
            Operation::Touch => done(sessions.touch(named.touch()).await),
            Operation::Rotate => done(sessions.rotate(named.rotate()).await),
            Operation::Revoke => done(sessions.revoke(named.revoke()).await),
            Operation::Explain => {
                done(explain.explain(feed_pb::ExplainRequest { namespace, session_id }).await)
            }
            Operation::Watch => {
                let request = feed_pb::WatchRequest { namespace, session_id, ..Default::default() };
                done(feed.watch(request).await)
            }
            Operation::PipelinedGet => self.pipelined(Call::Get(named.get())).await,
            Operation::PipelinedBatchGet => self.pipelined(Call::BatchGet(named.batch_get())).await,
            Operation::PipelinedUpdate => self.pipelined(Call::Update(named.update())).await,
            Operation::PipelinedTouch => self.pipelined(Call::Touch(named.touch())).await,
            Operation::PipelinedRotate => self.pipelined(Call::Rotate(named.rotate())).await,
            Operation::PipelinedRevoke => self.pipelined(Call::Revoke(named.revoke())).await,
        }
    }

    async fn pipelined(&self, call: Call) -> Result<(), Refused> {
        match raw::pipelined(&self.sessions, call, 5_000).await.map_err(refused)? {
            Reply::Error(error) => Err(carried(error)),
            Reply::BatchGet(answer) => only(answer),
            _ => Ok(()),
        }
    }
}

/// What a batch says of the only session that it asks for.
fn only(mut answer: pb::BatchGetResponse) -> Result<(), Refused> {
    match answer.results.remove(0).outcome.unwrap() {
        pb::batch_get_result::Outcome::Found(_) => Ok(()),
        pb::batch_get_result::Outcome::Error(error) => Err(carried(error)),
    }
}

fn done<T>(answer: Result<T, Status>) -> Result<(), Refused> {
    answer.map(drop).map_err(refused)
}

/// Every refusal has a reason, and its code is the one that belongs to the reason.
fn refused(status: Status) -> Refused {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("no details: {status}"));
    assert!(!status.message().is_empty() && info.domain == "sojourn", "{status}");
    let code = match info.reason.as_str() {
        "SESSION_NOT_FOUND" => Code::NotFound,
        "SESSION_REVOKED" | "SESSION_ROTATED" | "ADOPTED_ID_REFUSED" | "FOREIGN_CLUSTER_KEY" => {
            Code::FailedPrecondition
        }
        _ => Code::InvalidArgument,
    };
    assert_eq!(status.code(), code, "{status}");
    (info.reason, info.metadata.into_iter().collect())
}

fn carried(error: pb::Error) -> Refused {
    assert!(!error.message.is_empty());
    (error.reason, error.metadata.into_iter().collect())
}

/// Everything that a feed tells until the write of an attribute.
async fn told_until(watch: &mut Watch, attribute: &str) -> Vec<WatchEvent> {
    let mut told: Vec<WatchEvent> = Vec::new();
    let is_last = |event: &WatchEvent| match &event.kind {
        WatchKind::Changed(changed) => changed.attributes.iter().any(|it| it.name == attribute),
        _ => false,
    };
    let reading = async {
        while !told.iter().any(is_last) {
            told.extend(watch.next().await.unwrap().unwrap());
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the last write is told");
    told
}

async fn make(client: &Client, principal: &str) -> SessionId {
    client.create("shop").changes(Changes::new().auth(Auth::new(principal))).await.unwrap().id
}

/// Sessions that are over in each way, once they are.
async fn over(client: &Client) -> Vec<(&'static str, SessionId, &'static str)> {
    let expired = client.create("shop").idle_timeout_ms(1_000).await.unwrap().id;
    let revoked = make(client, "bob").await;
    client.revoke("shop", &revoked, "logout").await.unwrap();
    let logged_out = make(client, "carl").await;
    client.end_all_sessions("shop", "carl").await.unwrap();
    let replaced = make(client, "dora").await;
    client.rotate("shop", &replaced).grace_ms(0).await.unwrap();
    eventually("its time is over", || async { client.get("shop", &expired).await.is_err() }).await;
    vec![
        ("expired", expired, "SESSION_NOT_FOUND"),
        ("revoked", revoked, "SESSION_REVOKED"),
        ("logged out everywhere", logged_out, "SESSION_REVOKED"),
        ("replaced", replaced, "SESSION_ROTATED"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_refuses_every_kind_of_bad_session_and_changes_nothing() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (client, api) = (cluster.client("eu").await, Api::of(&cluster).await);
    let live = make(&client, "ada").await;
    let over = over(&client).await;
    let before = client.get("shop", &live).await.unwrap().session;
    let mut watches = [client.watch("shop").await.unwrap(), client.watch("bank").await.unwrap()];

    let good = Named::new("shop", live.reveal());
    let field = |name: &'static str| Some(("field", name));
    let mut inputs = vec![
        ("a malformed namespace", Named::new("Shop Nr 1", &good.id), "INVALID_FIELD", field("namespace")),
        ("no namespace", Named::new("", &good.id), "INVALID_FIELD", field("namespace")),
        ("a malformed id", Named::new("shop", "no such/id"), "INVALID_FIELD", field("session_id")),
        ("a too long id", Named::new("shop", &"A".repeat(5_000)), "INVALID_FIELD", field("session_id")),
        ("an unknown id", Named::new("shop", &"A".repeat(43)), "SESSION_NOT_FOUND", None),
        ("another namespace", Named::new("bank", &good.id), "SESSION_NOT_FOUND", None),
    ];
    inputs.extend(
        over.iter().map(|(what, id, reason)| (*what, Named::new("shop", id.reveal()), *reason, None)),
    );
    let malformed = Named { token: bytes::Bytes::from_static(b"\xffnonsense"), ..good.clone() };
    let too_long = Named { token: vec![1; 1 << 20].into(), ..good.clone() };
    inputs.push(("a malformed token", malformed, "MALFORMED_TOKEN", None));
    inputs.push(("a too long token", too_long, "MALFORMED_TOKEN", None));

    for operation in Operation::ALL {
        for (what, named, reason, fact) in &inputs {
            let answer = api.call(operation, named).await;
            let is_taken = match *what {
                "an unknown id" | "another namespace" | "replaced" => operation == Operation::Watch,
                "expired" => operation.takes_what_is_over(),
                "revoked" | "logged out everywhere" => operation.takes_what_is_revoked(),
                "a malformed token" | "a too long token" => !operation.has_token(),
                _ => false,
            };
            if is_taken {
                assert!(answer.is_ok(), "{operation:?} of {what}: {answer:?}");
                continue;
            }
            let (told, facts) = answer.expect_err(&format!("{operation:?} of {what}"));
            assert_eq!(told, *reason, "{operation:?} of {what}: {facts:?}");
            if let Some((name, value)) = fact {
                assert_eq!(facts.get(*name).map(String::as_str), Some(*value), "{operation:?} of {what}");
                assert!(!facts["allowed"].is_empty(), "{operation:?} of {what}");
            }
            assert!(
                facts.values().all(|fact| !fact.contains(&good.id)),
                "{operation:?} of {what} shows the id"
            );
        }
    }

    assert_eq!(client.get("shop", &live).await.unwrap().session, before);
    let in_bank = client.create("bank").await.unwrap().id;
    for ((watch, namespace), id) in watches.iter_mut().zip(["shop", "bank"]).zip([&live, &in_bank]) {
        client.update(namespace, id, Changes::new().set("last", "1")).await.unwrap();
        let told = told_until(watch, "last").await;
        // That an old id was used, and that a session's time was over, is told and is no change.
        let is_change =
            |event: &&WatchEvent| !matches!(event.kind, WatchKind::Replayed | WatchKind::Expired { .. });
        let changes = told.iter().filter(is_change);
        let of_others: BTreeSet<_> =
            changes.map(|event| event.key).filter(|key| *key != before.feed_key).collect();
        // A session that was logged out everywhere can still be revoked by itself.
        assert!(told.iter().filter(|event| event.key == before.feed_key).count() <= 1, "{told:?}");
        assert!(of_others.len() <= 1, "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_other_operation_says_which_field_is_wrong() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (client, api) = (cluster.client("eu").await, Api::of(&cluster).await);
    let of_bob = make(&client, "bob").await;
    let policy = client.policy("shop").await.unwrap();
    let Api { mut sessions, mut directory, mut feed, mut export, .. } = api;
    let long = "x".repeat(10_000);
    let mut answers: Vec<(&str, Result<(), Refused>, &str, &str)> = Vec::new();
    let mut expect = |what, answer, reason, field| answers.push((what, answer, reason, field));

    let create = |edit: fn(&mut pb::CreateRequest)| {
        let mut request = pb::CreateRequest { namespace: "shop".into(), ..Default::default() };
        edit(&mut request);
        request
    };
    let creations = [
        ("a namespace", create(|it| it.namespace = "Shop!".into()), "INVALID_FIELD", "namespace"),
        ("an idle time-out", create(|it| it.idle_timeout_ms = u64::MAX), "INVALID_FIELD", "idle_timeout_ms"),
        ("a life", create(|it| it.absolute_timeout_ms = 1), "INVALID_FIELD", "absolute_timeout_ms"),
        (
            "a value",
            create(|it| it.changes = Some(changes("a", &"x".repeat(1 << 20)))),
            "LIMIT_EXCEEDED",
            "value_bytes_max",
        ),
        (
            "a name",
            create(|it| it.changes = Some(changes("", "x"))),
            "INVALID_FIELD",
            "changes.set_attributes",
        ),
        (
            "an adopted id",
            create(|it| it.adopted_session_id = "a/b".into()),
            "INVALID_FIELD",
            "adopted_session_id",
        ),
    ];
    for (what, request, reason, field) in creations {
        expect(what, done(sessions.create(request).await), reason, field);
    }
    let login = Changes::new().auth(Auth::new("x".repeat(4_097)));
    let refused = client.create("shop").changes(login).await.unwrap_err();
    assert_eq!(refused.details().unwrap().metadata["field"], "principal");
    let wait = Some(pb::ReceiptWait { all: false, regions: vec!["mars".into()] });
    let receipt = pb::ReceiptRequest {
        namespace: "shop".into(),
        session_id: of_bob.reveal().into(),
        ..Default::default()
    };
    let malformed = pb::ReceiptRequest { token: b"\xff!".to_vec().into(), ..receipt.clone() };
    expect("a receipt's token", done(sessions.receipt(malformed).await), "MALFORMED_TOKEN", "token");
    let revoke = pb::RevokeRequest { wait: wait.clone(), ..Named::new("shop", of_bob.reveal()).revoke() };
    expect("a region to wait for", done(sessions.revoke(revoke).await), "INVALID_FIELD", "wait.regions");
    let batch = pb::BatchGetRequest {
        namespace: "shop".into(),
        session_ids: vec!["A".repeat(43); 2_000],
        options: None,
    };
    expect("a batch", done(sessions.batch_get(batch).await), "LIMIT_EXCEEDED", "session_ids");

    let (namespace, principal) = (String::from("shop"), String::from("bob"));
    let list = directory_pb::ListSessionsRequest { namespace: namespace.clone(), principal: long.clone() };
    expect("a principal", done(directory.list_sessions(list).await), "INVALID_FIELD", "principal");
    let end = directory_pb::EndSessionRequest {
        namespace: namespace.clone(),
        principal: principal.clone(),
        session_ref: b"short".to_vec().into(),
        reason: "stolen".into(),
        ..Default::default()
    };
    expect("a reference", done(directory.end_session(end.clone()).await), "INVALID_FIELD", "session_ref");
    let unknown = directory_pb::EndSessionRequest { session_ref: vec![7; 16].into(), ..end };
    expect("an unknown reference", done(directory.end_session(unknown).await), "SESSION_NOT_FOUND", "");
    let end_all = directory_pb::EndAllSessionsRequest {
        namespace: namespace.clone(),
        principal: "ada".into(),
        keep_session_id: of_bob.reveal().into(),
        ..Default::default()
    };
    expect(
        "another's session to keep",
        done(directory.end_all_sessions(end_all.clone()).await),
        "INVALID_FIELD",
        "keep_session_id",
    );
    let nobody = directory_pb::EndAllSessionsRequest { principal: String::new(), ..end_all };
    expect("no principal", done(directory.end_all_sessions(nobody).await), "INVALID_FIELD", "principal");
    let receipt = directory_pb::ReceiptRequest { token: b"\xff!".to_vec().into(), wait: None };
    expect(
        "a principal's receipt's token",
        done(directory.receipt(receipt).await),
        "MALFORMED_TOKEN",
        "token",
    );
    let of_policy = directory_pb::GetPolicyRequest { namespace: "Shop!".into() };
    expect("a policy's namespace", done(directory.get_policy(of_policy).await), "INVALID_FIELD", "namespace");
    let set_policy = |preset: &str, policy: Option<directory_pb::Policy>| directory_pb::SetPolicyRequest {
        namespace: "shop".into(),
        preset: preset.into(),
        policy,
        options: None,
    };
    expect("a preset", done(directory.set_policy(set_policy("AAL9", None)).await), "INVALID_FIELD", "preset");
    let too_long = directory_pb::Policy { idle_timeout_ms: Some(u64::MAX), ..Default::default() };
    expect(
        "a policy's value",
        done(directory.set_policy(set_policy("", Some(too_long))).await),
        "INVALID_FIELD",
        "idle_timeout_ms",
    );
    let page = directory_pb::ListPoliciesRequest { policies_max: 1, page_token: b"\xff".to_vec().into() };
    expect("a page", done(directory.list_policies(page).await), "INVALID_FIELD", "page_token");

    let watch = |partitions: Vec<u32>| feed_pb::WatchRequest {
        namespace: "shop".into(),
        partitions,
        ..Default::default()
    };
    expect(
        "a partition of the feed",
        done(feed.watch(watch(vec![70_000])).await),
        "INVALID_FIELD",
        "partitions",
    );
    let cursor = feed_pb::PartitionCursor { partition: 0, cursor: b"\xff".to_vec().into() };
    let from = feed_pb::WatchRequest { cursors: vec![cursor], ..watch(Vec::new()) };
    expect("a cursor", done(feed.watch(from).await), "MALFORMED_CURSOR", "cursors");
    let of = |partition, after_key: &[u8]| export_pb::ExportRequest {
        namespace: "shop".into(),
        partition,
        after_key: after_key.to_vec().into(),
    };
    expect("a partition to export", done(export.export(of(70_000, b"")).await), "INVALID_FIELD", "partition");
    expect("a key to export from", done(export.export(of(0, b"short")).await), "INVALID_FIELD", "after_key");
    let import = export_pb::ImportRequest { namespace: "shop".into(), ..Default::default() };
    expect(
        "an import of another cluster's key",
        done(export.import(import).await),
        "FOREIGN_CLUSTER_KEY",
        "",
    );

    for (what, answer, reason, field) in answers {
        let (told, facts) = answer.expect_err(what);
        assert_eq!(told, reason, "{what}: {facts:?}");
        let named = facts.get("field").map_or("", String::as_str);
        assert_eq!(named, field, "{what}: {told} {facts:?}");
        let is_range = told == "INVALID_FIELD";
        assert_eq!(is_range, facts.contains_key("allowed"), "{what}: {facts:?}");
    }
    assert!(client.get("shop", &of_bob).await.is_ok(), "nobody was logged out");
    assert_eq!(client.list_sessions("shop", "bob").await.unwrap().len(), 1);
    assert_eq!(client.policy("shop").await.unwrap().version, policy.version);
    tokio::time::timeout(Duration::from_secs(5), client.get("shop", &of_bob)).await.unwrap().unwrap();
}
