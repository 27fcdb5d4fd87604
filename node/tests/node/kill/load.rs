//! Synced writes, and what must be found of them later.

use std::collections::BTreeMap;

use sojourn_proto::session::v1 as pb;
use sojourn_proto::session::v1::session_service_client::SessionServiceClient;
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::support::nodes::{PATIENCE, set, text};

/// Writes of one session before the next one is made.
const SESSION_WRITES: u64 = 12;

/// What is known of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Sent; nobody can tell.
    Unknown,
    /// Acknowledged as synced, or found after a start.
    Kept,
}

/// A session that a writer made, and what must be found of it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    id: String,
    writes: u64,
    /// By name; every name is written once, with a text that follows from it.
    attributes: BTreeMap<String, Fate>,
    /// Additions of 1 to counter `n`: those that are kept, and all that were sent.
    counter: (i64, i64),
    revocation: Option<Fate>,
}

/// Writes until the node is gone; `written` counts what it acknowledged.
pub(crate) async fn write_until_it_dies(
    mut client: SessionServiceClient<Channel>,
    mut sessions: Vec<Session>,
    written: watch::Sender<u64>,
) -> Vec<Session> {
    loop {
        let wants_new =
            sessions.last().is_none_or(|last| last.revocation.is_some() || last.writes >= SESSION_WRITES);
        let next = async {
            match sessions.last_mut() {
                Some(last) if !wants_new => last.write(&mut client).await.map(|()| None),
                _ => Session::create(&mut client).await.map(Some),
            }
        };
        let done = tokio::time::timeout(PATIENCE, next).await.expect("a call without an end");
        match done {
            Ok(created) => sessions.extend(created),
            Err(_) => return sessions,
        }
        written.send_modify(|written| *written += 1);
    }
}

impl Session {
    async fn create(client: &mut SessionServiceClient<Channel>) -> Result<Self, Status> {
        let request = pb::CreateRequest { namespace: "shop".into(), options: synced(), ..Default::default() };
        let id = client.create(request).await?.into_inner().session_id;
        Ok(Self { id, writes: 0, attributes: BTreeMap::new(), counter: (0, 0), revocation: None })
    }

    async fn write(&mut self, client: &mut SessionServiceClient<Channel>) -> Result<(), Status> {
        self.writes += 1;
        // Every other session ends with a log out.
        if self.writes == SESSION_WRITES && self.id.as_bytes()[0].is_multiple_of(2) {
            self.revocation = Some(Fate::Unknown);
            let (namespace, session_id) = ("shop".into(), self.id.clone());
            let reason = "logout".into();
            client
                .revoke(pb::RevokeRequest { namespace, session_id, reason, options: synced(), wait: None })
                .await?;
            self.revocation = Some(Fate::Kept);
            return Ok(());
        }
        let name = format!("w{}", self.writes);
        let mut update = set(&self.id, &name, text(&expected(&name)));
        update.options = synced();
        update.changes.get_or_insert_default().add_counters.insert("n".into(), 1);
        self.attributes.insert(name.clone(), Fate::Unknown);
        self.counter.1 += 1;
        client.update(update).await?;
        self.attributes.insert(name, Fate::Kept);
        self.counter.0 += 1;
        Ok(())
    }

    /// Looks at what a node says; what is there by luck must stay from now on. Says what is wrong.
    pub(crate) fn check(&mut self, found: &Result<pb::Session, Status>) -> Result<(), String> {
        let found = match found {
            Ok(found) => found,
            Err(status) if is_revoked(status) => {
                let was_sent = self.revocation.replace(Fate::Kept).is_some();
                return if was_sent { Ok(()) } else { Err("nobody revoked it".into()) };
            }
            Err(status) => return Err(format!("{}: {}", status.code(), status.message())),
        };
        if self.revocation == Some(Fate::Kept) {
            return Err("its revocation is lost".into());
        }
        for (name, fate) in &mut self.attributes {
            match found.attributes.get(name) {
                Some(value) if *value == text(&expected(name)) => *fate = Fate::Kept,
                Some(_) => return Err(format!("attribute {name} is not what was written")),
                None if *fate == Fate::Kept => return Err(format!("attribute {name} is lost")),
                None => {}
            }
        }
        let counter = found.counters.get("n").copied().unwrap_or(0);
        let (kept, sent) = self.counter;
        // An attribute and an addition of the same write come together.
        if counter != i64::try_from(found.attributes.len()).unwrap() || !(kept..=sent).contains(&counter) {
            return Err(format!("counter is {counter}; {kept} are kept of {sent} sent"));
        }
        self.counter.0 = counter;
        Ok(())
    }

    /// How many of its writes are kept, its making included.
    pub(crate) fn kept(&self) -> u64 {
        let of_attributes = self.attributes.values().filter(|fate| **fate == Fate::Kept).count() as u64;
        1 + of_attributes + u64::from(self.revocation == Some(Fate::Kept))
    }

    /// How to ask for it.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }
}

fn synced() -> Option<pb::WriteOptions> {
    Some(pb::WriteOptions { durability: pb::Durability::Synced.into(), ..Default::default() })
}

/// Short and long ones, so that some records span pieces on the disk.
fn expected(name: &str) -> String {
    let times = if name.ends_with('3') { 600 } else { 8 };
    format!("{name}:").repeat(times)
}

fn is_revoked(status: &Status) -> bool {
    status.code() == Code::FailedPrecondition
}
