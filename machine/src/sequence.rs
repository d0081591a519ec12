//! Which of two signed statements about one thing holds.

use cameo_common::signed::Signed;

use super::command::Refusal;

/// Of two statements about one thing the higher sequence holds; the same one may come again.
pub fn newer<T>(
    known_sequence: u64,
    known: &Signed<T>,
    sequence: u64,
    statement: &Signed<T>,
) -> Result<(), Refusal> {
    if sequence > known_sequence || statement == known {
        Ok(())
    } else {
        Err(Refusal::Stale)
    }
}
