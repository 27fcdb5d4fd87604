//! Other replicas: confirmations of writes, merged reads, and passing calls on.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::pipeline_call::Call;
use sojourn_proto::session::v1::pipeline_reply::Reply;

use super::causal::CausalToken;
use super::deadline::Deadline;
use super::handler::{Handler, Hop, Target};
use super::status::{Failure, Reason};
use crate::engine::Committed;
use crate::replication::{Fetched, ReadShortfall};
use crate::session::ReplicaId;

/// Replicas by region.
type Counts = BTreeMap<String, usize>;

/// Pause between looks at other replicas for a write that this call did not make.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Handler {
    /// Waits until as many replicas have a write as its level asks for.
    pub(super) async fn confirm(
        &self,
        target: Target,
        committed: &Committed,
        level: pb::Consistency,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let wait = deadline.left_to_wait(&*self.env.clock);
        let Some(dot) = committed.dot else {
            return self.confirm_state(target, committed, level, wait).await;
        };
        let outcome = self.replication.wait_acks(target.partition, dot, level, wait).await;
        outcome.map_err(|short| self.partial(target, committed, level, &short.reached, &short.missing))
    }

    /// The call changed nothing, because an earlier one did: looks for what that one left.
    async fn confirm_state(
        &self,
        target: Target,
        committed: &Committed,
        level: pb::Consistency,
        wait: Duration,
    ) -> Result<(), Failure> {
        let all_equal =
            |held: &[Fetched]| held.iter().all(|held| held.state.as_ref() == Some(&committed.state));
        let (mut reached, mut missing) = (BTreeMap::new(), BTreeMap::new());
        let look = async {
            loop {
                match self.replication.fetch(target.key, level, wait).await {
                    Ok(held) if all_equal(&held) => return,
                    Ok(held) => (reached, missing) = self.count_equal(&held, &committed.state),
                    Err(short) => (reached, missing) = (short.reached, short.missing),
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        };
        let in_time = tokio::time::timeout(wait, look).await;
        in_time.map_err(|_| self.partial(target, committed, level, &reached, &missing))
    }

    /// How many of the replicas that answered have the same state, and how many have not.
    fn count_equal(&self, held: &[Fetched], state: &Bytes) -> (Counts, Counts) {
        let membership = self.router.membership();
        let (mut equal, mut other) = (Counts::new(), Counts::new());
        equal.insert(self.router.region().to_owned(), 1);
        for held in held {
            let Some(node) = membership.nodes.get(&held.replica) else { continue };
            let counts = if held.state.as_ref() == Some(state) { &mut equal } else { &mut other };
            *counts.entry(node.region.clone()).or_default() += 1;
        }
        (equal, other)
    }

    /// The write is made, but fewer have it than its level asks for.
    fn partial(
        &self,
        target: Target,
        committed: &Committed,
        level: pb::Consistency,
        reached: &Counts,
        missing: &Counts,
    ) -> Failure {
        let token = CausalToken::encode(target.partition, &committed.vector);
        let own = (level == pb::Consistency::LocalQuorum).then(|| self.router.region());
        unconfirmed(reached, missing, own)
            .with("replica_id", self.replica_id())
            .with("causal_token", URL_SAFE_NO_PAD.encode(token))
    }

    /// Merges into this replica what as many others hold as the level asks for.
    pub(super) async fn gather(
        &self,
        target: Target,
        level: pb::Consistency,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let wait = deadline.left_to_wait(&*self.env.clock);
        let fetched = self.replication.fetch(target.key, level, wait).await;
        let fetched = fetched.map_err(|short| unanswered(&short))?;
        if planted!(QuorumReadIsNotMerged) {
            return Ok(());
        }
        self.take_over(target, fetched).await
    }

    /// Fetches the full state of a record of which this replica has only a part.
    pub(super) async fn complete(&self, target: Target, deadline: Deadline) -> Result<(), Failure> {
        let wait = deadline.left_to_wait(&*self.env.clock) / 2;
        for level in [pb::Consistency::LocalQuorum, pb::Consistency::EachQuorum] {
            // Too few answers are no failure here: the record stays incomplete, and that is told.
            let fetched = self.replication.fetch(target.key, level, wait).await.unwrap_or_default();
            let found = fetched.iter().any(|answer| answer.state.is_some());
            self.take_over(target, fetched).await?;
            if found {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take_over(&self, target: Target, fetched: Vec<Fetched>) -> Result<(), Failure> {
        for (state, covered) in fetched.into_iter().filter_map(Fetched::into_state) {
            self.engine.merge_states(target.partition, vec![(target.key, state)], covered).await?;
        }
        Ok(())
    }

    /// Passes a call on to the first of these replicas that can be reached.
    pub(super) async fn forward(
        &self,
        call: Call,
        replicas: Vec<ReplicaId>,
        deadline: Deadline,
        hop: Hop,
    ) -> Result<Reply, Failure> {
        if hop == Hop::Forwarded {
            let message =
                "the call was passed on by a node with another layout; the layouts are about to agree";
            return Err(Failure::new(Reason::NoReplica, message));
        }
        let mut refused = None;
        for replica in replicas {
            let wait = deadline.left_to_wait(&*self.env.clock);
            match self.replication.forward(replica, call.clone(), wait).await {
                // It knows another layout than this node, and has done nothing.
                Ok(Reply::Error(error)) if error.reason == Reason::NoReplica.as_str() => {
                    refused = Some(Reply::Error(error));
                }
                Ok(reply) => return Ok(reply),
                Err(error) if error.is_unsent() || !is_write(&call) => {
                    tracing::debug!(%replica, %error, "could not pass a call on");
                }
                Err(error) => {
                    let message = format!("{error}; the write may have been applied");
                    return Err(Failure::new(Reason::TimedOut, message));
                }
            }
        }
        let unreached = || Failure::new(Reason::NoReplica, "no replica of the session could be reached");
        refused.ok_or_else(unreached)
    }
}

fn is_write(call: &Call) -> bool {
    !matches!(call, Call::Get(_) | Call::BatchGet(_) | Call::Receipt(_))
}

/// Says in which regions as many confirmed as the level asks for; `own` is the only region
/// that it asks, if it asks only one.
fn unconfirmed(reached: &Counts, missing: &Counts, own: Option<&str>) -> Failure {
    let is_asked = |region: &&String| own.is_none_or(|own| own == region.as_str());
    let has_enough = |region: &&String| !missing.contains_key(*region) && reached[*region] > 0;
    let applied: Vec<&str> = reached.keys().filter(is_asked).filter(has_enough).map(String::as_str).collect();
    let pending: Vec<&str> = missing.keys().map(String::as_str).collect();
    let applied_in =
        if applied.is_empty() { "at this replica".into() } else { format!("in {}", applied.join(", ")) };
    let message = format!(
        "applied {applied_in}; pending in {}: the write stays and spreads, but too few replicas confirmed it in time",
        pending.join(", ")
    );
    Failure::new(Reason::ConsistencyNotReached, message)
        .with("applied", true)
        .with("applied_regions", applied.join(","))
        .with("pending_regions", pending.join(","))
        .with("reached", by_region(reached))
        .with("missing", by_region(missing))
}

fn unanswered(short: &ReadShortfall) -> Failure {
    let message = "too few replicas answered in time";
    let failure = Failure::new(Reason::ReadConsistencyNotReached, message);
    failure.with("reached", by_region(&short.reached)).with("missing", by_region(&short.missing))
}

/// For example `eu=2,us=0`.
fn by_region(counts: &BTreeMap<String, usize>) -> String {
    let pairs: Vec<String> = counts.iter().map(|(region, count)| format!("{region}={count}")).collect();
    pairs.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortfall_names_the_regions_and_that_the_write_is_applied() {
        let counts = |counts: &[(&str, usize)]| counts.iter().map(|(name, n)| ((*name).into(), *n)).collect();
        let (reached, missing) = (counts(&[("eu", 2), ("us", 0)]), counts(&[("us", 2)]));
        let error = unconfirmed(&reached, &missing, None).into_error();
        assert_eq!(error.reason, "CONSISTENCY_NOT_REACHED");
        let facts = ["applied", "reached", "missing"].map(|fact| error.metadata[fact].as_str());
        assert_eq!(facts, ["true", "eu=2,us=0", "us=2"]);
        let regions = ["applied_regions", "pending_regions"].map(|fact| error.metadata[fact].as_str());
        assert_eq!(regions, ["eu", "us"]);
        assert!(error.message.starts_with("applied in eu; pending in us"), "{}", error.message);
        let own =
            unconfirmed(&counts(&[("eu", 1), ("us", 3)]), &counts(&[("eu", 1)]), Some("eu")).into_error();
        assert!(own.message.starts_with("applied at this replica; pending in eu"), "{}", own.message);
        assert_eq!(own.metadata["applied_regions"], "");
    }
}
