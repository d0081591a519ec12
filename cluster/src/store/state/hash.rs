//! Hash of the whole state, by which nodes compare their states.

use super::State;
use crate::consensus_types::aliases::position;
use crate::store::meta::Applied;

/// Law D3: nodes with equal `applied` have an equal `hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHash {
    /// `(term, index)` of the last applied entry.
    pub applied: Option<(u64, u64)>,
    /// Of all rows of the machine: `cameo_machine::LtHash`.
    pub hash: [u8; 32],
}

/// Most rows of the overlay that are hashed for one question. With more, the state is hashed as of
/// the last write to sled, up to a second ago.
const ROWS_A_QUESTION: usize = 32;

impl State {
    /// Hash of the newest state. Blocks, and hashes what is not in sled yet.
    pub fn hash(&self) -> StateHash {
        let generation = self.shared.generation();
        let (applied, digest) = generation.newest_digest();
        of(&applied, digest.hash())
    }

    /// Hash of the newest state, or of one shortly before. Costs the same however large the state
    /// is and however fast it changes.
    pub fn recent_hash(&self) -> StateHash {
        let generation = self.shared.generation();
        let newest = generation.cheap_digest(ROWS_A_QUESTION);
        let (applied, digest) = newest.unwrap_or_else(|| generation.written_digest());
        of(&applied, digest.hash())
    }
}

fn of(applied: &Applied, hash: [u8; 32]) -> StateHash {
    StateHash {
        applied: applied.log_id.as_ref().map(position),
        hash,
    }
}
