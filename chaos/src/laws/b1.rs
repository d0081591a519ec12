//! B1: an acked update is delivered, or superseded by an acked higher version, or still in the
//! mailbox.
//!
//! Seen: after an update was acked, every read shows its version or a higher one; and the mailbox
//! is empty only if the viewer may have acknowledged something (which version, B4 judges). What
//! lies in the mailbox is delivered: B6.

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use super::mail::{highest_ack, told};
use crate::history::Key;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("acked updates that were looked for later");
    for (key, grant) in &facts.grants {
        judge_kept(key, grant, &mut found);
        judge_mailbox(key, grant, &mut found);
    }
    found
}

fn judge_kept(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    let versions = &grant.versions;
    for version in versions.all() {
        let Some(stored) = version.stored_by else {
            continue;
        };
        let later = grant.usages.iter().filter(|at| at.call > stored);
        let mut later = later
            .filter_map(|at| Some((at.row, at.acked()?.version)))
            .peekable();
        if later.peek().is_some() {
            found.check();
        }
        let wanted = version.terms.version;
        if let Some((row, read)) = later.find(|(_, read)| *read < wanted) {
            let sentence = format!("version {wanted} was acked, and a later read shows {read}");
            found.invalid(Some(key), [version.row, row], sentence);
        }
    }
}

fn judge_mailbox(key: &Key, grant: &GrantFacts<'_>, found: &mut Found) {
    for told in told(grant) {
        if !told.in_mailbox && highest_ack(grant, told.ret).is_none() {
            let sentence = format!(
                "version {} has left the mailbox, and the viewer has acknowledged nothing",
                told.version
            );
            found.invalid(Some(key), [told.row], sentence);
        }
    }
}
