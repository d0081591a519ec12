//! The checkpoints that certify one state, and their bytes.

use cameo_common::cluster_descriptor::MAX_NODES;
use cameo_common::signed::Signed;
use cameo_common::statements::Checkpoint;
use cameo_common::wire::{self, VersionError, WireError};

const VERSION: u8 = 1;

/// Checkpoints of different voters over one state. Says nothing before
/// [`Voters::check`](super::Voters::check).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate(pub Vec<Signed<Checkpoint>>);

impl Certificate {
    /// Its bytes in a snapshot: a version, then the checkpoints.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode_versioned(VERSION, &self.0)
    }

    /// Reads its bytes; nothing is verified.
    ///
    /// # Errors
    /// When the version is unknown, the bytes are not canonical, or there are more checkpoints than
    /// a cluster has voters.
    pub fn decode(bytes: &[u8]) -> Result<Self, VersionError> {
        let checkpoints: Vec<Signed<Checkpoint>> = wire::decode_versioned(VERSION, bytes)?;
        match checkpoints.len() <= MAX_NODES {
            true => Ok(Self(checkpoints)),
            false => Err(WireError::Malformed.into()),
        }
    }
}
