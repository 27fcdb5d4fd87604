//! Causal tokens: what a caller has seen in one region it sees in every other one, or is
//! told in time that it is not there yet.

use sojourn_client::{CausalToken, Changes, Created, Error, SessionId};
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use sojourn_proto::session::v1::{self as pb, value::Kind};
use tonic::transport::Channel;

use crate::harness::Cluster;
use crate::raw;

/// More than the token of a partition takes that three nodes write to.
const TOKEN_BYTES_MAX: usize = 64;

/// One node, without a client that would ask another one instead.
struct Node(SessionServiceClient<Channel>);

impl Node {
    async fn of(cluster: &Cluster, region: &str) -> Self {
        Self(SessionServiceClient::new(cluster.channel(region).await))
    }

    async fn text(
        &mut self,
        id: &SessionId,
        name: &str,
        token: &CausalToken,
    ) -> Result<Option<String>, String> {
        let options = Some(pb::ReadOptions { causal_token: wire(token), ..Default::default() });
        let get = pb::GetRequest { namespace: "shop".into(), session_id: id.reveal().into(), options };
        let Reply::Get(answer) = self.call(Call::Get(get)).await? else { panic!("another answer") };
        let kind = answer.session.unwrap().attributes.remove(name).and_then(|value| value.kind);
        Ok(kind.map(|kind| if let Kind::Text(text) = kind { text } else { panic!("no text") }))
    }

    async fn touch(&mut self, id: &SessionId, token: &CausalToken) -> Result<(), String> {
        let options = Some(pb::WriteOptions { causal_token: wire(token), ..Default::default() });
        let touch = pb::TouchRequest { namespace: "shop".into(), session_id: id.reveal().into(), options };
        self.call(Call::Touch(touch)).await.map(drop)
    }

    /// The answer, or the reason why there is none within a third of a second.
    async fn call(&mut self, call: Call) -> Result<Reply, String> {
        match raw::pipelined(&self.0, call, 300).await.unwrap() {
            Reply::Error(error) => Err(error.reason),
            reply => Ok(reply),
        }
    }
}

fn wire(token: &CausalToken) -> bytes::Bytes {
    token.as_bytes().to_vec().into()
}

/// A token that names the hundredth write after the one it was given for.
fn forged(token: &CausalToken) -> CausalToken {
    let mut bytes = token.as_bytes().to_vec();
    *bytes.last_mut().unwrap() += 100;
    CausalToken::from_bytes(bytes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_that_is_cut_off_says_not_yet_and_waits_once_it_is_back() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let (eu, us) = (cluster.client("eu").await, cluster.client("us").await);
    let Created { id, token: born, .. } = eu.create("shop").await.unwrap();
    let mut elsewhere = [Node::of(&cluster, "us").await, Node::of(&cluster, "ap").await];
    for node in &mut elsewhere {
        assert_eq!(node.text(&id, "step", &born).await.unwrap(), None);
    }

    cluster.isolate("eu");
    let written = eu.update("shop", &id, Changes::new().set("step", "paid")).await.unwrap().token;
    assert!(written.as_bytes().len() < TOKEN_BYTES_MAX);
    for node in &mut elsewhere {
        assert_eq!(node.text(&id, "step", &written).await.unwrap_err(), "NOT_YET");
        assert_eq!(node.touch(&id, &written).await.unwrap_err(), "NOT_YET");
        assert_eq!(node.text(&id, "step", &born).await.unwrap(), None, "what it has seen it serves");
    }

    cluster.heal();
    let read = us.get("shop", &id).after(&written).timeout_ms(30_000).await.unwrap();
    assert_eq!(read.session.text("step"), Some("paid"));
    // What was read names what it has seen: no region goes back behind it.
    let later =
        cluster.client("ap").await.get("shop", &id).after(&read.token).timeout_ms(30_000).await.unwrap();
    assert_eq!(later.session.text("step"), Some("paid"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_from_region_to_region_sees_its_writes_and_its_last_one_holds() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let Created { id, mut token, .. } = clients[0].create("shop").await.unwrap();
    for step in 1..=30_usize {
        let (writer, reader) = (&clients[step % 3], &clients[(step + 1) % 3]);
        let changes = Changes::new().set("step", step.to_string()).add("n", 1);
        let written = writer.update("shop", &id, changes).after(&token).await.unwrap().token;
        let read = reader.get("shop", &id).after(&written).await.unwrap();
        assert_eq!(read.session.text("step"), Some(step.to_string().as_str()), "by the later of two writes");
        assert_eq!(read.session.counter("n"), i64::try_from(step).unwrap());
        assert!(read.token.as_bytes().len() < TOKEN_BYTES_MAX);
        token = read.token;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forged_token_costs_nobody_but_its_bearer() {
    let cluster = Cluster::up("eu,us,ap", 1);
    let clients = [cluster.client("eu").await, cluster.client("us").await, cluster.client("ap").await];
    let Created { id, token, .. } = clients[0].create("shop").await.unwrap();
    for (client, region) in clients.iter().zip(["eu", "us", "ap"]) {
        let mut node = Node::of(&cluster, region).await;
        assert_eq!(node.text(&id, "a", &forged(&token)).await.unwrap_err(), "NOT_YET", "{region}");
        assert_eq!(node.touch(&id, &forged(&token)).await.unwrap_err(), "NOT_YET", "{region}");
        client.update("shop", &id, Changes::new().add("n", 1)).after(&token).await.unwrap();
        let junk = client.get("shop", &id).after(&CausalToken::from_bytes(&b"junk"[..])).await.unwrap_err();
        assert!(matches!(junk, Error::InvalidArgument(_)), "{junk}");
    }
}
