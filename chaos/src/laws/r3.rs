//! R3: an acked entry is on a quorum's disks.
//!
//! Disks are not seen from outside. Seen is what it is for: what was acked is still there whenever
//! it is read later, whatever died in between. Counted are the acked registrations, debits and
//! versions of rights that were read again; and after the heal some node has committed as far as
//! the last acked debit.

use super::facts::Facts;
use super::found::Found;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("acked writes that were read again");
    registrations(facts, &mut found);
    debits(facts, &mut found);
    rights(facts, &mut found);
    committed(facts, &mut found);
    found
}

fn registrations(facts: &Facts<'_>, found: &mut Found) {
    for (key, user) in &facts.users {
        let acked = user.registers.iter().filter(|at| at.acked().is_some());
        let Some(acked) = acked.min_by_key(|at| at.end()) else {
            continue;
        };
        let later = user.look_ups.iter().filter(|at| at.call > acked.end());
        let later: Vec<_> = later.filter_map(|at| Some((at.row, at.acked()?))).collect();
        found.checked += u64::from(!later.is_empty());
        if let Some((row, _)) = later.iter().find(|(_, read)| read.is_none()) {
            let sentence = "an acked registration was lost";
            found.invalid(Some(key), [acked.row, *row], sentence);
        }
    }
}

fn debits(facts: &Facts<'_>, found: &mut Found) {
    for (key, grant) in &facts.grants {
        for view in &grant.charged {
            let later = grant.logs.iter().filter(|at| at.call > view.to);
            let later: Vec<_> = later.filter_map(|at| Some((at.row, at.acked()?))).collect();
            found.checked += u64::from(!later.is_empty());
            let lacks = later.iter().find(|(_, log)| {
                let mut views = log.views.iter();
                !views.any(|row| row.request == view.request)
            });
            if let Some((row, _)) = lacks {
                let sentence = format!("acked view {} was lost", view.debited.number);
                found.invalid(Some(key), [view.row, *row], sentence);
            }
        }
    }
}

fn rights(facts: &Facts<'_>, found: &mut Found) {
    for (key, grant) in &facts.grants {
        for version in grant.versions.all() {
            let Some(stored) = version.stored_by else {
                continue;
            };
            let later = grant.usages.iter().filter(|at| at.call > stored);
            let later: Vec<_> = later.filter_map(|at| Some((at.row, at.acked()?))).collect();
            found.checked += u64::from(!later.is_empty());
            let wanted = version.terms.version;
            if let Some((row, read)) = later.iter().find(|(_, read)| read.version < wanted) {
                let read = read.version;
                let sentence = format!("acked version {wanted} was lost: {read} is in force");
                found.invalid(Some(key), [version.row, *row], sentence);
            }
        }
    }
}

fn committed(facts: &Facts<'_>, found: &mut Found) {
    let Some(healed) = facts.healed else {
        return;
    };
    let charged = facts.grants.values().flat_map(|grant| &grant.charged);
    let before = charged.filter(|view| view.to < healed);
    let last = before.max_by_key(|view| view.debited.index);
    let nodes = facts.nodes.values().flat_map(|node| &node.observed);
    let after = nodes.filter(|at| at.call >= healed);
    let highest = after
        .filter_map(|at| Some((at.out?.committed, at.row)))
        .max();
    if let (Some(last), Some((committed, row))) = (last, highest)
        && committed < last.debited.index
    {
        let sentence = format!(
            "a debit was acked at index {}, and after the heal no node has committed more than \
             {committed}",
            last.debited.index
        );
        found.invalid(None, [last.row, row], sentence);
    }
}
