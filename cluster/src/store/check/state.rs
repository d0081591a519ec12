//! The state: every row of sled, against the digest that was written with them.

use std::path::Path;

use super::super::state::database::GenerationError;
use super::super::state::generation::Generation;
use crate::consensus_types::aliases::position;

/// An intact state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFound {
    /// `(term, index)` of the last applied entry.
    pub applied: Option<(u64, u64)>,
    /// Hash of all rows, as `GET /v1/state-hash` has it at that entry.
    pub hash: [u8; 32],
}

/// Why a start would not use the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateProblem {
    /// It cannot be read, or its rows differ from their digest.
    Damaged(String),
    /// Its rows are intact, and it is rebuilt all the same.
    NotUsed { found: StateFound, why: String },
}

/// The live state.
#[derive(Debug)]
pub struct StateCheck {
    /// Name of its directory; None where there is no live state.
    pub name: Option<String>,
    /// None where there is no live state.
    pub found: Option<Result<StateFound, StateProblem>>,
}

pub(super) fn describe(
    path: Option<&Path>,
    found: Option<Result<Generation, GenerationError>>,
    rejected: Option<String>,
) -> StateCheck {
    let name = path.and_then(Path::file_name);
    StateCheck {
        name: name.map(|name| name.to_string_lossy().into_owned()),
        found: found.map(|found| match (found, rejected) {
            (Err(error), _) => Err(StateProblem::Damaged(error.to_string())),
            (Ok(generation), None) => Ok(of(&generation)),
            (Ok(generation), Some(why)) => Err(StateProblem::NotUsed {
                found: of(&generation),
                why,
            }),
        }),
    }
}

fn of(generation: &Generation) -> StateFound {
    let (applied, digest) = generation.written_digest();
    StateFound {
        applied: applied.log_id.as_ref().map(position),
        hash: digest.hash(),
    }
}
