//! D2: a name has at most one owner key, for good.
//!
//! Seen whole: no two acked registrations or look-ups of one name, at whatever times, may tell of
//! two keys. No key is replaced yet, so this holds over the whole history.

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("names with an acked owner");
    for (key, user) in &facts.users {
        let registered = user.registers.iter();
        let registered =
            registered.filter_map(|at| Some((at.acked().map(|()| at.arg.owner)?, at.row)));
        let looked_up = user.look_ups.iter();
        let looked_up = looked_up.filter_map(|at| Some((at.acked()?.as_ref()?.owner, at.row)));
        let mut owners = registered.chain(looked_up);
        let Some((first, first_row)) = owners.next() else {
            continue;
        };
        found.check();
        if let Some((other, row)) = owners.find(|(owner, _)| *owner != first) {
            let sentence = format!("the name has two keys, {first} and {other}");
            found.invalid(Some(key), [first_row, row], sentence);
        }
    }
    found
}
