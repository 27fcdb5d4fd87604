//! Who this disk belongs to.

use std::fmt::Write;

use super::disk::Disk;
use super::{Candidate, LocalNode, MembershipError};
use crate::env::{Rng, SharedRng};
use crate::session::ReplicaId;
use crate::store::keys::{ClusterId, MetaValue, NodeName, StoreId};
use crate::store::{Batch, StoreError};

/// Written before the node first speaks to anybody, so that asking twice is asking once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskIdentity {
    /// 16 random bytes, drawn once.
    store_id: [u8; 16],
    /// None until the cluster has allotted it.
    pub replica: Option<ReplicaId>,
}

impl DiskIdentity {
    /// Reads the disk's identity and checks that it is this node's, or draws one for an empty disk.
    ///
    /// # Errors
    /// The disk is of another node or cluster, or fails.
    pub async fn load(disk: &Disk, local: &LocalNode, rng: &SharedRng) -> Result<Self, MembershipError> {
        let read = disk.run(|store| {
            let owner = (ClusterId::get(store)?, NodeName::get(store)?);
            Ok((owner, StoreId::get(store)?, ReplicaId::get(store)?))
        });
        let ((cluster_id, name), store_id, replica) = read.await?;
        belongs("cluster", cluster_id.map(|id| id.0), &local.cluster_id)?;
        belongs("node", name.map(|name| name.0), &local.name)?;
        if let (Some(StoreId(store_id)), Some(_)) = (store_id, replica) {
            return Ok(Self { store_id, replica });
        }
        let store_id = store_id.unwrap_or_else(|| StoreId(rng.with(|rng| rng.random())));
        let mut batch = Batch::default();
        store_id.put(&mut batch);
        ClusterId(local.cluster_id.clone()).put(&mut batch);
        NodeName(local.name.clone()).put(&mut batch);
        disk.write(batch).await?;
        Ok(Self { store_id: store_id.0, replica })
    }

    /// Remembers the id that the cluster allotted.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn allot(&mut self, disk: &Disk, replica: ReplicaId) -> Result<(), StoreError> {
        self.replica = Some(replica);
        let mut batch = Batch::default();
        replica.put(&mut batch);
        disk.write(batch).await
    }

    /// Who asks to be let in.
    #[must_use]
    pub fn candidate(&self, local: &LocalNode) -> Candidate {
        Candidate {
            name: local.name.clone(),
            region: local.region.clone(),
            address: local.advertise.clone(),
            weight: local.weight,
            store_id: hexadecimal(&self.store_id),
        }
    }
}

fn belongs(what: &'static str, on_disk: Option<String>, configured: &str) -> Result<(), MembershipError> {
    let configured = configured.to_owned();
    match on_disk {
        Some(on_disk) if on_disk != configured => {
            Err(MembershipError::ForeignDisk { what, on_disk, configured })
        }
        _ => Ok(()),
    }
}

/// As lower-case hexadecimal.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of lower-case hexadecimal, or none if it is something else.
pub(super) fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let byte = |pair: &[u32]| u8::try_from(pair.first()? * 16 + pair.get(1)?).ok();
    digits.chunks(2).map(byte).collect()
}
