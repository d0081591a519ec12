//! Mail that is gone once it was pushed, where that bug is planted.

use cameo_common::api::Event;
use cameo_common::ids::UserName;

/// Whether an event was pushed before and has been deleted since. By this call it is.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub(super) fn is_deleted(_: &UserName, _: &Event) -> bool {
    false
}

/// The same with the bug. In a simulation all nodes share what is deleted, as they would if the
/// deletion went through the log.
#[cfg(feature = "mutants")]
pub(super) fn is_deleted(user: &UserName, event: &Event) -> bool {
    use std::collections::HashSet;
    use std::sync::LazyLock;

    use cameo_common::api::EventKind;
    use cameo_common::ids::Hash;
    use cameo_mutant::{Mutant, is_planted};
    use parking_lot::Mutex;

    static PUSHED: LazyLock<Mutex<HashSet<(UserName, Hash)>>> = LazyLock::new(Mutex::default);

    match &event.kind {
        EventKind::Rights { rights, .. } if is_planted(Mutant::DeleteOnDeliver) => {
            !PUSHED.lock().insert((user.clone(), rights.hash()))
        }
        _ => false,
    }
}
