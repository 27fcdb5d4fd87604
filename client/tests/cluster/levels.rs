//! How many replicas a call waits for, region by region, and what it says if they do not answer.

use sojourn_client::{Changes, Client, Consistency, Created, Error, Partial};
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tonic::Request;
use tonic_types::StatusExt;

use crate::harness::{Cluster, eventually};

const TIMEOUT_MS: u32 = 1_500;

/// Adds one at a level; the regions that have it and those pending if it is partial.
async fn add(
    client: &Client,
    session: &Created,
    level: Consistency,
) -> Result<(), (Vec<String>, Vec<String>)> {
    let update = client.update("shop", &session.id, Changes::new().add("n", 1));
    match update.consistency(level).timeout_ms(TIMEOUT_MS).await {
        Ok(_) => Ok(()),
        Err(Error::Partial(partial)) => {
            let Partial { applied, pending, .. } = *partial;
            Err((applied, pending))
        }
        Err(error) => panic!("{error}"),
    }
}

async fn count(client: &Client, session: &Created, level: Consistency) -> Result<i64, Error> {
    let read = client.get("shop", &session.id).consistency(level).timeout_ms(TIMEOUT_MS).await?;
    Ok(read.session.counter("n"))
}

/// What one node answers to a read at a majority of its region.
async fn reason_of(cluster: &Cluster, region: &str, session: &Created) -> String {
    let channel = cluster.channel(region).await;
    let consistency = pb::Consistency::LocalQuorum.into();
    let options = Some(pb::ReadOptions { consistency, ..Default::default() });
    let session_id = session.id.reveal().into();
    let mut request = Request::new(pb::GetRequest { namespace: "shop".into(), session_id, options });
    request.set_timeout(std::time::Duration::from_millis(TIMEOUT_MS.into()));
    let refused = SessionServiceClient::new(channel).get(request).await.unwrap_err();
    refused.get_details_error_info().unwrap().reason
}

fn names(regions: &[&str]) -> Vec<String> {
    regions.iter().map(|region| (*region).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_level_waits_for_its_replicas_and_says_which_regions_have_not_answered() {
    let cluster = Cluster::up("eu,us,ap", 3);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let session = eu.create("shop").consistency(Consistency::All).await.unwrap();

    cluster.command(&["node", "kill", "eu-3"]);
    for level in [Consistency::LocalOne, Consistency::LocalQuorum, Consistency::EachQuorum] {
        assert_eq!(add(&eu, &session, level).await, Ok(()), "{level:?}");
    }
    assert_eq!(count(&eu, &session, Consistency::LocalQuorum).await.unwrap(), 3);
    let all = add(&eu, &session, Consistency::All).await;
    assert_eq!(all, Err((names(&["ap", "us"]), names(&["eu"]))), "one replica of eu is away");
    let all = count(&eu, &session, Consistency::All).await.unwrap_err();
    assert!(matches!(all, Error::ConsistencyNotReached(_)), "{all}");

    cluster.command(&["node", "kill", "eu-2"]);
    assert_eq!(reason_of(&cluster, "eu", &session).await, "READ_CONSISTENCY_NOT_REACHED");
    assert_eq!(add(&us, &session, Consistency::LocalQuorum).await, Ok(()), "us has all of its replicas");
    let each = add(&us, &session, Consistency::EachQuorum).await;
    assert_eq!(each, Err((names(&["ap", "us"]), names(&["eu"]))));
    assert_eq!(count(&us, &session, Consistency::LocalQuorum).await.unwrap(), 6);

    for node in ["eu-2", "eu-3"] {
        cluster.command(&["node", "restart", node]);
    }
    eventually("all replicas answer", || async { count(&eu, &session, Consistency::All).await.is_ok() })
        .await;
    for client in [&eu, &us] {
        assert_eq!(count(client, &session, Consistency::All).await.unwrap(), 6, "what was partial has come");
    }
    // A read of all replicas sees the write of any of them, without a token.
    for n in 7..=12 {
        let writer = [&eu, &us][n % 2];
        assert_eq!(add(writer, &session, Consistency::LocalOne).await, Ok(()));
        let read = count([&us, &eu][n % 2], &session, Consistency::All).await.unwrap();
        assert_eq!(read, i64::try_from(n).unwrap());
    }
}
