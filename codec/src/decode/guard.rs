//! Decoders that are not ours, kept from ending the program: a panic in one is an error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread becomes an error of the picture. For a program's panic hook,
/// which then has nothing to say.
#[must_use]
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// Runs a decoder; None if it panicked. Nothing that it has touched is used afterwards.
pub(super) fn guarded<T>(decoder: impl FnOnce() -> T) -> Option<T> {
    let before = GUARDED.replace(true);
    let decoded = catch_unwind(AssertUnwindSafe(decoder));
    GUARDED.set(before);
    decoded.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_nothing_and_others_are_not_guarded() {
        assert_eq!(guarded(|| 7), Some(7));
        let failed: Option<u8> = guarded(|| panic!("of a decoder (expected)"));
        assert_eq!(failed, None);
        assert!(!is_guarded());
        assert_eq!(guarded(is_guarded), Some(true));
    }
}
