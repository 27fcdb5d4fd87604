use std::sync::Arc;

use openraft::testing::{StoreBuilder, Suite};

use super::harness::environment;
use crate::membership::disk::Disk;
use crate::membership::log_store::LogStore;
use crate::membership::raft_types::{StorageError, TypeConfig};
use crate::membership::state_machine::StateMachine;
use crate::store::SimDisk;

struct Builder;

impl StoreBuilder<TypeConfig, LogStore, StateMachine> for Builder {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError> {
        let disk = Disk::new(Arc::new(SimDisk::new().open()), environment(1).spawn);
        let (machine, _) = StateMachine::open(disk.clone()).await.unwrap();
        Ok(((), LogStore::new(disk), machine))
    }
}

#[test]
fn the_storage_keeps_rafts_contract() {
    Suite::test_all(Builder).unwrap();
}
