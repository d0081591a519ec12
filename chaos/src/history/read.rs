//! Reading of a history.

use std::io::{self, BufRead};

use super::operation::Op;
use super::row::{FORMAT, History, Row};

/// A file that is no history.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the history cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("row {row} of the history is malformed: {why}")]
    Malformed { row: usize, why: serde_json::Error },
    #[error("row {0} of the history has an outcome without a return, or a return without one")]
    HalfEnded(usize),
    #[error("the history does not begin with a row `begin` of format {FORMAT}")]
    Format,
}

/// Reads all rows.
///
/// # Errors
/// When a row is malformed, or the format is another.
pub fn read(from: impl BufRead) -> Result<History, ReadError> {
    let mut rows = Vec::new();
    for (number, line) in (1..).zip(from.lines()) {
        let row: Row = serde_json::from_str(&line?)
            .map_err(|why| ReadError::Malformed { row: number, why })?;
        if row.op.has_outcome() != row.ret.is_some() {
            return Err(ReadError::HalfEnded(number));
        }
        rows.push(row);
    }
    match rows.first().map(|row| &row.op) {
        Some(Op::Begin(begin)) if begin.arg.format == FORMAT => Ok(History { rows }),
        _ => Err(ReadError::Format),
    }
}
