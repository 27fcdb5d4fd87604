//! Other replicas: confirmations, merged reads, forwarding.

use sojourn_proto::cluster::v1 as cluster;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::deadline::Deadline;
use super::handler::{Handler, Hop, Target};
use super::status::{Failure, Reason};
use crate::engine::Committed;
use crate::membership::Membership;
use crate::session::ReplicaId;

impl Handler {
    pub(super) async fn confirm(
        &self,
        _target: Target,
        _committed: &Committed,
        _level: pb::Consistency,
        _deadline: Deadline,
    ) -> Result<(), Failure> {
        Ok(())
    }
    pub(super) async fn gather(
        &self,
        _target: Target,
        _level: pb::Consistency,
        _deadline: Deadline,
    ) -> Result<(), Failure> {
        Ok(())
    }
    pub(super) async fn complete(&self, _target: Target, _deadline: Deadline) -> Result<(), Failure> {
        Ok(())
    }
    pub(super) async fn forward(
        &self,
        _call: Call,
        _replicas: Vec<ReplicaId>,
        _deadline: Deadline,
        _hop: Hop,
    ) -> Result<Reply, Failure> {
        Err(Failure::new(Reason::NoReplica, "no replica of the session could be reached"))
    }
    pub(super) fn peer_reports(&self, _membership: &Membership) -> Vec<cluster::PeerStatus> {
        Vec::new()
    }
    pub(super) fn wan_sent_bytes(&self) -> u64 {
        0
    }
}
