use std::sync::Arc;

use openraft::testing::{StoreBuilder, Suite};
use openraft::{CommittedLeaderId, EntryPayload, RaftLogReader};

use super::harness::environment;
use crate::membership::disk::{self, Disk};
use crate::membership::log_store::LogStore;
use crate::membership::raft_types::{Entry, LogId, StorageError, TypeConfig};
use crate::membership::state_machine::StateMachine;
use crate::store::keys::RaftKey;
use crate::store::{Batch, SimDisk};

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine> for Builder {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError> {
        let disk = Disk::new(Arc::new(SimDisk::new().open()), environment(1).spawn);
        let (machine, _) = StateMachine::open(disk.clone()).await.unwrap();
        Ok(((), LogStore::new(disk), machine))
    }
}

#[tokio::test]
async fn entries_behind_a_purge_are_not_sent_as_if_they_were_the_first() {
    let disk = Disk::new(Arc::new(SimDisk::new().open()), environment(1).spawn);
    let entry = |index| {
        let log_id = LogId::new(CommittedLeaderId::new(3, 1), index);
        Entry { log_id, payload: EntryPayload::Blank }
    };
    let mut batch = Batch::default();
    for index in 48..50 {
        disk::put(&mut batch, RaftKey::Log(index), &entry(index)).unwrap();
    }
    disk.write(batch).await.unwrap();
    let mut log = LogStore::new(disk);
    assert!(log.limited_get_log_entries(0, 50).await.unwrap().is_empty());
    assert_eq!(log.limited_get_log_entries(48, 50).await.unwrap().len(), 2);
}

#[test]
fn the_storage_keeps_rafts_contract() {
    Suite::test_all(Builder).unwrap();
}
