//! Rights that a viewer has not acknowledged yet (laws B1, B4 and B5).
//!
//! A grant has at most one piece of mail, and what it delivers are the grant's current rights: a
//! newer version supersedes an older one. Only the viewer's acknowledgement takes mail away.

use cameo_common::ids::{GrantId, Millis, UserName};

use super::draft::Draft;
use super::limits::MAX_MAIL_RENEWED;
use super::notices::next_sequence;
use super::rows::{Letter, Mail};

/// Puts a version of a grant's rights into the viewer's mailbox, in place of any older one.
pub fn post(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64) {
    take_away(draft, viewer, grant);
    let at = draft.time();
    place(draft, viewer, grant, version, at);
}

/// Takes away what an acknowledgement of a version covers; a higher one stays.
pub fn acknowledge(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64) {
    let mail = draft.get::<Mail>(&(viewer.clone(), grant));
    if mail.is_some_and(|mail| mail.version <= version) {
        take_away(draft, viewer, grant);
    }
}

/// Whether a grant's rights still wait for the viewer.
pub fn holds(draft: &Draft<'_>, viewer: &UserName, grant: GrantId) -> bool {
    draft.get::<Mail>(&(viewer.clone(), grant)).is_some()
}

/// Moves a user's mail to the head of the stream: an agent that comes back meets it again, however
/// far it had read. The oldest go first, so that with too many for one time all get their turn.
pub fn renew(draft: &mut Draft<'_>, viewer: &UserName) {
    for ((_, sequence), Letter { grant }) in draft.scan::<Letter>(viewer, MAX_MAIL_RENEWED) {
        if let Some(mail) = draft.get::<Mail>(&(viewer.clone(), grant)) {
            draft.delete::<Letter>(&(viewer.clone(), sequence));
            place(draft, viewer, grant, mail.version, mail.at);
        }
    }
}

fn place(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId, version: u64, at: Millis) {
    let letter = next_sequence(draft, viewer);
    draft.put(&(viewer.clone(), letter), &Letter { grant });
    let mail = Mail {
        version,
        at,
        letter,
    };
    draft.put(&(viewer.clone(), grant), &mail);
}

fn take_away(draft: &mut Draft<'_>, viewer: &UserName, grant: GrantId) {
    if let Some(mail) = draft.get::<Mail>(&(viewer.clone(), grant)) {
        draft.delete::<Letter>(&(viewer.clone(), mail.letter));
        draft.delete::<Mail>(&(viewer.clone(), grant));
    }
}
