//! D1: registering and looking up a user are linearizable.
//!
//! Seen whole: every `register` and `look_up` of a name, against
//! [`Name`](crate::specification::name::Name). The presence in a look-up's answer is D4's.

use std::time::Instant;

use super::facts::Facts;
use super::found::Found;
use super::objects::{judge_object, names};

pub(super) fn judge(facts: &Facts<'_>, until: Instant) -> Found {
    let mut found = Found::new("registrations and look-ups");
    for name in names(facts) {
        judge_object(&name, until, &mut found);
    }
    found
}
