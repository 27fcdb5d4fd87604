//! Receipts of revocations: which regions have applied one, and waiting for them.

use std::collections::BTreeSet;

use sojourn_proto::session::v1 as pb;

use super::causal::CausalToken;
use super::deadline::Deadline;
use super::handler::{Handler, Target};
use super::status::Failure;
use crate::engine::Committed;
use crate::replication::{RegionSpread, Spread};
use crate::session::epoch::covers;
use crate::session::{Liveness, Partition, SessionView, VersionVector};

/// The regions that an answer waits for.
pub(super) struct Awaited(BTreeSet<String>);

impl Awaited {
    fn is_reached(&self, spread: &Spread) -> bool {
        let is_complete = |region: &String| spread.get(region).is_none_or(|region| region.complete);
        self.0.iter().all(is_complete)
    }
}

impl Handler {
    /// What a call waits for; to be asked before anything is written.
    ///
    /// # Errors
    /// A region that is named does not hold the partition.
    pub(super) fn awaited(
        &self,
        wait: Option<pb::ReceiptWait>,
        partition: Partition,
    ) -> Result<Awaited, Failure> {
        let pb::ReceiptWait { all, regions } = wait.unwrap_or_default();
        let known: BTreeSet<String> =
            self.replication.spread(partition, &VersionVector::new()).into_keys().collect();
        if all && !regions.is_empty() {
            return Err(Failure::field("wait.regions", "empty if wait.all is set"));
        }
        let named: BTreeSet<String> = regions.into_iter().collect();
        if !named.is_subset(&known) {
            let names = known.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::field("wait.regions", &format!("some of {names}")));
        }
        Ok(Awaited(if all { known } else { named }))
    }

    /// The receipt of a revocation that was just made, or was found made.
    pub(super) async fn receipt_of(
        &self,
        partition: Partition,
        committed: &Committed,
        awaited: &Awaited,
        deadline: Deadline,
    ) -> pb::Receipt {
        self.receipt_by(partition, &committed.applied(), awaited, deadline).await
    }

    /// Answers for a session whose replica this node is.
    pub(super) async fn receipt(
        &self,
        request: pb::ReceiptRequest,
        target: Target,
        deadline: Deadline,
    ) -> Result<pb::ReceiptResponse, Failure> {
        let vector = revocation(&request.token, target.partition)?;
        let awaited = self.awaited(request.wait, target.partition)?;
        let mut receipt = self.receipt_by(target.partition, &vector, &awaited, deadline).await;
        if self.is_lost(target, &vector).await? {
            for region in &mut receipt.regions {
                (region.applied, region.replicas_applied) = (false, 0);
            }
        }
        Ok(pb::ReceiptResponse { receipt: Some(receipt) })
    }

    /// The receipt of what `vector` names.
    pub(super) async fn receipt_by(
        &self,
        partition: Partition,
        vector: &VersionVector,
        awaited: &Awaited,
        deadline: Deadline,
    ) -> pb::Receipt {
        let wait = deadline.left_to_wait(&*self.env.clock);
        let is_reached = |spread: &Spread| awaited.is_reached(spread);
        let spread = self.replication.wait_spread(partition, vector, is_reached, wait).await;
        let regions = spread.into_iter().map(region).collect();
        pb::Receipt { regions, token: CausalToken::encode(partition, vector) }
    }

    /// This replica has passed over the entry, because no node held it any more.
    async fn is_lost(&self, target: Target, vector: &VersionVector) -> Result<bool, Failure> {
        if !covers(&self.engine.vector(target.partition), vector) {
            return Ok(false);
        }
        let Some(record) = self.engine.read(target.key).await? else { return Ok(false) };
        let view = SessionView::open(&record.state, &self.decode_limits)?;
        Ok(view.liveness(self.engine.trusted_wall_ms()?) == Liveness::Live)
    }
}

/// What a token names, if it is about this partition.
pub(super) fn revocation(token: &[u8], partition: Partition) -> Result<VersionVector, Failure> {
    let of_another = || Failure::field("token", "the token of a revocation's answer");
    let token = CausalToken::decode(token).map_err(|failure| failure.with("field", "token"))?;
    if token.partition == partition && !token.vector.dots.is_empty() {
        Ok(token.vector)
    } else {
        Err(of_another())
    }
}

fn region((region, spread): (String, RegionSpread)) -> pb::RegionReceipt {
    let count = |replicas: usize| u32::try_from(replicas).unwrap_or(u32::MAX);
    pb::RegionReceipt {
        region,
        applied: spread.complete,
        replicas_applied: count(spread.holding),
        replicas: count(spread.replicas),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::Reason;
    use crate::session::{Origin, ReplicaId};

    fn token(partition: u16, seq: u64) -> Vec<u8> {
        let origin = Origin { replica: ReplicaId(1), incarnation: 1 };
        let vector = crdts::Dot::new(origin, seq).into();
        CausalToken::encode(Partition(partition), &vector).to_vec()
    }

    #[test]
    fn a_token_must_be_of_the_session() {
        assert_eq!(revocation(&token(3, 9), Partition(3)).unwrap().dots.len(), 1);
        assert_eq!(revocation(&token(3, 9), Partition(4)).unwrap_err().reason(), Reason::InvalidField);
        let empty = CausalToken::encode(Partition(3), &VersionVector::new());
        assert_eq!(revocation(&empty, Partition(3)).unwrap_err().reason(), Reason::InvalidField);
        let damaged = revocation(b"no", Partition(3)).unwrap_err().into_error();
        assert_eq!(
            (damaged.reason.as_str(), damaged.metadata["field"].as_str()),
            ("MALFORMED_TOKEN", "token")
        );
    }

    #[test]
    fn a_region_is_reached_when_all_its_replicas_are() {
        let spread = |complete| RegionSpread { holding: 2, replicas: 3, complete };
        let regions = Spread::from([("eu".to_owned(), spread(true)), ("us".to_owned(), spread(false))]);
        let awaits = |names: &[&str]| Awaited(names.iter().map(|name| (*name).to_owned()).collect());
        assert!(awaits(&["eu"]).is_reached(&regions) && awaits(&[]).is_reached(&regions));
        assert!(!awaits(&["eu", "us"]).is_reached(&regions));
        let pending = region(("us".into(), spread(false)));
        assert_eq!((pending.applied, pending.replicas_applied, pending.replicas), (false, 2, 3));
    }
}
