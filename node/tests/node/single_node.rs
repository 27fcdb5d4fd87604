//! One real node: sled on a real disk, TLS on a real socket, every call.

use std::time::Duration;

use crate::support::nodes::{World, assert_refused, set, text};
use sojourn_proto::cluster::v1 as cluster;
use sojourn_proto::cluster::v1::cluster_service_client::ClusterServiceClient;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use tonic::Code;
use tonic_types::StatusExt;

/// A cluster of one.
const ONE: &[(&str, &str)] = &[("eu", "eu-1")];

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_and_ends() {
    let world = World::new(ONE);
    let node = world.start(0, "").await;
    let made = node.create().await;
    let id = made.session_id.as_str();
    assert_eq!(id.len(), 43);
    assert_eq!(node.get(id).await.unwrap(), made.session.unwrap());

    let mut request = set(id, "cart", text("apples"));
    let changes = request.changes.as_mut().unwrap();
    changes.add_counters = [("visits".to_owned(), 3)].into();
    changes.change_sets =
        vec![pb::SetChange { name: "seen".into(), add: vec!["b".into(), "a".into()], remove: vec![] }];
    changes.set_auth = Some(pb::AuthBlock { principal: "ada".into(), level: 1, ..Default::default() });
    request.touch = true;
    let updated = node.update(request).await.unwrap().session.unwrap();
    assert_eq!(updated.attributes["cart"], text("apples"));
    assert_eq!(updated.counters["visits"], 3);
    assert_eq!(updated.sets["seen"].members, ["a", "b"]);
    assert_eq!(updated.auth.as_ref().unwrap().principal, "ada");
    assert_eq!(node.get(id).await.unwrap(), updated);

    let touch = pb::TouchRequest { namespace: "shop".into(), session_id: id.into(), options: None };
    let touched = node.sessions().touch(touch.clone()).await.unwrap().into_inner();
    assert!(touched.expires_at_ms >= updated.expires_at_ms);

    let mut revoke = pb::RevokeRequest {
        namespace: "shop".into(),
        session_id: id.into(),
        reason: "logout".into(),
        options: None,
        wait: None,
    };
    let first = node.sessions().revoke(revoke.clone()).await.unwrap().into_inner();
    revoke.reason = "again".into();
    let second = node.sessions().revoke(revoke).await.unwrap().into_inner();
    assert_eq!((first.reason.as_str(), second.reason.as_str()), ("logout", "logout"));
    assert_eq!(first.revoked_at_ms, second.revoked_at_ms);
    let status = node.get(id).await.unwrap_err();
    let info = status.get_error_details().error_info().unwrap().clone();
    assert_eq!(info.metadata["revoke_reason"], "logout");
    assert_refused(node.get(id).await, Code::FailedPrecondition, "SESSION_REVOKED");
    assert_refused(node.update(set(id, "a", text("b"))).await, Code::FailedPrecondition, "SESSION_REVOKED");
    assert_refused(node.sessions().touch(touch).await, Code::FailedPrecondition, "SESSION_REVOKED");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_restart() {
    let world = World::new(ONE);
    let node = world.start(0, "").await;
    let id = node.create().await.session_id;
    let held = node.update(set(&id, "cart", text("apples"))).await.unwrap().session.unwrap();
    let before = node.status().await.unwrap();
    node.stop().await;
    let node = world.start(0, "").await;
    assert_eq!(node.get(&id).await.unwrap(), held);
    let after = node.status().await.unwrap();
    assert_eq!(after.digests, before.digests);
    assert!(after.incarnation > before.incarnation);
    assert_eq!(after.node.unwrap().replica_id, before.node.unwrap().replica_id);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_changes_nothing() {
    let world = World::new(ONE);
    let node = world.start(0, "[session]\nvalue_bytes_max = 1000\n").await;
    let id = node.create().await.session_id;
    let before = node.status().await.unwrap().digests;
    let invalid = Code::InvalidArgument;
    assert_refused(node.get("no-such-session").await, Code::NotFound, "SESSION_NOT_FOUND");
    assert_refused(node.get("white space").await, invalid, "INVALID_FIELD");
    assert_refused(node.update(set("no-such", "a", text("b"))).await, Code::NotFound, "SESSION_NOT_FOUND");
    assert_refused(node.update(set(&id, "a", text(&"x".repeat(1_001)))).await, invalid, "LIMIT_EXCEEDED");
    assert_refused(node.update(set(&id, "a", pb::Value { kind: None })).await, invalid, "INVALID_FIELD");
    let mut nothing = set(&id, "a", text("b"));
    nothing.changes = None;
    assert_refused(node.update(nothing).await, invalid, "INVALID_FIELD");
    let with = |options| pb::UpdateRequest { options: Some(options), ..set(&id, "a", text("b")) };
    let options = pb::WriteOptions { consistency: 9, ..Default::default() };
    assert_refused(node.update(with(options)).await, invalid, "UNKNOWN_CONSISTENCY");
    let options = pb::WriteOptions { durability: 9, ..Default::default() };
    assert_refused(node.update(with(options)).await, invalid, "UNKNOWN_DURABILITY");
    let options = pb::WriteOptions { causal_token: "junk".into(), ..Default::default() };
    assert_refused(node.update(with(options)).await, invalid, "MALFORMED_TOKEN");
    let options = pb::WriteOptions { idempotency_key: vec![0; 65].into(), ..Default::default() };
    assert_refused(node.update(with(options)).await, invalid, "INVALID_FIELD");
    let mut get = pb::GetRequest { namespace: "shop".into(), session_id: id.clone(), options: None };
    get.options = Some(pb::ReadOptions { consistency: 3, ..Default::default() });
    assert_refused(node.sessions().get(get).await, invalid, "CONSISTENCY_NOT_FOR_READS");
    let adopted = "x".repeat(43);
    let create =
        pb::CreateRequest { namespace: "shop".into(), adopted_session_id: adopted, ..Default::default() };
    assert_refused(node.sessions().create(create).await, Code::FailedPrecondition, "ADOPTED_ID_REFUSED");
    let create = pb::CreateRequest { namespace: "No Such".into(), ..Default::default() };
    assert_refused(node.sessions().create(create).await, invalid, "INVALID_FIELD");
    assert_eq!(node.status().await.unwrap().digests, before);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn adopted_ids_insert_only() {
    let world = World::new(ONE);
    let node = world.start(0, "[api]\nadopted_ids_allowed = true\n").await;
    let create = pb::CreateRequest {
        namespace: "shop".into(),
        adopted_session_id: "x".repeat(43),
        ..Default::default()
    };
    assert_eq!(node.sessions().create(create.clone()).await.unwrap().into_inner().session_id, "x".repeat(43));
    assert_refused(node.sessions().create(create).await, Code::AlreadyExists, "SESSION_EXISTS");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_levels_and_idempotency_keys_hold_on_one_node() {
    let world = World::new(ONE);
    let node = world.start(0, "").await;
    let id = node.create().await.session_id;
    for consistency in 1..=4 {
        for durability in 1..=2 {
            let options = pb::WriteOptions { consistency, durability, ..Default::default() };
            let request = pb::UpdateRequest { options: Some(options), ..set(&id, "a", text("b")) };
            let causal_token = node.update(request).await.unwrap().causal_token;
            let options = Some(pb::ReadOptions { consistency: 1, causal_token, ..Default::default() });
            let get = pb::GetRequest { namespace: "shop".into(), session_id: id.clone(), options };
            node.sessions().get(get).await.unwrap();
        }
    }
    let mut add = set(&id, "a", text("c"));
    add.changes.as_mut().unwrap().add_counters = [("n".to_owned(), 1)].into();
    add.options = Some(pb::WriteOptions { idempotency_key: "once".into(), ..Default::default() });
    node.update(add.clone()).await.unwrap();
    node.update(add).await.unwrap();
    assert_eq!(node.get(&id).await.unwrap().counters["n"], 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_from_the_future_is_not_yet() {
    let world = World::new(ONE);
    let node = world.start(0, "").await;
    let made = node.create().await;
    // The last number of a token is the sequence number of its last origin: name a later write.
    let mut token = made.causal_token.to_vec();
    *token.last_mut().unwrap() += 100;
    let options = Some(pb::ReadOptions { causal_token: token.into(), ..Default::default() });
    let get = pb::GetRequest { namespace: "shop".into(), session_id: made.session_id, options };
    let mut request = tonic::Request::new(get);
    request.set_timeout(Duration::from_millis(300));
    assert_refused(node.sessions().get(request).await, Code::Unavailable, "NOT_YET");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_answers_every_call_by_its_id() {
    let world = World::new(ONE);
    let node = world.start(0, "").await;
    let id = node.create().await.session_id;
    let get = |id: &str| {
        Call::Get(pb::GetRequest { namespace: "shop".into(), session_id: id.into(), options: None })
    };
    let call = |number, call| pb::PipelineCall { id: number, timeout_ms: 0, call };
    let batch = pb::BatchGetRequest {
        namespace: "shop".into(),
        session_ids: vec![id.clone(), "unknown".into()],
        options: None,
    };
    let mut calls: Vec<_> = (0..1_000).map(|number| call(number, Some(get(&id)))).collect();
    calls.push(call(1_000, Some(Call::Update(set(&id, "a", text("b"))))));
    calls.push(call(1_001, Some(get("unknown"))));
    calls.push(call(1_002, None));
    calls.push(call(1_003, Some(Call::BatchGet(batch))));
    let requests = tokio_stream::iter(
        calls.chunks(100).map(|calls| pb::PipelineRequest { calls: calls.to_vec() }).collect::<Vec<_>>(),
    );
    let mut answers = node.sessions().pipeline(requests).await.unwrap().into_inner();
    let (mut replies, mut messages) = (std::collections::BTreeMap::new(), 0);
    while let Some(message) = answers.message().await.unwrap() {
        messages += 1;
        replies.extend(message.replies.into_iter().map(|reply| (reply.id, reply.reply.unwrap())));
    }
    assert_eq!(replies.len(), 1_004);
    assert!(messages <= 100, "{messages} messages");
    assert!((0..1_000).all(|number| matches!(replies[&number], Reply::Get(_))));
    assert!(matches!(replies[&1_000], Reply::Update(_)));
    let reason = |number| match &replies[&number] {
        Reply::Error(error) => error.reason.clone(),
        _ => String::new(),
    };
    assert_eq!((reason(1_001).as_str(), reason(1_002).as_str()), ("SESSION_NOT_FOUND", "INVALID_FIELD"));
    let Reply::BatchGet(batch) = &replies[&1_003] else { panic!("a batch") };
    assert!(matches!(batch.results[0].outcome, Some(pb::batch_get_result::Outcome::Found(_))));
    assert!(matches!(batch.results[1].outcome, Some(pb::batch_get_result::Outcome::Error(_))));
    let status = node.status().await.unwrap();
    assert!(status.reads_total >= 1_000 && status.writes_total >= 2);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cluster_health_and_reflection_answer() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let world = World::new(ONE);
    let node = world.start(0, "").await;
    let health = HealthClient::new(node.channel.clone()).check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(health.into_inner().status, 1);
    let mut cluster = ClusterServiceClient::new(node.channel.clone());
    let members = cluster.list_members(cluster::ListMembersRequest {}).await.unwrap().into_inner();
    assert_eq!(members.cluster_id, "dev");
    assert_eq!((members.members[0].name.as_str(), members.members[0].voter), ("eu-1", true));
    let mut layouts = cluster.watch_layout(cluster::WatchLayoutRequest {}).await.unwrap().into_inner();
    let layout = layouts.message().await.unwrap().unwrap();
    assert_eq!(layout.partitions.len(), 256);
    assert!(layout.partitions.iter().all(|partition| partition.replica_ids == [1]));
    node.stop().await;
}
