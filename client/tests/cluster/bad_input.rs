//! Requests that make no sense: a clear error each, and nothing changed.

use sojourn_client::{Changes, Error};
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::Cluster;

fn update(id: &str, edit: impl FnOnce(&mut pb::UpdateRequest)) -> pb::UpdateRequest {
    let mut request = pb::UpdateRequest {
        namespace: "shop".into(),
        session_id: id.into(),
        changes: Some(pb::Changes::default()),
        ..Default::default()
    };
    edit(&mut request);
    request
}

fn set(request: &mut pb::UpdateRequest, name: &str, kind: pb::value::Kind) {
    let changes = request.changes.get_or_insert_default();
    changes.set_attributes.insert(name.into(), pb::Value { kind: Some(kind) });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_makes_no_sense_gets_a_clear_error_and_changes_nothing() {
    let cluster = Cluster::up("eu", 1);
    let client = cluster.client("eu").await;
    let created = client.create("shop").changes(Changes::new().set("a", "1")).await.unwrap();
    let id = created.id.reveal();
    let before = client.get("shop", &created.id).await.unwrap().session;
    let channel = cluster.channel("eu").await;
    let mut sessions = SessionServiceClient::new(channel);

    let text = |text: &str| pb::value::Kind::Text(text.into());
    let unknown_id = "A".repeat(43);
    let cases: Vec<(&str, pb::UpdateRequest, Code, &str)> = vec![
        (
            "an unknown session",
            update(&unknown_id, |r| set(r, "b", text("2"))),
            Code::NotFound,
            "SESSION_NOT_FOUND",
        ),
        (
            "an attribute that is not as expected",
            update(id, |r| {
                set(r, "b", text("2"));
                let value = Some(pb::Value { kind: Some(text("another")) });
                r.expected_here = vec![pb::Expectation { name: "a".into(), value }];
            }),
            Code::Aborted,
            "NOT_AS_EXPECTED",
        ),
        (
            "an attribute of another kind than expected",
            update(id, |r| {
                set(r, "b", text("2"));
                let value = Some(pb::Value { kind: Some(pb::value::Kind::Data("1".into())) });
                r.expected_here = vec![pb::Expectation { name: "a".into(), value }];
            }),
            Code::Aborted,
            "NOT_AS_EXPECTED",
        ),
        (
            "two expectations of one name",
            update(id, |r| {
                set(r, "b", text("2"));
                r.expected_here = vec![pb::Expectation { name: "c".into(), value: None }; 2];
            }),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "too many expectations",
            update(id, |r| {
                set(r, "b", text("2"));
                let absent = |number: u32| pb::Expectation { name: format!("x{number}"), value: None };
                r.expected_here = (0..65).map(absent).collect();
            }),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "a bad id",
            update("no such/id", |r| set(r, "b", text("2"))),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "a bad namespace",
            update(id, |r| {
                r.namespace = "Shop Nr 1".into();
                set(r, "b", text("2"));
            }),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "a too large value",
            update(id, |r| set(r, "b", text(&"x".repeat(1 << 20)))),
            Code::InvalidArgument,
            "LIMIT_EXCEEDED",
        ),
        (
            "a too long name",
            update(id, |r| set(r, &"n".repeat(10_000), text("2"))),
            Code::InvalidArgument,
            "LIMIT_EXCEEDED",
        ),
        (
            "broken JSON",
            update(id, |r| set(r, "b", pb::value::Kind::Json("{".into()))),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "an unknown consistency level",
            update(id, |r| {
                set(r, "b", text("2"));
                r.options.get_or_insert_default().consistency = 99;
            }),
            Code::InvalidArgument,
            "UNKNOWN_CONSISTENCY",
        ),
        (
            "an unknown durability level",
            update(id, |r| {
                set(r, "b", text("2"));
                r.options.get_or_insert_default().durability = 99;
            }),
            Code::InvalidArgument,
            "UNKNOWN_DURABILITY",
        ),
        (
            "a malformed token",
            update(id, |r| {
                set(r, "b", text("2"));
                r.options.get_or_insert_default().causal_token = bytes::Bytes::from_static(b"\xffnonsense");
            }),
            Code::InvalidArgument,
            "MALFORMED_TOKEN",
        ),
    ];
    for (what, request, code, reason) in cases {
        let status = sessions.update(request).await.expect_err(what);
        assert_eq!(status.code(), code, "{what}: {status}");
        assert_eq!(status.get_details_error_info().expect(what).reason, reason, "{what}: {status}");
        assert!(!status.message().contains(id), "{what}: the error shows the session id");
    }
    let after = client.get("shop", &created.id).await.unwrap().session;
    assert_eq!(after, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_of_one_namespace_is_unknown_in_another() {
    let cluster = Cluster::up("eu", 1);
    let client = cluster.client("eu").await;
    let created = client.create("shop").await.unwrap();
    assert!(matches!(client.get("bank", &created.id).await, Err(Error::NotFound)));
    assert!(matches!(client.revoke("bank", &created.id, "logout").await, Err(Error::NotFound)));
    assert!(client.get("shop", &created.id).await.is_ok());
}
