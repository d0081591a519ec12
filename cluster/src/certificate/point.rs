//! The state at one index, as it is signed.

use cameo_common::ids::{ClusterId, Hash};
use cameo_common::keys::SigningKey;
use cameo_common::signed::Signed;
use cameo_common::statements::Checkpoint;

/// The state after the entry of this term and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatePoint {
    pub term: u64,
    pub index: u64,
    /// Of rows, last applied entry and membership.
    pub state: Hash,
}

impl StatePoint {
    /// `header` is what a snapshot has beside its rows: last applied entry and membership. `rows`
    /// is the digest of the rows.
    #[must_use]
    pub fn new(term: u64, index: u64, header: &[u8], rows: &[u8; 32]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("cameo checkpoint state v1");
        // The digest has one length, so that no two pairs are the same bytes.
        hasher.update(rows).update(header);
        Self {
            term,
            index,
            state: Hash(*hasher.finalize().as_bytes()),
        }
    }

    /// The node's statement that it has this state.
    #[must_use]
    pub fn signed(&self, key: &SigningKey, cluster: ClusterId) -> Signed<Checkpoint> {
        let checkpoint = Checkpoint {
            node: key.public(),
            cluster,
            term: self.term,
            index: self.index,
            state: self.state,
        };
        Signed::new(key, checkpoint)
    }

    /// The state that a checkpoint names.
    #[must_use]
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self {
            term: checkpoint.term,
            index: checkpoint.index,
            state: checkpoint.state,
        }
    }
}
