//! Mailbox: rights that a viewer has not acknowledged yet (laws B1, B4 and B5).
//!
//! A grant has at most one piece of mail. It delivers the grant's current rights: a newer version
//! supersedes an older one. Only the viewer's acknowledgement removes mail.

use cameo_common::ids::{GrantId, Millis, UserName};
use cameo_mutant::{Mutant, is_planted};

use super::draft::Draft;
use super::limits::MAX_MAIL_REQUEUED;
use super::notices::next_sequence;
use super::rows::{Mail, MailAt};

/// Puts a version of a grant's rights into the viewer's mailbox, in place of any older one.
pub fn post(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64) {
    remove(draft, viewer, grant);
    let at = draft.time();
    put(draft, viewer, grant, version, at);
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

/// Moves a user's mail to the head of the stream: an agent that reconnects gets it again, however
/// far it has read. The oldest mail moves first, so that with more than [`MAX_MAIL_REQUEUED`] the
/// next sessions reach the rest.
pub fn requeue(draft: &mut Draft<'_>, viewer: &UserName) {
    for ((_, sequence), MailAt { grant }) in draft.scan::<MailAt>(viewer, MAX_MAIL_REQUEUED) {
        if let Some(mail) = draft.get::<Mail>(&(viewer.clone(), grant)) {
            draft.delete::<MailAt>(&(viewer.clone(), sequence));
            if is_planted(Mutant::ReRegistrationDropsMailbox) {
                draft.delete::<Mail>(&(viewer.clone(), grant));
                continue;
            }
            put(draft, viewer, grant, mail.version, mail.at);
        }
    }
}

fn put(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64, at: Millis) {
    let sequence = next_sequence(draft, viewer);
    draft.put(&(viewer.clone(), sequence), &MailAt { grant });
    let mail = Mail {
        version,
        at,
        sequence,
    };
    draft.put(&(viewer.clone(), grant), &mail);
}

fn remove(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId) {
    if let Some(mail) = draft.get::<Mail>(&(viewer.clone(), grant)) {
        draft.delete::<MailAt>(&(viewer.clone(), mail.sequence));
        draft.delete::<Mail>(&(viewer.clone(), grant));
    }
}
