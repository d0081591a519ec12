//! L1: a grant's debits and reads are linearizable against a bounded counter with request ids.
//!
//! Seen whole, and more than the law asks: debits, reads, releases, statements of rights and
//! acknowledgements of a grant together, with their refusals, against
//! [`Grant`](crate::specification::grant::Grant). A release counts as a read: a node confirms with
//! a quorum how far the log is before it looks. Event streams do not count: they may be behind.

use std::time::Instant;

use super::facts::Facts;
use super::found::Found;
use super::objects::{grants, judge_object};

pub(super) fn judge(facts: &Facts<'_>, until: Instant) -> Found {
    let mut found = Found::new("operations on grants");
    for grant in grants(facts) {
        judge_object(&grant, until, &mut found);
    }
    found
}
