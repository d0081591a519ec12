//! Mailbox: rights that a viewer has not acknowledged yet (laws B1, B4 and B5).
//!
//! A grant has at most one piece of mail. It delivers the grant's current rights: a newer version
//! supersedes an older one. Only the viewer's acknowledgement removes mail. Mail that an agent has
//! read and not acknowledged is read again by its next event stream (`read::mail_between`), so
//! neither a session's start nor a read writes anything here.

use cameo_common::ids::{GrantId, UserName};
use cameo_mutant::{Mutant, is_planted};

use super::draft::Draft;
use super::notices::next_sequence;
use super::rows::{Mail, MailAt};

/// Puts a version of a grant's rights into the viewer's mailbox, in place of any older one.
pub fn post(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64) {
    remove(draft, viewer, grant);
    let at = draft.time();
    let sequence = next_sequence(draft, viewer);
    draft.put(&(viewer.clone(), sequence), &MailAt { grant });
    let mail = Mail {
        version,
        at,
        sequence,
    };
    draft.put(&(viewer.clone(), grant), &mail);
}

/// Removes mail up to the acknowledged version; a higher version stays.
pub fn acknowledge(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64) {
    let mail = draft.get::<Mail>(&(viewer.clone(), grant));
    let any = is_planted(Mutant::AckRemovesNewer);
    if mail.is_some_and(|mail| any || mail.version <= version) {
        remove(draft, viewer, grant);
    }
}

/// Whether the viewer has not acknowledged a grant's current rights.
pub fn is_pending(draft: &Draft<'_>, viewer: &UserName, grant: GrantId) -> bool {
    draft.get::<Mail>(&(viewer.clone(), grant)).is_some()
}

/// Drops a user's mail, which is a bug wherever it happens: only for [`Mutant`]s.
pub fn drop_all(draft: &mut Draft<'_>, viewer: &UserName) {
    for (_, MailAt { grant }) in draft.scan::<MailAt>(viewer, usize::MAX) {
        remove(draft, viewer, grant);
    }
}

/// Removes what the mailbox has of a grant.
pub fn remove(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId) {
    if let Some(mail) = draft.get::<Mail>(&(viewer.clone(), grant)) {
        draft.delete::<MailAt>(&(viewer.clone(), mail.sequence));
        draft.delete::<Mail>(&(viewer.clone(), grant));
    }
}
