//! Ids that are replaced, in several regions.

use futures::future::join_all;
use sojourn_client::{Auth, Changes, Client, Consistency, Error, SessionId, WatchKind};
use sojourn_proto::feed::v1 as feed_pb;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Cluster, PATIENCE, eventually};

/// As long as a slow machine needs for what should happen within it.
const GRACE_MS: u32 = 20_000;

fn login() -> Changes {
    Changes::new().auth(Auth::new("ada").method("pwd"))
}

/// A session that every replica has.
async fn make(client: &Client, changes: Changes) -> SessionId {
    client.create("shop").changes(changes).consistency(Consistency::All).await.unwrap().id
}

async fn is_current(client: &Client, id: &SessionId) -> bool {
    client.get("shop", id).await.is_ok_and(|read| !read.id_replaced)
}

async fn is_dead(client: &Client, id: &SessionId) -> bool {
    matches!(client.get("shop", id).await, Err(Error::Rotated(_)))
}

/// Every call by an id that is accepted no more is refused, and none has an effect.
async fn every_call_is_refused(client: &Client, id: &SessionId) {
    let refused = |error: Error| assert!(matches!(error, Error::Rotated(_)), "{error:?}");
    refused(client.get("shop", id).await.unwrap_err());
    refused(client.get("shop", id).consistency(Consistency::LocalQuorum).await.unwrap_err());
    refused(client.update("shop", id, Changes::new().set("late", "write")).await.unwrap_err());
    refused(client.update("shop", id, login()).return_session().await.unwrap_err());
    refused(client.touch("shop", id).await.unwrap_err());
    refused(client.revoke("shop", id, "logout").await.unwrap_err());
    refused(client.rotate("shop", id).await.unwrap_err());
    refused(client.rotate("shop", id).changes(login()).await.unwrap_err());
    refused(client.explain("shop", id).await.unwrap_err());
    refused(client.batch_get("shop", std::slice::from_ref(id)).await.unwrap().remove(0).unwrap_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_kills_the_old_id_at_once_and_keeps_what_was_written_elsewhere_meanwhile() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let [eu, us, _] = &clients;
    let old = make(eu, Changes::new().set("cart", "1 apple")).await;
    let before = eu.get("shop", &old).await.unwrap().session;
    cluster.isolate("eu");
    let rotated =
        eu.rotate("shop", &old).changes(login().set("theme", "dark")).return_session().await.unwrap();
    assert_eq!(rotated.session.as_ref().unwrap().principal(), Some("ada"));
    every_call_is_refused(eu, &old).await;
    // A region that cannot know of it goes on.
    us.update("shop", &old, Changes::new().set("us", "yes").add("n", 1)).await.unwrap();
    assert!(matches!(us.get("shop", &rotated.id).await, Err(Error::NotFound)));

    cluster.heal();
    for client in &clients {
        eventually("the old id is dead", || async { is_dead(client, &old).await }).await;
        let read = client.get("shop", &rotated.id).after(&rotated.token).await.unwrap();
        assert_eq!((read.session.principal(), read.id_replaced), (Some("ada"), false));
        assert_eq!((read.session.text("cart"), read.session.text("theme")), (Some("1 apple"), Some("dark")));
        assert_eq!(read.session.absolute_deadline_ms, before.absolute_deadline_ms);
        assert!(read.session.rotated_at_ms >= before.created_at_ms);
        eventually("what us wrote is there", || async {
            let read = client.get("shop", &rotated.id).await.unwrap().session;
            (read.text("us"), read.counter("n"), read.text("late")) == (Some("yes"), 1, None)
        })
        .await;
    }
    every_call_is_refused(us, &old).await;
    eventually("one session, one line", || async {
        us.list_sessions("shop", "ada").await.unwrap().len() == 1
    })
    .await;
    us.revoke("shop", &rotated.id, "logout").await.unwrap();
    for id in [&old, &rotated.id] {
        eventually("the logout holds, by whichever id", || async {
            matches!(eu.get("shop", id).await, Err(Error::Revoked(_)))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_routine_rotation_serves_both_ids_until_the_grace_ends() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let (old, other) = (make(&eu, Changes::new()).await, make(&eu, Changes::new()).await);
    let rotated = eu.rotate("shop", &old).grace_ms(GRACE_MS).await.unwrap();
    us.get("shop", &rotated.id).after(&rotated.token).await.unwrap();
    for client in [&eu, &us] {
        let read = async |id| client.get("shop", id).await;
        let (by_old, by_new) = tokio::join!(read(&old), read(&rotated.id));
        assert_eq!((by_old.unwrap().id_replaced, by_new.unwrap().id_replaced), (true, false));
        client.update("shop", &old, Changes::new().add("n", 1)).touch().await.unwrap();
        client.touch("shop", &old).await.unwrap();
        for changes in [Changes::new(), login()] {
            let again = client.rotate("shop", &old).changes(changes).await;
            assert!(matches!(again, Err(Error::AlreadyRotated(_))), "{again:?}");
        }
    }
    assert!(us.list_sessions("shop", "ada").await.unwrap().is_empty(), "a refused login is not listed");
    eventually("both wrote to one session", || async {
        eu.get("shop", &rotated.id).await.unwrap().session.counter("n") == 2
    })
    .await;

    // A logout works by an alias, too.
    let ended = eu.rotate("shop", &other).grace_ms(600_000).await.unwrap();
    eu.revoke("shop", &other, "logout").await.unwrap();
    assert!(matches!(eu.get("shop", &ended.id).await, Err(Error::Revoked(_))));

    for client in [&eu, &us] {
        eventually("the grace ends", || async { is_dead(client, &old).await }).await;
        assert!(is_current(client, &rotated.id).await);
    }
    every_call_is_refused(&eu, &old).await;
}

/// Pain 7 of users of other stores: rotating ids races, and a user signs in 19 times in two hours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_7_parallel_rotations_end_in_one_session() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let [eu, us, _] = &clients;

    // In one region one of them rotates, and all others learn that it did.
    let first = make(eu, Changes::new()).await;
    let raced = join_all((0..16).map(|_| async { eu.rotate("shop", &first).grace_ms(GRACE_MS).await })).await;
    let (made, refused): (Vec<_>, Vec<_>) = raced.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|raced| matches!(raced, Err(Error::AlreadyRotated(_)))), "{refused:?}");
    let made = made.into_iter().next().unwrap().unwrap();
    for client in &clients {
        client.get("shop", &made.id).after(&made.token).await.unwrap();
    }

    // In two regions that are cut off from each other both rotate; one holds when they meet.
    cluster.isolate("eu");
    let in_eu = eu.rotate("shop", &made.id).changes(Changes::new().set("eu", "yes")).grace_ms(600_000).await;
    let in_us = us.rotate("shop", &made.id).changes(Changes::new().set("us", "yes")).grace_ms(600_000).await;
    let ids = [in_eu.unwrap().id, in_us.unwrap().id];
    assert!(is_current(eu, &ids[0]).await && is_current(us, &ids[1]).await);
    cluster.heal();
    eventually("digests agree", || async { cluster.digests_agree() }).await;
    let mut current = Vec::new();
    for client in &clients {
        for id in &ids {
            let session = client.get("shop", id).await.unwrap().session;
            assert_eq!((session.text("eu"), session.text("us")), (Some("yes"), Some("yes")));
        }
        current.push((is_current(client, &ids[0]).await, is_current(client, &ids[1]).await));
    }
    // The later one holds; the other is served until its grace ends.
    assert_eq!(current, [(false, true); 3]);

    // A login beats a routine rotation, though that came later.
    cluster.isolate("eu");
    let login = eu.rotate("shop", &ids[1]).changes(login()).await.unwrap();
    let routine = us.rotate("shop", &ids[1]).grace_ms(600_000).await.unwrap();
    cluster.heal();
    for client in &clients {
        eventually("the login holds", || async { is_current(client, &login.id).await }).await;
        for id in [&routine.id, &ids[0], &ids[1], &made.id, &first] {
            eventually("all others are dead", || async { is_dead(client, id).await }).await;
        }
        assert!(is_current(client, &login.id).await);
        let is_one = || async { client.list_sessions("shop", "ada").await.unwrap().len() == 1 };
        eventually("one session, one line", is_one).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_use_of_an_old_id_is_told_and_explained() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let mut old = make(&eu, Changes::new()).await;
    // A command line takes that for an option.
    while old.reveal().starts_with('-') {
        old = make(&eu, Changes::new()).await;
    }
    let mut watch = us.watch("shop").await.unwrap();
    let rotated = eu.rotate("shop", &old).changes(login()).await.unwrap();
    every_call_is_refused(&eu, &old).await;
    eu.update("shop", &rotated.id, Changes::new().set("last", "write")).await.unwrap();

    let mut told = Vec::new();
    let reading = async {
        while !told.iter().any(|kind| matches!(kind, WatchKind::Changed(_))) {
            told.extend(watch.next().await.unwrap().unwrap().into_iter().map(|event| event.kind));
        }
    };
    assert!(tokio::time::timeout(PATIENCE, reading).await.is_ok(), "{told:?}");
    let WatchKind::Rotated { without_grace: true, changed } = &told[0] else { panic!("{told:?}") };
    assert!(changed.login_changed);
    assert_eq!(told[1..told.len() - 1], [WatchKind::Replayed], "ten uses, told once");

    us.get("shop", &rotated.id).after(&rotated.token).await.unwrap();
    eventually("it is explained in us", || async {
        let explained = us.explain("shop", &rotated.id).await.unwrap();
        let kinds: Vec<_> = explained.writes.iter().map(feed_pb::KnownWrite::kind).collect();
        assert!(kinds.contains(&feed_pb::WriteKind::RotateWithoutGrace), "{kinds:?}");
        let replays: Vec<_> =
            explained.writes.iter().filter(|it| it.kind() == feed_pb::WriteKind::Replay).collect();
        replays.len() == 1 && replays[0].region == "eu"
    })
    .await;
    assert!(matches!(us.get("shop", &old).await, Err(Error::Rotated(_))));
    let status: serde_json::Value = serde_json::from_slice(&cluster.sojourn(&["status"]).stdout).unwrap();
    let replays =
        status["nodes"].as_array().unwrap().iter().map(|node| node["replays_total"].as_u64().unwrap());
    assert!(replays.sum::<u64>() >= 11, "each use counts: {status}");

    // The command line rotates, and shows neither id where it should not.
    let rotate = ["session", "rotate", rotated.id.reveal(), "--namespace", "shop", "--grace", "0s"];
    let answer: serde_json::Value = serde_json::from_slice(&cluster.sojourn(&rotate).stdout).unwrap();
    let newest = SessionId::new(answer["session_id"].as_str().unwrap());
    eventually("the newest id works", || async { is_current(&us, &newest).await }).await;
    let explained = cluster.text(&["explain", "shop", newest.reveal()]);
    assert!(explained.contains("WRITE_KIND_REPLAY"), "{explained}");
    let secret = newest.reveal().split('~').nth(1).unwrap();
    assert!(!explained.contains(secret) && !explained.contains(old.reveal()), "{explained}");
    let log = std::fs::read_to_string(cluster.data.path().join("up.log")).unwrap();
    assert!(!log.contains(secret) && !log.contains(old.reveal()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_gets_the_same_id_and_bad_input_a_clear_error() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let old = make(&eu, Changes::new()).await;
    let key = || b"sixteen bytes or more".to_vec();
    let rotate = |client: &Client| {
        let (client, id) = (client.clone(), old.clone());
        async move {
            let call = client.rotate("shop", &id).changes(Changes::new().add("n", 1)).grace_ms(0);
            call.idempotency_key(key()).consistency(Consistency::All).await
        }
    };
    let ids = [rotate(&eu).await.unwrap().id, rotate(&eu).await.unwrap().id, rotate(&us).await.unwrap().id];
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(us.get("shop", &ids[0]).await.unwrap().session.counter("n"), 1);
    assert!(matches!(eu.rotate("shop", &old).await, Err(Error::Rotated(_))), "not by another key");
    let reused = eu.rotate("shop", &ids[0]).idempotency_key(key()).await.unwrap_err();
    assert_eq!(reused.reason(), "IDEMPOTENCY_KEY_REUSED");

    let revoked = make(&eu, Changes::new()).await;
    eu.revoke("shop", &revoked, "logout").await.unwrap();
    let expired = eu.create("shop").idle_timeout_ms(1_000).await.unwrap().id;
    eventually("it expires", || async { matches!(eu.get("shop", &expired).await, Err(Error::NotFound)) })
        .await;
    let current = ids[0].reveal();
    let first = old.reveal();
    let unknown = format!("{first}~{}", "A".repeat(22));
    let malformed = format!("{first}~{}", "A".repeat(21));
    let rotate = |id: &str, edit: fn(&mut pb::RotateRequest)| {
        let (namespace, session_id) = ("shop".into(), id.into());
        let mut request = pb::RotateRequest { namespace, session_id, ..Default::default() };
        edit(&mut request);
        request
    };
    let cases = [
        ("an unknown secret", rotate(&unknown, |_| {}), Code::NotFound, "SESSION_NOT_FOUND"),
        ("a malformed secret", rotate(&malformed, |_| {}), Code::InvalidArgument, "INVALID_FIELD"),
        ("a malformed id", rotate("no such/id ", |_| {}), Code::InvalidArgument, "INVALID_FIELD"),
        ("an unknown id", rotate(&"A".repeat(43), |_| {}), Code::NotFound, "SESSION_NOT_FOUND"),
        (
            "too long a grace",
            rotate(current, |it| it.grace_ms = Some(600_001)),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "a grace for a login",
            rotate(current, |it| {
                it.grace_ms = Some(1);
                it.changes.get_or_insert_default().set_auth = Some(pb::AuthBlock::default());
            }),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "a key that can be guessed",
            rotate(current, |it| it.options.get_or_insert_default().idempotency_key = "login".into()),
            Code::InvalidArgument,
            "INVALID_FIELD",
        ),
        (
            "another namespace",
            rotate(current, |it| it.namespace = "bank".into()),
            Code::NotFound,
            "SESSION_NOT_FOUND",
        ),
        ("an expired session", rotate(expired.reveal(), |_| {}), Code::NotFound, "SESSION_NOT_FOUND"),
        ("a revoked session", rotate(revoked.reveal(), |_| {}), Code::FailedPrecondition, "SESSION_REVOKED"),
        ("an old id", rotate(first, |_| {}), Code::FailedPrecondition, "SESSION_ROTATED"),
    ];
    let channel = cluster.channel("eu").await;
    let mut sessions = SessionServiceClient::new(channel);
    for (what, request, code, reason) in cases {
        let status = sessions.rotate(request).await.expect_err(what);
        assert_eq!(status.code(), code, "{what}: {status}");
        assert_eq!(status.get_details_error_info().expect(what).reason, reason, "{what}");
        assert!(!status.message().contains(first), "{what}: the error shows the session id");
    }
    let looks_rotated = eu.create("shop").adopted_id(&SessionId::new(&unknown)).await.unwrap_err();
    assert_eq!(looks_rotated.details().unwrap().metadata["field"], "adopted_session_id");
    assert!(is_current(&eu, &ids[0]).await, "nothing was changed");
}
