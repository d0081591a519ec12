//! The newest descriptor of the cluster that this home has verified.

use cameo_common::descriptor_chain::{DescriptorChain, KnownDescriptor};
use cameo_common::ids::Hash;
use serde::{Deserialize, Serialize};

use crate::cluster_api::{ChainMemory, FollowError};
use crate::vault::{Record, Vault, VaultError};

/// See the module. A home without this record knows the first descriptor, by the cluster's id that
/// it has pinned. The number only rises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewestDescriptor {
    pub number: u64,
    pub hash: Hash,
}

impl Record for NewestDescriptor {
    const KIND: &'static str = "newest-descriptor";
    const VERSION: u16 = 1;
}

impl NewestDescriptor {
    /// The id of the only record of this kind.
    pub const ID: &'static str = "self";
}

impl From<KnownDescriptor> for NewestDescriptor {
    fn from(KnownDescriptor { number, hash }: KnownDescriptor) -> Self {
        Self { number, hash }
    }
}

impl From<NewestDescriptor> for KnownDescriptor {
    fn from(NewestDescriptor { number, hash }: NewestDescriptor) -> Self {
        Self { number, hash }
    }
}

impl From<VaultError> for FollowError {
    fn from(error: VaultError) -> Self {
        Self::Memory(error.to_string())
    }
}

impl ChainMemory for Vault {
    fn follow(&self, chain: &DescriptorChain) -> Result<(), FollowError> {
        let newest = NewestDescriptor::from(KnownDescriptor::of(chain.newest()));
        match self.get::<NewestDescriptor>(NewestDescriptor::ID)? {
            Some(known) if known == newest => return Ok(()),
            // A chain is verified from the pinned id on, so that its first is the known one.
            None if newest.number == 0 => return Ok(()),
            _ => {}
        }
        // Under the vault's lock, because another process may have gone further meanwhile.
        self.update(NewestDescriptor::ID, |known: Option<NewestDescriptor>| {
            if let Some(known) = known {
                chain.extends(&known.into())?;
            }
            Ok::<_, FollowError>(Some(newest))
        })?;
        Ok(())
    }
}
