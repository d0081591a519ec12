//! Hash of the whole state, by which nodes compare their states.

use super::State;

/// Law D3: nodes with equal `applied` have an equal `hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateHash {
    /// `(term, index)` of the last applied entry.
    pub applied: Option<(u64, u64)>,
    /// BLAKE3 over all rows of the machine in key order.
    pub hash: [u8; 32],
}

/// Reading the whole state would have paused the write-behind for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state changes too fast to read all of it at once: try again later")]
pub struct HashAborted;

impl State {
    /// Hash of the whole state. Blocks and reads every row.
    pub fn hash(&self) -> Result<StateHash, HashAborted> {
        let view = self.view();
        let mut hasher = blake3::Hasher::new();
        view.walk(|rows| {
            for (key, value) in rows {
                hasher.update(&(key.len() as u64).to_le_bytes());
                hasher.update(key);
                hasher.update(&(value.len() as u64).to_le_bytes());
                hasher.update(value);
            }
            match view.generation.overlay_bytes() > self.shared.options.walk_overlay_bytes {
                true => Err(HashAborted),
                false => Ok(()),
            }
        })?;
        Ok(StateHash {
            applied: view.applied(),
            hash: *hasher.finalize().as_bytes(),
        })
    }
}
