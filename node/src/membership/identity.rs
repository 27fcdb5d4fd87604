//! Who this disk belongs to.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, IDENTITY};
use super::{Candidate, LocalNode, MembershipError};
use crate::env::{Rng, SharedRng};
use crate::session::ReplicaId;
use crate::store::{StoreError, Tree};

/// Written before the node first speaks to anybody, so that asking twice is asking once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DiskIdentity {
    pub(super) cluster_id: String,
    pub(super) name: String,
    /// 16 random bytes as hexadecimal.
    pub(super) store_id: String,
    /// None until the cluster has allotted it.
    pub(super) replica: Option<ReplicaId>,
}

impl DiskIdentity {
    /// Reads the disk's identity and checks that it is this node's, or draws one for an empty disk.
    pub(super) async fn load(
        disk: &Disk,
        local: &LocalNode,
        rng: &SharedRng,
    ) -> Result<Self, MembershipError> {
        if let Some(identity) = disk.read::<Self>(Tree::Meta, IDENTITY).await? {
            belongs("cluster", &identity.cluster_id, &local.cluster_id)?;
            belongs("node", &identity.name, &local.name)?;
            return Ok(identity);
        }
        let identity = Self {
            cluster_id: local.cluster_id.clone(),
            name: local.name.clone(),
            store_id: hexadecimal(&rng.with(|rng| rng.random::<[u8; 16]>())),
            replica: None,
        };
        disk.write(Tree::Meta, IDENTITY, &identity).await?;
        Ok(identity)
    }

    /// Remembers the id that the cluster allotted.
    pub(super) async fn allot(&mut self, disk: &Disk, replica: ReplicaId) -> Result<(), StoreError> {
        self.replica = Some(replica);
        disk.write(Tree::Meta, IDENTITY, self).await
    }

    pub(super) fn candidate(&self, local: &LocalNode) -> Candidate {
        Candidate {
            name: local.name.clone(),
            region: local.region.clone(),
            address: local.advertise.clone(),
            weight: local.weight,
            store_id: self.store_id.clone(),
        }
    }
}

fn belongs(what: &'static str, on_disk: &str, configured: &str) -> Result<(), MembershipError> {
    if on_disk == configured {
        return Ok(());
    }
    let (on_disk, configured) = (on_disk.to_owned(), configured.to_owned());
    Err(MembershipError::ForeignDisk { what, on_disk, configured })
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
