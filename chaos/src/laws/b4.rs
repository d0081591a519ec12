//! B4: an acknowledgement of a version never removes a higher one.
//!
//! Seen whole: where the mailbox is told to be empty, the viewer may have acknowledged the version
//! that is in force, or a higher one.

use super::facts::Facts;
use super::found::Found;
use super::mail::{highest_ack, told};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("looks into a mailbox after an acknowledgement");
    for (key, grant) in &facts.grants {
        for told in told(grant) {
            // Without any acknowledgement it is B1's.
            let Some((highest, ack)) = highest_ack(grant, told.ret) else {
                continue;
            };
            found.check();
            if !told.in_mailbox && highest < told.version {
                let sentence = format!(
                    "version {} has left the mailbox, and only {highest} was acknowledged",
                    told.version
                );
                found.invalid(Some(key), [ack, told.row], sentence);
            }
        }
    }
    found
}
