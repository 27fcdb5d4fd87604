//! Following sessions through real processes.

use std::collections::{BTreeMap, BTreeSet};

use sojourn_client::{
    Auth, Changes, Client, Consistency, Error, SessionId, Watch, WatchCursor, WatchEvent, WatchKind,
};
use sojourn_proto::feed::v1 as pb;
use sojourn_proto::feed::v1::feed_service_client::FeedServiceClient;
use tonic::Code;
use tonic_types::StatusExt;

use crate::harness::{Cluster, PATIENCE, eventually};
use crate::newcomer::{self, Newcomer};

/// Reads a feed until something holds of all that it told.
async fn read_until(watch: &mut Watch, told: &mut Vec<WatchEvent>, holds: impl Fn(&[WatchEvent]) -> bool) {
    let reading = async {
        while !holds(told) {
            let events = watch.next().await.expect("the feed ended").unwrap();
            // On a slow machine a node may be down for longer than it can vouch for expiries.
            let is_wanted = |it: &WatchEvent| !matches!(it.kind, WatchKind::Missed { changes: false, .. });
            told.extend(events.into_iter().filter(is_wanted));
        }
    };
    let in_time = tokio::time::timeout(PATIENCE, reading).await;
    assert!(in_time.is_ok(), "told in time: {told:?}");
}

/// What was told of each session, in short words.
fn words(told: &[WatchEvent]) -> BTreeMap<[u8; 16], Vec<String>> {
    let mut words: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for event in told {
        let word = match &event.kind {
            WatchKind::Created(_) => "created".to_owned(),
            WatchKind::Changed(changed) => {
                let names = changed.attributes.iter().map(|attribute| attribute.name.clone());
                names.collect::<Vec<_>>().join(",")
            }
            WatchKind::Revoked { reason, .. } => format!("revoked {reason}"),
            WatchKind::Expired { .. } => "expired".to_owned(),
            WatchKind::LoggedOut { kept } => format!("logged out but {}", u8::from(kept.is_some())),
            other => format!("{other:?}"),
        };
        words.entry(event.key).or_default().push(word);
    }
    words
}

/// On every replica, so that a feed that begins later, at whichever, does not tell of it.
async fn make(client: &Client, changes: Changes) -> SessionId {
    client.create("shop").changes(changes).consistency(Consistency::All).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_in_one_region_is_told_in_each() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let mut watches = Vec::new();
    for client in &clients {
        watches.push(client.watch("shop").include_values().final_state().await.unwrap());
    }
    let mut of_ada = clients[1].watch("shop").principal("ada").await.unwrap();
    let eu = &clients[0];

    let kept = make(eu, Changes::new().auth(Auth::new("ada").level(1)).set("cart", "1 apple")).await;
    let mut of_one = clients[2].watch("shop").session(&kept).await.unwrap();
    eu.update("shop", &kept, Changes::new().set("cart", "2 apples").add("n", 2).add_member("tags", "red"))
        .await
        .unwrap();
    eu.touch("shop", &kept).await.unwrap();
    let short =
        eu.create("shop").idle_timeout_ms(1_500).changes(Changes::new().set("a", "b")).await.unwrap().id;
    make(eu, Changes::new().set("cart", "3")).await;
    let foreign = eu.create("other").await.unwrap().id;
    eu.revoke("other", &foreign, "logout").await.unwrap();
    eu.revoke("shop", &kept, "logout").await.unwrap();

    for watch in &mut watches {
        let mut told = Vec::new();
        let is_done = |told: &[WatchEvent]| {
            let words = words(told);
            words.values().flatten().any(|word| word == "expired")
                && words.values().flatten().any(|word| word == "revoked logout")
                && words.len() == 3
        };
        read_until(watch, &mut told, is_done).await;
        let words: BTreeSet<Vec<String>> = words(&told).into_values().collect();
        let expected =
            [vec!["created", "cart", "revoked logout"], vec!["created", "expired"], vec!["created"]];
        let expected: BTreeSet<Vec<String>> =
            expected.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect();
        assert_eq!(words, expected);
        let now_ms = told.iter().filter_map(|event| event.at_ms).max().unwrap();
        assert!(told.iter().all(|event| event.at_ms.unwrap_or(now_ms) + 60_000 > now_ms));
        for event in &told {
            assert_eq!((event.namespace.as_str(), event.principal_unknown), ("shop", false));
            match &event.kind {
                WatchKind::Changed(changed) => {
                    assert_eq!(event.principal.as_deref(), Some("ada"));
                    assert_eq!(event.region.as_deref(), Some("eu"));
                    assert_eq!(changed.attributes[0].value.as_ref().unwrap().as_str(), Some("2 apples"));
                    assert_eq!((changed.counters[0].name.as_str(), changed.counters[0].sum), ("n", Some(2)));
                    assert_eq!(changed.sets[0].added, ["red"]);
                    assert!(!changed.login_changed);
                }
                WatchKind::Revoked { final_state, .. } => {
                    let session = final_state.as_ref().unwrap();
                    assert_eq!((session.principal(), session.text("cart")), (Some("ada"), Some("2 apples")));
                    assert_eq!((session.counter("n"), session.has_member("tags", b"red")), (2, true));
                }
                WatchKind::Expired { final_state } => {
                    assert_eq!(final_state.as_ref().unwrap().text("a"), Some("b"));
                }
                _ => {}
            }
        }
    }
    let is_revoked = |told: &[WatchEvent]| told.iter().any(|it| matches!(it.kind, WatchKind::Revoked { .. }));
    let mut told = Vec::new();
    read_until(&mut of_ada, &mut told, is_revoked).await;
    assert_eq!(words(&told).into_values().collect::<Vec<_>>(), [["created", "cart", "revoked logout"]]);
    let WatchKind::Changed(changed) = &told[1].kind else { panic!("not changed") };
    assert_eq!(
        (&changed.attributes[0].value, changed.counters[0].sum),
        (&None, None),
        "values were not asked for"
    );
    let mut told = Vec::new();
    read_until(&mut of_one, &mut told, is_revoked).await;
    let told = words(&told).into_values().collect::<Vec<_>>();
    assert_eq!(told.len(), 1, "one session");
    assert!(told[0].ends_with(&["cart".to_owned(), "revoked logout".to_owned()]), "{told:?}");
    assert!(matches!(clients[2].get("shop", &short).await, Err(Error::NotFound)));
}

/// What was told of logouts everywhere, and of the sessions that are named.
async fn told_of(watch: &mut Watch, count: usize) -> Vec<String> {
    let (mut told, mut ends) = (Vec::new(), Vec::new());
    let is_end =
        |it: &&WatchEvent| matches!(it.kind, WatchKind::LoggedOut { .. } | WatchKind::Revoked { .. });
    read_until(watch, &mut told, |told| told.iter().filter(is_end).count() >= count).await;
    for event in told.iter().filter(is_end) {
        assert_eq!((event.region.as_deref(), event.principal_unknown), (Some("eu"), false));
        let principal = event.principal.clone().unwrap();
        ends.extend(
            words(std::slice::from_ref(event)).into_values().flatten().map(|it| format!("{principal} {it}")),
        );
    }
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_through_a_principal_are_told_in_each_region_from_any_cursor() {
    let mut cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let login = |principal: &str| Changes::new().auth(Auth::new(principal));
    let (one, other) = (make(&eu, login("ada")).await, make(&eu, login("ada")).await);
    make(&eu, login("bob")).await;
    let mut of_all = us.watch("shop").await.unwrap();
    let mut of_bob = us.watch("shop").principal("bob").await.unwrap();
    let mut of_other_namespace = us.watch("bank").await.unwrap();
    let (mut of_one, mut of_the_other) =
        (us.watch("shop").session(&one).await.unwrap(), us.watch("shop").session(&other).await.unwrap());

    let listed = eu.list_sessions("shop", "ada").await.unwrap();
    eu.end_session("shop", "ada", &listed[0].session_ref, "stolen").await.unwrap();
    assert_eq!(told_of(&mut of_all, 1).await, ["ada revoked stolen"]);
    let cursor = of_all.cursor();
    let is_one_live = eu.get("shop", &one).await.is_ok();
    let kept = if is_one_live { &one } else { &other };
    eu.end_all_sessions("shop", "ada").keep(kept).await.unwrap();
    eu.end_all_sessions("shop", "bob").await.unwrap();
    eu.end_all_sessions("bank", "carl").await.unwrap();

    let rest = ["ada logged out but 1", "bob logged out but 0"];
    assert_eq!(told_of(&mut of_all, 2).await, rest);
    assert_eq!(told_of(&mut of_bob, 1).await, ["bob logged out but 0"]);
    assert_eq!(told_of(&mut of_other_namespace, 1).await, ["carl logged out but 0"]);
    cluster.stop_and_start();
    let us = cluster.client("us").await;
    let mut again = us.watch("shop").from_cursor(cursor).await.unwrap();
    assert_eq!(told_of(&mut again, 2).await, rest, "after a restart, from the cursor");

    // The kept session hears nothing of the logout that spared it.
    let (gone, stays) =
        if kept == &one { (&mut of_the_other, &mut of_one) } else { (&mut of_one, &mut of_the_other) };
    assert_eq!(told_of(gone, 2).await, ["ada revoked stolen", "ada logged out but 1"]);
    let eu = cluster.client("eu").await;
    eu.end_all_sessions("shop", "ada").await.unwrap();
    assert_eq!(told_of(stays, 1).await, ["ada logged out but 0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_goes_on_where_it_was_after_a_drop_a_kill_and_a_restart() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let client = cluster.client("eu").await;
    let mut ids = Vec::new();
    for _ in 0..8 {
        ids.push(make(&client, Changes::new()).await);
    }
    let mut watch = client.watch("shop").await.unwrap();
    let write = async |round: usize| {
        for (number, id) in ids.iter().enumerate() {
            let changes = Changes::new().set(format!("r{round}-{number}"), "x");
            client.update("shop", id, changes).consistency(Consistency::All).await.unwrap();
        }
    };
    let names = |told: &[WatchEvent]| -> Vec<String> {
        let mut names: Vec<String> = words(told).into_values().flatten().collect();
        names.sort_unstable();
        names
    };
    let expected = |rounds: usize| -> Vec<String> {
        let mut names: Vec<String> =
            (0..rounds).flat_map(|round| (0..8).map(move |number| format!("r{round}-{number}"))).collect();
        names.sort_unstable();
        names
    };
    let mut told = Vec::new();
    write(0).await;
    read_until(&mut watch, &mut told, |told| told.len() >= 8).await;
    assert_eq!(names(&told), expected(1));

    // Dropped, with the cursor kept as bytes; what is written meanwhile is told.
    let kept = watch.cursor().to_bytes();
    drop(watch);
    write(1).await;
    let cursor = WatchCursor::from_bytes(&kept).unwrap();
    let mut watch = client.watch("shop").from_cursor(cursor).await.unwrap();
    read_until(&mut watch, &mut told, |told| told.len() >= 16).await;
    assert_eq!(names(&told), expected(2));

    // Each node is killed under the feed and comes back; the others take over.
    for (round, node) in (2..5).zip(["eu-1", "us-1", "ap-1"]) {
        write_around(&cluster, &client, &ids, node, round).await;
        read_until(&mut watch, &mut told, |told| told.len() >= (round + 1) * 8).await;
        assert_eq!(names(&told), expected(round + 1), "after {node} was killed");
        eventually("digests agree", || async { cluster.digests_agree() }).await;
    }

    // From the first cursor, by nodes that have all been killed since: the log on disk.
    let cursor = WatchCursor::from_bytes(&kept).unwrap();
    let mut again = client.watch("shop").from_cursor(cursor).await.unwrap();
    let mut told = Vec::new();
    read_until(&mut again, &mut told, |told| told.len() >= 32).await;
    let mut later: Vec<String> = expected(5).into_iter().filter(|name| !name.starts_with("r0")).collect();
    later.sort_unstable();
    assert_eq!(names(&told), later);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_goes_on_while_partitions_move_to_a_new_node() {
    let data = tempfile::tempdir().unwrap();
    newcomer::certificates(&data.path().join("tls"));
    let cluster = Cluster::up_in(data, "eu", 3);
    let client = cluster.client("eu").await;
    // All at once: each waits for the disks of three nodes.
    let ids = futures::future::join_all((0..64).map(|_| make(&client, Changes::new()))).await;
    let mut watch = client.watch("shop").await.unwrap();
    let _newcomer = Newcomer::start(&cluster, "127.0.0.1:23250");
    let (mut told, mut rounds, mut rounds_after) = (Vec::new(), 0, 0);
    // Some rounds more once the new node serves.
    while rounds_after < 4 {
        rounds_after += usize::from(newcomer::serves(&client).await);
        for id in &ids {
            let changes = Changes::new().set(format!("r{}", rounds % 50), format!("{rounds}"));
            client.update("shop", id, changes).await.unwrap();
        }
        rounds += 1;
        read_until(&mut watch, &mut told, |told| told.len() >= rounds * ids.len()).await;
    }
    assert_eq!(told.len(), rounds * ids.len());
    for names in words(&told).values() {
        let expected: Vec<String> = (0..rounds).map(|round| format!("r{}", round % 50)).collect();
        assert_eq!(*names, expected);
    }
}

/// Writes a round while a node is down.
async fn write_around(cluster: &Cluster, client: &Client, ids: &[SessionId], node: &str, round: usize) {
    cluster.command(&["node", "kill", node]);
    for (number, id) in ids.iter().enumerate() {
        let name = format!("r{round}-{number}");
        let is_written = || async {
            let changes = Changes::new().set(name.clone(), "x");
            let write = client.update("shop", id, changes).idempotency_key(name.clone().into_bytes());
            write.consistency(Consistency::LocalQuorum).await.is_ok()
        };
        eventually("the write is taken", is_written).await;
    }
    cluster.command(&["node", "restart", node]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_gets_everything_from_the_log() {
    let cluster = Cluster::up("eu", 1);
    let client = cluster.client("eu").await;
    let id = make(&client, Changes::new()).await;
    let mut watch = client.watch("shop").include_values().await.unwrap();
    // Far more than windows and buffers between node and client take.
    let writes = 200;
    for number in 0..writes {
        let changes = Changes::new().set("n", format!("{number:05}{}", "x".repeat(40_000)));
        client.update("shop", &id, changes).await.unwrap();
    }
    let mut told = Vec::new();
    read_until(&mut watch, &mut told, |told| told.len() >= writes).await;
    let numbers: Vec<usize> = told
        .iter()
        .map(|event| match &event.kind {
            WatchKind::Changed(changed) => {
                changed.attributes[0].value.as_ref().unwrap().as_str().unwrap()[..5].parse().unwrap()
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(numbers, (0..writes).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_makes_no_sense_gets_a_clear_error() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let client = cluster.client("eu").await;
    let channel = cluster.channel("eu").await;
    let mut feeds = FeedServiceClient::new(channel);
    let cursor = |partition, cursor: &'static [u8]| pb::PartitionCursor { partition, cursor: cursor.into() };
    let shop = || pb::WatchRequest { namespace: "shop".into(), ..Default::default() };
    let cases = [
        ("a bad namespace", pb::WatchRequest { namespace: "Shop Nr 1".into(), ..shop() }, "INVALID_FIELD"),
        ("no namespace", pb::WatchRequest::default(), "INVALID_FIELD"),
        ("a bad id", pb::WatchRequest { session_id: "no id".into(), ..shop() }, "INVALID_FIELD"),
        ("a long principal", pb::WatchRequest { principal: "p".repeat(5_000), ..shop() }, "INVALID_FIELD"),
        ("an unknown partition", pb::WatchRequest { partitions: vec![70_000], ..shop() }, "INVALID_FIELD"),
        (
            "a bad cursor",
            pb::WatchRequest { cursors: vec![cursor(0, b"junk")], ..shop() },
            "MALFORMED_CURSOR",
        ),
        ("an empty cursor", pb::WatchRequest { cursors: vec![cursor(0, b"")], ..shop() }, "MALFORMED_CURSOR"),
        (
            "a foreign cursor",
            pb::WatchRequest { cursors: vec![cursor(70_000, b"")], ..shop() },
            "INVALID_FIELD",
        ),
    ];
    for (case, request, reason) in cases {
        let status = feeds.watch(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{case}: {status:?}");
        assert_eq!(status.get_error_details().error_info().unwrap().reason, reason, "{case}");
    }

    // A cursor of another partition is refused, one of another session's feed is not.
    let first = feeds.watch(shop()).await.unwrap().into_inner().message().await.unwrap().unwrap();
    let moved = first.cursors[0].cursor.clone();
    let partition = first.cursors[1].partition;
    let swapped = pb::PartitionCursor { partition, cursor: moved };
    let status = feeds.watch(pb::WatchRequest { cursors: vec![swapped], ..shop() }).await.unwrap_err();
    assert_eq!(status.get_error_details().error_info().unwrap().reason, "MALFORMED_CURSOR");
    assert!(WatchCursor::from_bytes(b"junk").is_err());

    // An id that no session of the namespace has tells nothing, and no error.
    let foreign = client.create("other").await.unwrap().id;
    let mut watch = client.watch("shop").session(&foreign).await.unwrap();
    client.update("other", &foreign, Changes::new().set("a", "b")).await.unwrap();
    let unknown = SessionId::new(&"A".repeat(43));
    let mut of_unknown = client.watch("shop").session(&unknown).await.unwrap();
    let mut all = client.watch("other").await.unwrap();
    client.revoke("other", &foreign, "logout").await.unwrap();
    read_until(&mut all, &mut Vec::new(), |told| !told.is_empty()).await;
    let nothing = std::time::Duration::from_millis(200);
    assert!(tokio::time::timeout(nothing, watch.next()).await.is_err());
    assert!(tokio::time::timeout(nothing, of_unknown.next()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_raced_is_explained_from_any_region() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us, ap) = (cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await);
    let created = eu.create("shop").changes(Changes::new().set("cart", "0").add("n", 1)).await.unwrap();
    us.get("shop", &created.id).after(&created.token).await.unwrap();
    cluster.isolate("eu");
    eu.update("shop", &created.id, Changes::new().remove("cart")).await.unwrap();
    us.update("shop", &created.id, Changes::new().set("cart", "1 apple").add("n", 2)).await.unwrap();
    let cut_off = eu.explain("shop", &created.id).await.unwrap();
    let of = |explained: &pb::ExplainResponse, region: &str| {
        explained.replicas.iter().find(|replica| replica.region == region).unwrap().comparison()
    };
    assert_eq!(of(&cut_off, "eu"), pb::Comparison::Equal);
    for region in ["us", "ap"] {
        assert_ne!(of(&cut_off, region), pb::Comparison::Equal);
    }
    cluster.heal();
    eventually("digests agree", || async { cluster.digests_agree() }).await;

    for client in [&eu, &us, &ap] {
        let explained = client.explain("shop", &created.id).await.unwrap();
        assert_eq!(explained.liveness(), pb::Liveness::Live);
        assert!(explained.replicas.iter().all(|replica| replica.comparison() == pb::Comparison::Equal));
        let cart: Vec<_> = explained.writes.iter().filter(|write| write.name == "cart").collect();
        let verdicts: BTreeSet<_> =
            cart.iter().map(|write| (write.region.as_str(), write.verdict().as_str_name())).collect();
        let expected = [
            ("eu", "VERDICT_REPLACED"),
            ("eu", "VERDICT_LOST_REMOVAL"),
            ("us", "VERDICT_HOLDS_OVER_REMOVAL"),
        ];
        assert_eq!(verdicts, BTreeSet::from(expected));
        assert_eq!(cart.iter().map(|write| write.size).max(), Some(7));
        let added = explained.writes.iter().filter(|write| write.name == "n");
        let added: BTreeSet<_> =
            added.map(|write| (write.region.as_str(), write.seq > 0, write.amount)).collect();
        let in_all = [("eu", false, Some(1)), ("us", false, Some(2))];
        let alone = [("eu", true, Some(1)), ("us", true, Some(2))];
        assert_eq!(added, in_all.into_iter().chain(alone).collect());
    }
    eu.update("shop", &created.id, Changes::new().set("cart", "2 apples")).await.unwrap();
    let explained = eu.explain("shop", &created.id).await.unwrap();
    let cart = explained.writes.iter().filter(|write| write.name == "cart");
    let verdicts: Vec<_> = cart.map(|write| (write.region.as_str(), write.verdict())).collect();
    // Oldest first: the one that it was made with, then those that raced, then the last one.
    let (first, raced, last) = (&verdicts[..1], &verdicts[1..3], &verdicts[3..]);
    assert_eq!((first, last), (&[("eu", pb::Verdict::Replaced)][..], &[("eu", pb::Verdict::Holds)][..]));
    assert!(
        raced.contains(&("eu", pb::Verdict::LostRemoval)) && raced.contains(&("us", pb::Verdict::Replaced))
    );

    let ada = make(&eu, Changes::new().auth(Auth::new("ada"))).await;
    eu.end_all_sessions("shop", "ada").await.unwrap();
    eventually("the logout is explained in the other region", || async {
        let explained = us.explain("shop", &ada).await.unwrap();
        let ends = explained.writes.iter().filter(|write| write.kind() == pb::WriteKind::EndByPrincipal);
        let reasons: Vec<_> = ends.map(|write| write.name.as_str()).collect();
        assert_eq!(explained.liveness() == pb::Liveness::Revoked, !reasons.is_empty());
        reasons == ["everywhere"]
    })
    .await;
    let unknown = eu.explain("shop", &SessionId::new(&"A".repeat(43))).await;
    assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
    let bad = eu.explain("shop", &SessionId::new("no id")).await;
    assert!(matches!(bad, Err(Error::InvalidArgument(_))), "{bad:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_watches_archives_and_explains() {
    let cluster = Cluster::up("eu", 1);
    let client = cluster.client("eu").await;
    let dir = tempfile::tempdir().unwrap();
    let (archive, cursor) = (dir.path().join("ended"), dir.path().join("watch.cursor"));
    let text = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (archive_dir, cursor_file) = (text(&archive), text(&cursor));
    let archiving = ["archive", "shop", "--dir", &archive_dir, "--file-bytes-max", "1B", "--count", "1"];
    let watching = ["watch", "shop", "--values", "--cursor", &cursor_file, "--count", "1"];
    let revoke = async |name: &str| {
        let id = make(&client, Changes::new().set("name", name)).await;
        client.revoke("shop", &id, "logout").await.unwrap();
        id
    };

    std::thread::scope(|threads| {
        let archived = threads.spawn(|| cluster.sojourn(&archiving));
        let watched = threads.spawn(|| cluster.sojourn(&watching));
        let started = std::time::Instant::now();
        while !(archive.join("cursor").exists() && cursor.exists()) {
            assert!(started.elapsed() < PATIENCE, "neither begins");
            std::thread::yield_now();
        }
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(revoke("first"));
        });
        assert!(archived.join().unwrap().status.success());
        let watched = String::from_utf8(watched.join().unwrap().stdout).unwrap();
        let first: serde_json::Value = serde_json::from_str(watched.lines().next().unwrap()).unwrap();
        assert_eq!((&first["event"], &first["namespace"]), (&"created".into(), &"shop".into()));
        assert_eq!(first["changed"]["attributes"][0]["value"]["text"], "first");
    });

    // Ended while nobody archives: the next run goes on from its cursor.
    let id = revoke("second").await;
    assert!(cluster.sojourn(&archiving).status.success());
    let mut names = Vec::new();
    for number in 1..=2 {
        let file = std::fs::read_to_string(archive.join(format!("ended-{number:06}.jsonl"))).unwrap();
        let line: serde_json::Value = serde_json::from_str(&file).unwrap();
        assert_eq!((&line["event"], &line["reason"]), (&"revoked".into(), &"logout".into()));
        names.push(line["final_state"]["attributes"]["name"]["text"].as_str().unwrap().to_owned());
    }
    assert_eq!(names, ["first", "second"]);

    let explained = cluster.text(&["explain", "shop", id.reveal()]);
    assert!(explained.contains("WRITE_KIND_REVOKE") && !explained.contains("second"), "{explained}");
    assert!(!explained.contains(id.reveal()));
    std::fs::write(&cursor, "junk").unwrap();
    let refused = cluster.sojourn(&watching);
    assert_eq!(refused.status.code(), Some(2));
}
