//! Receipts of logouts, and writes that are only partly confirmed.

use sojourn_client::{Auth, CausalToken, Changes, Client, Consistency, Created, Error, Receipt};

use crate::harness::{Cluster, eventually};

async fn is_revoked(client: &Client, session: &Created) -> bool {
    matches!(client.get("shop", &session.id).await, Err(Error::Revoked(_)))
}

async fn receipt(client: &Client, session: &Created, token: &CausalToken) -> Option<Receipt> {
    client.receipt("shop", &session.id, token).await.ok()
}

/// Pain 2 of users of other stores: a logout in one region that another never hears of.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_2_a_logout_is_not_lost_between_regions() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us, ap) = (cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await);
    let session = eu.create("shop").await.unwrap();
    for client in [&us, &ap] {
        client.get("shop", &session.id).after(&session.token).await.unwrap();
    }
    cluster.isolate("ap");
    let revoked = eu.revoke("shop", &session.id, "logout").wait_regions(["us"]).await.unwrap();
    assert_eq!(revoked.receipt.to_string(), "applied in eu, us; pending ap");
    assert!(is_revoked(&us, &session).await, "the receipt says so");
    assert!(ap.get("shop", &session.id).await.is_ok(), "cut off, it cannot know");
    let token = revoked.receipt.token;
    let waited = us.receipt("shop", &session.id, &token).wait_all_regions().timeout_ms(1_000).await.unwrap();
    assert_eq!(waited.to_string(), "applied in eu, us; pending ap", "the time is up, and that is no error");
    let pending = ap.receipt("shop", &session.id, &token).await.unwrap();
    assert!(!pending.regions["ap"].applied, "{pending}");

    cluster.command(&["node", "kill", "eu-1"]);
    cluster.command(&["node", "restart", "eu-1"]);
    eventually("the restarted node gives the receipt anew", || async {
        receipt(&eu, &session, &token)
            .await
            .is_some_and(|it| it.to_string() == "applied in eu, us; pending ap")
    })
    .await;

    cluster.heal();
    for client in [&eu, &us, &ap] {
        eventually("every region says that all have it", || async {
            let waited = client.receipt("shop", &session.id, &token).wait_all_regions().await;
            waited.is_ok_and(|receipt| receipt.is_complete())
        })
        .await;
        assert!(is_revoked(client, &session).await, "the receipt says so");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_logout_everywhere_and_the_end_of_one_session_have_receipts() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let login = |device| Changes::new().auth(Auth::new("ada")).device(device);
    let laptop = eu.create("shop").changes(login("laptop")).await.unwrap();
    us.get("shop", &laptop.id).after(&laptop.token).await.unwrap();
    eu.create("shop").changes(login("phone")).await.unwrap();
    let listed = eu.list_sessions("shop", "ada").await.unwrap();

    cluster.isolate("eu");
    let ended = eu.end_session("shop", "ada", &listed[0].session_ref, "lost").await.unwrap();
    assert_eq!(ended.to_string(), "applied in eu; pending ap, us");
    let out = eu.end_all_sessions("shop", "ada").wait_all_regions().timeout_ms(1_000).await.unwrap();
    assert_eq!(out.receipt.to_string(), "applied in eu; pending ap, us");
    let again = eu.principal_receipt(&out.receipt.token).await.unwrap();
    assert_eq!(again.to_string(), "applied in eu; pending ap, us");

    cluster.heal();
    for client in [&eu, &us, &cluster.client("ap").await] {
        eventually("all have it", || async {
            let waited = client.principal_receipt(&out.receipt.token).wait_all_regions().await;
            waited.is_ok_and(|receipt| receipt.is_complete())
        })
        .await;
        assert!(is_revoked(client, &laptop).await, "the receipt says so");
    }
    let wrong = eu.receipt("shop", &laptop.id, &out.receipt.token).await.unwrap_err();
    assert_eq!(wrong.details().unwrap().metadata["field"], "token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partial_success_is_neither_a_success_nor_a_failure() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let session = eu.create("shop").await.unwrap();
    us.get("shop", &session.id).after(&session.token).await.unwrap();
    let wrong = eu.revoke("shop", &session.id, "logout").wait_regions(["mars"]).await.unwrap_err();
    assert_eq!(wrong.details().unwrap().metadata["field"], "wait.regions");
    assert!(eu.get("shop", &session.id).await.is_ok(), "a refused call changes nothing");

    cluster.isolate("eu");
    let update = eu.update("shop", &session.id, Changes::new().set("partly", "yes"));
    let update = update.consistency(Consistency::EachQuorum).timeout_ms(1_000);
    let Err(Error::Partial(partial)) = update.await else { panic!("not partial") };
    assert_eq!(
        (partial.applied, partial.pending),
        (vec!["eu".to_owned()], vec!["ap".to_owned(), "us".to_owned()])
    );
    assert!(
        partial.details.message.starts_with("applied in eu; pending in ap, us"),
        "{}",
        partial.details.message
    );
    let create = eu.create("shop").consistency(Consistency::EachQuorum).timeout_ms(1_000);
    let Err(Error::Partial(created)) = create.await else { panic!("not partial") };
    let first_id = created.new_id.unwrap();
    let rotate = eu.rotate("shop", &first_id).consistency(Consistency::EachQuorum).timeout_ms(1_000);
    let Err(Error::Partial(rotated)) = rotate.await else { panic!("not partial") };
    let id = rotated.new_id.unwrap();
    assert!(id != first_id && eu.get("shop", &id).await.is_ok(), "whoever made it knows its id");
    let revoke = eu.revoke("shop", &session.id, "logout").consistency(Consistency::EachQuorum);
    let Err(Error::Partial(revoked)) = revoke.timeout_ms(1_000).await else { panic!("not partial") };
    let once_more = eu.revoke("shop", &session.id, "logout").consistency(Consistency::EachQuorum);
    let Err(Error::Partial(again)) = once_more.timeout_ms(1_000).await else { panic!("not partial") };
    assert_eq!((again.applied, again.pending), (revoked.applied.clone(), revoked.pending.clone()));
    let pending = eu.receipt("shop", &session.id, &revoked.token).await.unwrap();
    assert_eq!(pending.to_string(), "applied in eu; pending ap, us");

    cluster.heal();
    eventually("the write that was partly confirmed arrives", || async {
        let read = us.get("shop", &session.id).after(&revoked.token).await;
        matches!(read, Err(Error::Revoked(_)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_waits_and_tells_receipts_and_partial_successes() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let json = |output: std::process::Output| -> serde_json::Value {
        let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
        serde_json::from_slice(&text).unwrap()
    };
    let create = || json(cluster.sojourn(&["session", "create", "--region", "eu", "--consistency", "all"]));
    let id = |made: serde_json::Value| made["session_id"].as_str().unwrap().to_owned();
    let (first, second) = (id(create()), id(create()));

    let revoked = json(cluster.sojourn(&["session", "revoke", &first, "--wait", "all", "--region", "us"]));
    assert_eq!(revoked["receipt"]["complete"], true, "{revoked}");
    let token = revoked["receipt"]["token"].as_str().unwrap();
    let asked = json(cluster.sojourn(&["session", "receipt", &first, "--token", token, "--wait", "eu,us"]));
    let applied = asked["regions"].as_array().unwrap().iter().filter(|region| region["applied"] == true);
    let applied: Vec<_> = applied.filter_map(|region| region["region"].as_str()).collect();
    assert!(["eu", "us"].iter().all(|waited| applied.contains(waited)), "{asked}");

    cluster.isolate("eu");
    let each = ["--consistency", "each-quorum", "--region", "eu", "--timeout", "1s"];
    let partly = cluster.sojourn(&[&["session", "revoke", &second], &each[..]].concat());
    assert_eq!(partly.status.code(), Some(5));
    let partly = json(partly);
    assert_eq!(partly["partial"]["applied_regions"], serde_json::json!(["eu"]), "{partly}");
    assert_eq!(partly["partial"]["pending_regions"], serde_json::json!(["ap", "us"]), "{partly}");
    let created = json(cluster.sojourn(&[&["session", "create"], &each[..]].concat()));
    let got = cluster.sojourn(&["session", "get", created["partial"]["session_id"].as_str().unwrap()]);
    assert!(got.status.success(), "{created}");
    let token = partly["partial"]["causal_token"].as_str().unwrap();
    let pending = json(cluster.sojourn(&["session", "receipt", &second, "--token", token, "--region", "eu"]));
    assert_eq!((&pending["complete"], &pending["regions"][0]["applied"]), (&false.into(), &false.into()));
}
