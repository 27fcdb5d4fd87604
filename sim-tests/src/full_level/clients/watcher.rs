//! Follows the change feed of a region, as an application does that keeps copies, and
//! takes it up from its cursor again and again.

use std::collections::{BTreeMap, BTreeSet};

use sojourn_client::{Changed, Client, Watch, WatchCursor, WatchEvent, WatchKind};

use super::super::content::NAMESPACE;
use super::{Clients, PAUSE};
use crate::plan::{BORN, SessionId, operation_of};
use crate::record::{FeedEvent, Happening};

/// After so many batches of events the feed is dropped and begun anew at its cursor.
const BATCHES_MAX: usize = 8;
/// How long the beginning may take before it is tried again.
const BEGIN_TIMEOUT_MS: u32 = 5_000;
/// Sets the random numbers of this client apart from others'.
const SEED: u64 = 0xfeed << 40;

/// Tells what the feed tells, until the end of the run.
pub(super) async fn follow(shared: Clients) {
    let client = shared.connect(0, SEED + shared.region as u64).await;
    let mut follower = Follower { shared, sessions: BTreeMap::new(), ended: BTreeSet::new() };
    let mut watch = begin(&client, WatchCursor::default()).await;
    follower.shared.board.state.lock().feeds_begun += 1;
    loop {
        for _ in 0..BATCHES_MAX {
            // After an error it is over, and begun anew below.
            let Some(Ok(events)) = watch.next().await else { break };
            events.iter().for_each(|event| follower.tell(event));
        }
        watch = begin(&client, watch.cursor()).await;
    }
}

async fn begin(client: &Client, cursor: WatchCursor) -> Watch {
    loop {
        let call = client.watch(NAMESPACE).include_values().from_cursor(cursor.clone());
        match call.timeout_ms(BEGIN_TIMEOUT_MS).await {
            Ok(watch) => return watch,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

struct Follower {
    shared: Clients,
    /// The sessions whose creation was told.
    sessions: BTreeMap<[u8; 16], SessionId>,
    /// Those whose end was told before, since writes of different nodes come in any order.
    ended: BTreeSet<[u8; 16]>,
}

impl Follower {
    fn tell(&mut self, event: &WatchEvent) {
        let events = match &event.kind {
            WatchKind::Created(changed) => {
                self.learn(event.key, changed);
                let ended = self.ended.take(&event.key).and_then(|key| self.end_of(key));
                written(event, changed).into_iter().chain(ended).collect()
            }
            WatchKind::Changed(changed) => written(event, changed),
            WatchKind::Revoked { .. } => self.end_of(event.key).into_iter().collect(),
            WatchKind::Missed { changes: true, .. } => vec![FeedEvent::Missed],
            _ => Vec::new(),
        };
        let (region, partition) = (self.shared.region, event.partition);
        for event in events {
            self.shared.tale.tell(Happening::Fed { region, partition, event });
        }
    }

    fn end_of(&mut self, key: [u8; 16]) -> Option<FeedEvent> {
        let session = self.sessions.get(&key);
        if session.is_none() {
            self.ended.insert(key);
        }
        session.map(|session| FeedEvent::Revoked { session: *session })
    }

    fn learn(&mut self, key: [u8; 16], changed: &Changed) {
        let born = changed.attributes.iter().find(|change| change.name == BORN);
        let number = born.and_then(|change| operation_of(change.value.as_ref()?.as_bytes()));
        if let Some(created) = number.and_then(|number| self.shared.plan.operations.get(number)) {
            self.sessions.insert(key, created.session);
        }
    }
}

fn written(event: &WatchEvent, changed: &Changed) -> Vec<FeedEvent> {
    let Some(at_ms) = event.at_ms else { return Vec::new() };
    let numbers =
        changed.attributes.iter().filter_map(|change| operation_of(change.value.as_ref()?.as_bytes()));
    numbers.map(|operation| FeedEvent::Wrote { operation, replica: event.replica_id, at_ms }).collect()
}
