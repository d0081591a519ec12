//! Notices in users' event streams. They are best effort: above the limit the oldest is dropped.

use cameo_common::ids::UserName;

use super::draft::Draft;
use super::limits::MAX_NOTICES_PER_USER;
use super::rows::{Notice, NoticeKind, Stream};

/// Appends a notice to a user's stream.
pub fn append(draft: &mut Draft<'_>, user: &UserName, kind: NoticeKind) {
    let sequence = next_sequence(draft, user);
    let at = draft.time();
    draft.put(&(user.clone(), sequence), &Notice { at, kind });
    trim(draft, user);
}

/// Takes the next sequence of a user's stream. A stream resumes by sequence on any node.
pub fn next_sequence(draft: &mut Draft<'_>, user: &UserName) -> u64 {
    let mut stream = draft.get::<Stream>(user).unwrap_or_default();
    stream.last += 1;
    draft.put(user, &stream);
    draft.touch(user);
    stream.last
}

/// Counts the notice that was just added; above the limit it drops the oldest instead.
fn trim(draft: &mut Draft<'_>, user: &UserName) {
    let mut stream = draft.get::<Stream>(user).unwrap_or_default();
    if stream.notices < MAX_NOTICES_PER_USER {
        stream.notices += 1;
        draft.put(user, &stream);
        return;
    }
    let from = (user.clone(), stream.dropped);
    if let Some((oldest, _)) = draft.scan_from::<Notice>(user, &from, 1).pop() {
        stream.dropped = oldest.1;
        draft.put(user, &stream);
        draft.delete::<Notice>(&oldest);
    }
}
