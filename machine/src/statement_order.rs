//! Order of signed statements about one subject.

use cameo_common::signed::Signed;

use super::command::Refusal;

/// Accepts a statement with a higher sequence than the known one, or the known one again.
pub fn check_newer<T>(
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
