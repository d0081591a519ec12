//! Telling users what happened. Notices are a courtesy: of too many the oldest goes.

use cameo_common::ids::UserName;

use super::draft::Draft;
use super::limits::MAX_NOTICES_PER_USER;
use super::rows::{News, Notice, Stream};

/// Appends a notice to a user's stream.
pub fn tell(draft: &mut Draft<'_>, user: &UserName, news: News) {
    let sequence = next_sequence(draft, user);
    let at = draft.time();
    draft.put(&(user.clone(), sequence), &Notice { at, news });
    trim(draft, user);
}

/// The next place in a user's stream. It resumes by these numbers on any node.
pub fn next_sequence(draft: &mut Draft<'_>, user: &UserName) -> u64 {
    let mut stream = draft.get::<Stream>(user).unwrap_or_default();
    stream.last += 1;
    draft.put(user, &stream);
    draft.touch(user);
    stream.last
}

/// Counts the notice that was just added, and drops the oldest if it is one too many.
fn trim(draft: &mut Draft<'_>, user: &UserName) {
    let mut stream = draft.get::<Stream>(user).unwrap_or_default();
    if stream.notices < MAX_NOTICES_PER_USER {
        stream.notices += 1;
        draft.put(user, &stream);
    } else if let Some((oldest, _)) = draft.scan::<Notice>(user, 1).pop() {
        draft.delete::<Notice>(&oldest);
    }
}
