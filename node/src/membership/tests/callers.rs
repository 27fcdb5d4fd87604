use std::sync::Arc;

use parking_lot::Mutex;
use sojourn_proto::membership::v1::membership_service_client::MembershipServiceClient;
use sojourn_proto::membership::v1::{JoinRequest, ProposeRequest, RaftRequest};
use tonic::Code;
use tonic::transport::Channel;

use super::harness::{Machine, Switchboard, TestChannels};
use crate::membership::{Change, NodeState, disk};
use crate::security::PeerIdentity;
use crate::session::ReplicaId;
use crate::transport::{PeerChannels, PeerExpectation};

fn node(name: &str, region: &str) -> PeerIdentity {
    PeerIdentity::Node { name: name.to_owned(), region: region.to_owned() }
}

fn caller(machine: &Machine, identity: PeerIdentity) -> MembershipServiceClient<Channel> {
    let channels = TestChannels { board: machine.board.clone(), identity, open: Mutex::default() };
    MembershipServiceClient::new(channels.channel("eu-1:7000", PeerExpectation::AnyNode))
}

async fn one_node() -> Machine {
    let mut machine = Machine::new(&Arc::new(Switchboard::default()), "eu-1", "eu");
    machine.start().await.unwrap();
    machine
}

fn join(name: &str, region: &str) -> JoinRequest {
    JoinRequest {
        cluster_id: "dev".to_owned(),
        name: name.to_owned(),
        region: region.to_owned(),
        address: "x:1".to_owned(),
        weight: 1,
        store_id: vec![9; 16].into(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_joins_only_as_its_certificate_says() {
    let machine = one_node().await;
    for identity in [node("eu-2", "us"), node("eu-3", "eu"), PeerIdentity::Client { name: "eu-2".to_owned() }]
    {
        let refused = caller(&machine, identity).join(join("eu-2", "eu")).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    }
    assert_eq!(machine.members().current().nodes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_members_propose() {
    let machine = one_node().await;
    let change = Change::SetState { replica: ReplicaId(1), state: NodeState::Draining };
    let request =
        ProposeRequest { cluster_id: "dev".to_owned(), change: disk::encode(&change).unwrap().into() };
    let refused = caller(&machine, node("eu-2", "eu")).propose(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
}

#[tokio::test(start_paused = true)]
async fn raft_listens_to_no_impostor_or_foreign_cluster() {
    let machine = one_node().await;
    let vote = |cluster_id: &str, replica_id| RaftRequest {
        cluster_id: cluster_id.to_owned(),
        replica_id,
        payload: b"{}".as_slice().into(),
        to_replica_id: 1,
    };
    let mut impostor = caller(&machine, node("eu-2", "eu"));
    assert_eq!(impostor.vote(vote("dev", 1)).await.unwrap_err().code(), Code::PermissionDenied);
    assert_eq!(impostor.vote(vote("prod", 2)).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(impostor.vote(vote("dev", 0)).await.unwrap_err().code(), Code::InvalidArgument);
    // The right caller gets as far as its payload.
    let refused = impostor.vote(vote("dev", 2)).await.unwrap_err();
    assert!(refused.message().contains("missing field"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_node_answers_raft_for_no_other_replica() {
    let machine = one_node().await;
    let vote = |to_replica_id| RaftRequest {
        cluster_id: "dev".to_owned(),
        replica_id: 2,
        payload: b"{}".as_slice().into(),
        to_replica_id,
    };
    let mut peer = caller(&machine, node("eu-2", "eu"));
    for (replica_id, code) in [(1, Code::InvalidArgument), (2, Code::FailedPrecondition)] {
        let refused = [
            peer.vote(vote(replica_id)).await,
            peer.append_entries(vote(replica_id)).await,
            peer.install_snapshot(vote(replica_id)).await,
        ];
        let codes = refused.map(|answer| answer.unwrap_err().code());
        assert_eq!(codes, [code; 3], "asked for replica {replica_id}");
    }
}
