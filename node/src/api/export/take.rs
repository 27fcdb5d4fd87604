//! Takes records in: each one is a write like any other.

use sojourn_proto::export::v1 as pb;

use super::super::deadline::Deadline;
use super::super::handler::{Handler, Target};
use super::super::ids::check_namespace;
use super::super::status::{Failure, Reason};
use super::super::writes::Terms;
use super::tag::Tagger;
use crate::engine::Command;
use crate::session::{Key, SecretHash, Session};

/// Most records of one call.
const RECORDS_MAX: usize = 1_024;

/// Where the records come from, and where they come to.
struct Way {
    from: [u8; 16],
    to: [u8; 16],
}

impl Handler {
    pub(super) async fn take(
        &self,
        tagger: &Tagger,
        own_lineage: [u8; 16],
        request: pb::ImportRequest,
        deadline: Deadline,
    ) -> Result<pb::ImportResponse, Failure> {
        check_namespace(&request.namespace)?;
        let (actual, limit) = (request.records.len(), RECORDS_MAX);
        if actual > limit {
            let message = format!("records has {actual} records; at most {limit} are allowed");
            let failure = Failure::new(Reason::LimitExceeded, message).with("field", "records");
            return Err(failure.with("limit", limit).with("actual", actual));
        }
        if request.fingerprint[..] != tagger.fingerprint {
            let message = "the records were exported by a cluster with another cluster key: \
                           no session could be found by its id here";
            return Err(Failure::new(Reason::ForeignClusterKey, message));
        }
        let lineage = <[u8; 16]>::try_from(&request.lineage[..]);
        let from = lineage.map_err(|_| Failure::field("lineage", "16 bytes, as exported"))?;
        let way = Way { from, to: own_lineage };
        let mut taken = pb::ImportResponse { replica_id: self.replica_id(), ..Default::default() };
        for record in &request.records {
            self.take_one(tagger, &way, &request.namespace, record, deadline, &mut taken).await?;
        }
        // So that a caller may forget them.
        self.engine.synced().await?;
        self.counters.add_imported(taken.merged);
        Ok(taken)
    }

    async fn take_one(
        &self,
        tagger: &Tagger,
        way: &Way,
        namespace: &str,
        record: &pb::ExportedRecord,
        deadline: Deadline,
        taken: &mut pb::ImportResponse,
    ) -> Result<(), Failure> {
        let Some((key, session)) = self.sound(tagger, way, namespace, record) else {
            taken.refused += 1;
            return Ok(());
        };
        let target = Target { key, partition: self.engine.partition(&key), shown: SecretHash::FIRST };
        self.holds(target.partition)?;
        let command = Command::Merge(Box::new(session));
        match self.write(target, command, Terms::default(), deadline).await {
            Ok(committed) if committed.dot.is_some() => taken.merged += 1,
            Ok(_) => taken.unchanged += 1,
            Err(failure) => match failure.reason() {
                Reason::SessionRevoked => taken.ended += 1,
                Reason::SessionNotFound => taken.expired += 1,
                Reason::SessionExists => taken.conflicting += 1,
                Reason::InvalidField | Reason::LimitExceeded => taken.refused += 1,
                // Nothing is the matter with the record: the caller tries all of it again.
                _ => return Err(failure),
            },
        }
        Ok(())
    }

    /// A record that a node has handed out, under the names that its writers have here.
    fn sound(
        &self,
        tagger: &Tagger,
        way: &Way,
        namespace: &str,
        record: &pb::ExportedRecord,
    ) -> Option<(Key, Session)> {
        let key = Key(<[u8; 16]>::try_from(&record.key[..]).ok()?);
        let tag = <[u8; 32]>::try_from(&record.tag[..]).ok()?;
        // A comparison of hashes takes the same time for all of them.
        if tagger.tag(&way.from, &key, &record.state) != tag {
            return None;
        }
        let session = Session::decode(&record.state, &self.decode_limits).ok()?;
        if *session.birth.namespace != *namespace {
            return None;
        }
        if way.from == way.to {
            Some((key, session))
        } else {
            Some((key, session.renamed(&|it| it.of_cluster(&way.from))?))
        }
    }
}
