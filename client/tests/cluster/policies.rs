//! What a policy says about calls that do not say it themselves.

use sojourn_client::directory_types::Policy;
use sojourn_client::{Auth, Changes, Consistency, Durability, Error, SessionId};

use crate::harness::{Cluster, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_ask_for_no_level_have_the_policys() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let eu = cluster.client("eu").await;
    let created = eu.create("shop").await.unwrap();
    let strict = Policy {
        write_consistency: Some(Consistency::EachQuorum.number()),
        read_consistency: Some(Consistency::All.number()),
        durability: Some(Durability::Synced.number()),
        ..Policy::default()
    };
    assert_eq!(eu.set_policy("shop", "", strict).await.unwrap(), Policy { version: 1, ..strict });
    cluster.isolate("eu");
    let set = |name: &str| eu.update("shop", &created.id, Changes::new().set(name, "1")).timeout_ms(1_500);
    let short = set("a").await.unwrap_err();
    assert_eq!(short.details().unwrap().reason, "CONSISTENCY_NOT_REACHED", "{short}");
    set("b").consistency(Consistency::LocalOne).await.unwrap();
    let short = eu.get("shop", &created.id).timeout_ms(1_500).await.unwrap_err();
    assert_eq!(short.details().unwrap().reason, "READ_CONSISTENCY_NOT_REACHED", "{short}");
    let read = eu.get("shop", &created.id).consistency(Consistency::LocalOne).await.unwrap();
    assert_eq!((read.session.text("a"), read.session.text("b")), (Some("1"), Some("1")));

    let refused = [
        ("read_consistency", Policy { read_consistency: Some(Consistency::EachQuorum.number()), ..strict }),
        ("write_consistency", Policy { write_consistency: Some(5), ..strict }),
        ("durability", Policy { durability: Some(-1), ..strict }),
    ];
    for (field, policy) in refused {
        let error = eu.set_policy("shop", "", policy).await.unwrap_err();
        assert!(matches!(error, Error::InvalidArgument(_)), "{field}: {error}");
    }
    assert_eq!(eu.policy("shop").await.unwrap().version, 1);
    eu.set_policy("shop", "", Policy::default()).await.unwrap();
    set("c").await.unwrap();
    cluster.heal();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_principals_sessions_has_the_policys_level_too() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let eu = cluster.client("eu").await;
    let each = Policy { write_consistency: Some(Consistency::EachQuorum.number()), ..Policy::default() };
    eu.set_policy("shop", "", each).consistency(Consistency::EachQuorum).await.unwrap();
    let login = || Changes::new().auth(Auth::new("ada"));
    for _ in 0..2 {
        eu.create("shop").changes(login()).await.unwrap();
    }
    let listed = eu.list_sessions("shop", "ada").await.unwrap();
    cluster.isolate("eu");

    let end = |at: usize| eu.end_session("shop", "ada", &listed[at].session_ref, "lost").timeout_ms(1_500);
    let short = end(0).await.unwrap_err();
    assert!(matches!(&short, Error::Partial(partial) if partial.applied == ["eu"]), "{short}");
    let receipt = end(1).consistency(Consistency::LocalOne).wait_all_regions().await.unwrap();
    assert_eq!(receipt.to_string(), "applied in eu; pending ap, us", "made, and waited for in vain");
    let everywhere = || eu.end_all_sessions("shop", "ada").timeout_ms(1_500);
    let short = everywhere().await.unwrap_err();
    assert!(matches!(&short, Error::Partial(_)), "{short}");
    everywhere().consistency(Consistency::LocalOne).await.unwrap();

    let logout = ["principal", "logout", "ada", "--namespace", "shop", "--region", "eu", "--timeout", "1s"];
    // A busy machine may take the call's last 100 ms, and then it is only late.
    let is_partial = |line: &[&str]| cluster.sojourn(line).status.code() == Some(5);
    eventually("no level is sent if none is given", || async { is_partial(&logout) }).await;
    cluster.command(&[&logout[..], &["--consistency", "local-one", "--durability", "synced"]].concat());
    let set = eu.set_policy("shop", "", Policy::default()).timeout_ms(1_500);
    let short = set.consistency(Consistency::EachQuorum).await.unwrap_err();
    assert!(matches!(&short, Error::Partial(_)), "{short}");
    assert_eq!(eu.policy("shop").await.unwrap().write_consistency, None, "it is made all the same");
    let set = ["policy", "set", "--namespace", "shop", "--region", "eu", "--timeout", "1s"];
    let each = [&set[..], &["--consistency", "each-quorum"]].concat();
    eventually("the change has a level", || async { is_partial(&each) }).await;
    cluster.heal();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_bounds_the_bytes_of_sessions_and_refuses_adopted_ids_in_every_region() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let text = |length| Changes::new().set("a", "x".repeat(length));
    let before = eu.create("shop").changes(text(4_000)).await.unwrap();
    let adopted = SessionId::new("minted-by-the-applications-framework");
    let small = us.create("shop").adopted_id(&adopted).changes(text(1_000)).await.unwrap();
    let policy =
        Policy { session_bytes_max: Some(2_048), adopted_ids_allowed: Some(false), ..Policy::default() };
    eu.set_policy("shop", "", policy).await.unwrap();
    eventually("us knows it", || async { us.policy("shop").await.unwrap().version == 1 }).await;

    let read = eu.get("shop", &adopted).after(&small.token).await.unwrap().session;
    assert_eq!(read.text("a").map(str::len), Some(1_000), "one that was adopted before goes on");
    us.create("other").adopted_id(&adopted).await.unwrap();
    us.get("shop", &before.id).after(&before.token).await.unwrap();
    for client in [&eu, &us] {
        let another = SessionId::new("minted-by-a-framework-as-well");
        let refused = client.create("shop").adopted_id(&another).await.unwrap_err();
        assert_eq!(refused.details().unwrap().reason, "ADOPTED_ID_REFUSED", "{refused}");
        let field = |refused: Error| refused.details().unwrap().metadata["field"].clone();
        for id in [&adopted, &before.id] {
            let refused = client.update("shop", id, text(3_000)).await.unwrap_err();
            assert_eq!(field(refused), "session_bytes_max");
        }
        let refused = client.create("shop").changes(text(3_000)).await.unwrap_err();
        assert_eq!(field(refused), "session_bytes_max");
    }
    let read = us.get("shop", &before.id).await.unwrap().session;
    assert_eq!(read.text("a").map(str::len), Some(4_000), "what it has it keeps");
}
