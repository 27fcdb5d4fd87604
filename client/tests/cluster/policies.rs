//! What a policy says about calls that do not say it themselves.

use sojourn_client::directory_types::Policy;
use sojourn_client::{Changes, Consistency, Durability, Error};

use crate::harness::Cluster;

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
