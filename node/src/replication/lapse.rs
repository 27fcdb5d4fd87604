//! Sessions that lay idle: all their replicas are asked before they lapse.

use std::future::Future;
use std::time::Duration;

use sojourn_proto::session::v1::Consistency;

use super::fetch::{Fetched, KEYS_MAX, by_partition, gather};
use super::seam::Replica;
use crate::membership::{Membership, MembershipWatch};
use crate::session::{Key, Partition, ReplicaId};

/// Whether this node is the one that asks: the first of the replicas, so that not all do. As
/// each must answer, nothing is gained by another one while the first is away.
fn asks(membership: &Membership, me: ReplicaId, partition: Partition) -> bool {
    let replicas = membership.layout.write_replicas(partition);
    replicas.and_then(|replicas| replicas.values().flatten().min()) == Some(&me)
}

/// Ends those of the sessions that lay idle by what every replica holds of them, where this
/// node is the one that asks; none of a partition if one of its replicas does not answer
/// within `timeout`. `fetch_heads` gives what a replica holds of the keys and the newest
/// layout that it knows. Says how many have ended.
pub async fn lapse_idle<Answer: Future<Output = Option<(u64, Vec<Fetched>)>>>(
    engine: &dyn Replica,
    membership: &MembershipWatch,
    me: ReplicaId,
    keys: Vec<Key>,
    timeout: Duration,
    fetch_heads: impl Fn(ReplicaId, Vec<Key>) -> Answer,
) -> usize {
    let mut ended = 0;
    let by_partition = by_partition(membership, keys);
    for (partition, keys) in &by_partition {
        for keys in keys.chunks(KEYS_MAX) {
            if !asks(&membership.borrow(), me, *partition) {
                break;
            }
            let fetch_heads = |replica| fetch_heads(replica, keys.to_vec());
            let heads = if planted!(IdleIsEndedUnasked) {
                Ok(Vec::new())
            } else {
                gather(membership.clone(), me, *partition, Consistency::All, timeout, fetch_heads).await
            };
            match heads {
                Ok(heads) => ended += lapse_by(engine, *partition, keys, &heads).await,
                Err(shortfall) => {
                    tracing::debug!(partition = partition.0, missing = ?shortfall.missing, "idle sessions stay");
                }
            }
        }
    }
    ended
}

/// Each replica has answered for all keys in order.
async fn lapse_by(engine: &dyn Replica, partition: Partition, keys: &[Key], heads: &[Fetched]) -> usize {
    let mut ended = 0;
    for (index, key) in keys.iter().enumerate() {
        let of_key = heads.iter().skip(index).step_by(keys.len()).filter_map(|it| it.state.clone());
        match engine.lapse(*key, of_key.collect()).await {
            Ok(has_ended) => ended += usize::from(has_ended),
            Err(error) => tracing::debug!(partition = partition.0, %error, "an idle session stays"),
        }
    }
    ended
}
