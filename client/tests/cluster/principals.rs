//! Principals and policies, in several regions.

use sojourn_client::directory_types::Policy;
use sojourn_client::{Auth, Changes, Client, Consistency, Created, Error};

use crate::harness::{Cluster, eventually};

async fn log_in(client: &Client, principal: &str, device: &str) -> Result<Created, Error> {
    client.create("shop").changes(Changes::new().auth(Auth::new(principal)).device(device)).await
}

async fn is_live(client: &Client, session: &Created) -> bool {
    client.get("shop", &session.id).await.is_ok()
}

async fn is_revoked(client: &Client, session: &Created) -> bool {
    matches!(client.get("shop", &session.id).await, Err(Error::Revoked(_)))
}

async fn devices(client: &Client, principal: &str) -> Vec<String> {
    let sessions = client.list_sessions("shop", principal).await.unwrap();
    sessions.into_iter().map(|session| session.device).collect()
}

/// Pain 8 of users of other stores: "Destroying all sessions for a given user?"
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_8_destroying_all_sessions_of_a_user_is_one_write_that_reaches_what_it_has_not_seen() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let known = log_in(&eu, "ada", "laptop").await.unwrap();
    let bob = log_in(&eu, "bob", "phone").await.unwrap();
    us.get("shop", &known.id).after(&known.token).await.unwrap();

    cluster.isolate("eu");
    let unseen = log_in(&eu, "ada", "tablet").await.unwrap();
    us.end_all_sessions("shop", "ada").await.unwrap();
    assert!(is_revoked(&us, &known).await, "it counts at once where it was made");
    assert!(is_live(&eu, &unseen).await, "the region that is cut off cannot know");
    let later = log_in(&us, "ada", "phone").await.unwrap();

    cluster.heal();
    for client in [&eu, &us] {
        for ended in [&known, &unseen] {
            eventually("the session is ended", || async { is_revoked(client, ended).await }).await;
            let late = client.update("shop", &ended.id, Changes::new().set("late", "write")).await;
            assert!(
                matches!(&late, Err(Error::Revoked(details)) if details.metadata["revoke_reason"] == "everywhere")
            );
            assert!(matches!(client.touch("shop", &ended.id).await, Err(Error::Revoked(_))));
        }
        eventually("the later login is live", || async { is_live(client, &later).await }).await;
        eventually("bob is live", || async { is_live(client, &bob).await }).await;
        eventually("the list follows", || async { devices(client, "ada").await == ["phone"] }).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_lists_and_ends_sessions_and_all_but_one() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let laptop = log_in(&eu, "ada", "laptop").await.unwrap();
    let phone = log_in(&us, "ada", "phone").await.unwrap();
    let tablet = log_in(&us, "ada", "tablet").await.unwrap();
    eventually("all are listed", || async { devices(&eu, "ada").await == ["tablet", "phone", "laptop"] })
        .await;
    let listed = eu.list_sessions("shop", "ada").await.unwrap();
    assert_eq!((listed[0].region.as_str(), listed[2].region.as_str()), ("us", "eu"));
    assert!(listed.iter().all(|session| session.level == 1 && session.last_seen_ms >= session.created_at_ms));
    assert!(listed.iter().all(|session| session.created_at_ms > 0 && session.session_ref.len() == 16));

    eu.end_session("shop", "ada", &listed[1].session_ref, "lost").await.unwrap();
    assert!(is_revoked(&eu, &phone).await);
    eventually("it ends in us", || async { is_revoked(&us, &phone).await }).await;
    us.revoke("shop", &tablet.id, "logout").await.unwrap();
    eventually("what is over is not listed", || async { devices(&eu, "ada").await == ["laptop"] }).await;

    let other = log_in(&eu, "ada", "kiosk").await.unwrap();
    eu.end_all_sessions("shop", "ada").keep(&laptop.id).consistency(Consistency::EachQuorum).await.unwrap();
    for client in [&eu, &us] {
        assert!(is_live(client, &laptop).await && is_revoked(client, &other).await, "every region has it");
    }
    let foreign = log_in(&eu, "bob", "").await.unwrap();
    let refused = eu.end_all_sessions("shop", "ada").keep(&foreign.id).await;
    assert_eq!(refused.unwrap_err().details().unwrap().metadata["field"], "keep_session_id");
    assert!(is_live(&eu, &laptop).await && is_live(&eu, &foreign).await, "a refused call changes nothing");
    let unknown = eu.end_session("shop", "ada", &[7; 16], "lost").await;
    assert!(matches!(unknown, Err(Error::NotFound)), "{unknown:?}");
    let short = eu.end_session("shop", "ada", &[7; 3], "lost").await.unwrap_err();
    assert_eq!(short.details().unwrap().metadata["field"], "session_ref");
    let nobody = eu.list_sessions("shop", "").await.unwrap_err();
    assert_eq!(nobody.details().unwrap().metadata["field"], "principal");
    let long = "x".repeat(4_000);
    let session = log_in(&eu, &long, "laptop").await.unwrap();
    assert_eq!(devices(&eu, &long).await, ["laptop"]);
    eu.end_all_sessions("shop", &long).await.unwrap();
    assert!(is_revoked(&eu, &session).await, "whoever can log in can be logged out");
}

/// Pain 6 of users of other stores: a limit of 50 sessions, yet 1200 of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pain_6_a_limit_of_sessions_holds_and_every_region_ends_the_same_ones() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let policy = Policy { sessions_max: Some(2), ..Policy::default() };
    let set = eu.set_policy("shop", "", policy).await.unwrap();
    assert_eq!((set.version, set.sessions_max), (1, Some(2)));
    eventually("us knows the policy", || async { us.policy("shop").await.unwrap() == set }).await;

    let mut sessions = Vec::new();
    for device in ["1", "2", "3"] {
        sessions.push(log_in(&eu, "ada", device).await.unwrap());
    }
    assert_eq!(devices(&eu, "ada").await, ["3", "2"]);
    assert!(is_revoked(&eu, &sessions[0]).await);
    eventually("us has the list", || async { devices(&us, "ada").await == ["3", "2"] }).await;

    cluster.isolate("eu");
    for (client, device) in [(&eu, "4"), (&us, "5"), (&eu, "6"), (&us, "7")] {
        sessions.push(log_in(client, "ada", device).await.unwrap());
    }
    // Each side keeps to the limit by itself; together they overshoot until they meet, by
    // the limit for each side beyond the first and no more.
    assert_eq!(devices(&eu, "ada").await, ["6", "4"]);
    assert_eq!(devices(&us, "ada").await, ["7", "5"]);
    let mut live_anywhere = 0;
    for session in &sessions {
        live_anywhere += usize::from(is_live(&eu, session).await || is_live(&us, session).await);
    }
    assert_eq!(live_anywhere, 2 * 2);
    cluster.heal();
    for client in [&eu, &us] {
        eventually("the newest two stay", || async { devices(client, "ada").await == ["7", "6"] }).await;
        for (session, lives) in sessions.iter().zip([false, false, false, false, false, true, true]) {
            assert_eq!(is_live(client, session).await, lives);
        }
    }

    let refuse = Policy { refuse_beyond_sessions_max: Some(true), ..set };
    eu.set_policy("shop", "", refuse).await.unwrap();
    let refused = log_in(&eu, "ada", "8").await.unwrap_err();
    assert_eq!(refused.details().unwrap().reason, "TOO_MANY_SESSIONS");
    assert_eq!(devices(&eu, "ada").await, ["7", "6"], "a refused login is not listed");
    eu.revoke("shop", &sessions[6].id, "logout").await.unwrap();
    log_in(&eu, "ada", "9").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_holds_in_every_region_and_for_what_is_born_after_it() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let before = eu.create("shop").await.unwrap();
    let limits = Policy { attributes_max: Some(1), value_bytes_max: Some(4), ..Policy::default() };
    eu.set_policy("shop", "aal2", limits).await.unwrap();
    eventually("us knows it", || async { us.policy("shop").await.unwrap().version == 1 }).await;
    let born = us.create("shop").changes(Changes::new().set("a", "1")).await.unwrap();
    assert_eq!(born.session.idle_timeout_ms, 3_600_000);
    assert_eq!(born.session.absolute_deadline_ms - born.session.created_at_ms, 86_400_000);
    let too_long = us.create("shop").idle_timeout_ms(3_600_001).await.unwrap_err();
    assert_eq!(too_long.details().unwrap().metadata["field"], "idle_timeout_ms");
    let too_many = us.update("shop", &born.id, Changes::new().set("b", "1")).await.unwrap_err();
    assert_eq!(too_many.details().unwrap().metadata["field"], "attributes_max");
    let too_large = us.update("shop", &born.id, Changes::new().set("a", "12345")).await.unwrap_err();
    assert_eq!(too_large.details().unwrap().metadata["field"], "value_bytes_max");
    assert!(us.create("other").idle_timeout_ms(3_600_001).await.is_ok(), "another namespace is not bound");
    let kept = eu.get("shop", &before.id).await.unwrap().session;
    assert_eq!(kept.expires_at_ms, before.session.expires_at_ms, "it keeps the limits of its birth");

    let tight = Policy { absolute_timeout_ms: Some(1_000), tighten_at_once: Some(true), ..Policy::default() };
    eu.set_policy("shop", "", tight).await.unwrap();
    for client in [&eu, &us] {
        eventually("it ends", || async {
            matches!(client.get("shop", &before.id).await, Err(Error::NotFound))
        })
        .await;
    }
    let beyond = Policy { absolute_timeout_ms: Some(1), ..Policy::default() };
    let refused = eu.set_policy("shop", "", beyond).await.unwrap_err();
    assert_eq!(refused.details().unwrap().metadata["field"], "absolute_timeout_ms");
    let refused = eu.set_policy("shop", "aal9", Policy::default()).await.unwrap_err();
    assert_eq!(refused.details().unwrap().metadata["field"], "preset");
    assert_eq!(eu.policy("shop").await.unwrap().version, 2, "a refused call changes nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_lists_and_logs_out() {
    let cluster = Cluster::up("eu", 1);
    let id = |output: std::process::Output| {
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        json["session_id"].as_str().unwrap().to_owned()
    };
    let kept = id(cluster.sojourn(&["session", "create", "--principal", "ada", "--device", "laptop"]));
    let other = id(cluster.sojourn(&["session", "create", "--principal", "ada", "--device", "phone"]));
    let listed = cluster.text(&["principal", "sessions", "ada"]);
    assert!(listed.contains("laptop") && listed.contains("phone"), "{listed}");
    assert!(!listed.contains(&kept) && !listed.contains(&other), "no id is shown");
    cluster.command(&["principal", "logout", "ada", "--keep", &kept]);
    let listed = cluster.text(&["principal", "sessions", "ada"]);
    assert!(listed.contains("laptop") && !listed.contains("phone"), "{listed}");
    cluster.command(&["policy", "set", "--preset", "aal3", "--sessions-max", "3"]);
    let shown = cluster.text(&["policy", "show"]);
    assert!(shown.contains("900000"), "{shown}");
    let listed = cluster.text(&["policy", "list"]);
    assert!(listed.contains("\"default\"") && listed.contains("900000"), "{listed}");
    let wrong = cluster.text(&["policy", "set", "--sessions-max", "5000"]);
    assert!(wrong.contains("sessions_max is 5000; it must be from 0 to 1000"), "{wrong}");
    let sessions = cluster.sojourn(&["principal", "sessions", "ada"]);
    let sessions: serde_json::Value = serde_json::from_slice(&sessions.stdout).unwrap();
    let reference = sessions["sessions"][0]["session_ref"].as_str().unwrap();
    cluster.command(&["principal", "end", "ada", reference, "--wait", "all", "--durability", "synced"]);
    let wrong = cluster.text(&["principal", "end", "ada", "12"]);
    assert!(wrong.contains("32 hexadecimal digits"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_policy_is_listed_page_by_page_in_every_region() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let mut wanted: Vec<String> = (0..7).map(|number| format!("shop-{number}")).collect();
    for (number, namespace) in (1..).zip(&wanted) {
        let policy = Policy { sessions_max: Some(number), ..Policy::default() };
        eu.set_policy(namespace, "", policy).await.unwrap();
        // Records of principals lie among those of policies.
        eu.create(namespace).changes(Changes::new().auth(Auth::new("ada"))).await.unwrap();
    }
    wanted.sort();
    for client in [&eu, &us] {
        eventually("all are listed", || async {
            let mut listed = pages(client, 3).await;
            listed.sort();
            listed == wanted
        })
        .await;
    }
    let page = us.list_policies(1_000, &[]).await.unwrap();
    let all = page.policies.iter().map(|it| it.policy.as_ref().unwrap().sessions_max.unwrap()).sum::<u64>();
    assert_eq!((page.policies.len(), all), (7, 28));
    let wrong = us.list_policies(1_001, &[]).await.unwrap_err();
    assert_eq!(wrong.details().unwrap().metadata["field"], "policies_max");
    let wrong = us.list_policies(0, &[1, 2]).await.unwrap_err();
    assert_eq!(wrong.details().unwrap().metadata["field"], "page_token");
}

async fn pages(client: &Client, policies_max: u32) -> Vec<String> {
    let (mut namespaces, mut token) = (Vec::new(), Vec::new());
    loop {
        let page = client.list_policies(policies_max, &token).await.unwrap();
        assert!(page.policies.len() <= policies_max as usize);
        namespaces.extend(page.policies.into_iter().map(|it| it.namespace));
        if page.next_page_token.is_empty() {
            return namespaces;
        }
        token = page.next_page_token.to_vec();
    }
}
