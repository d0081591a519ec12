//! The cluster's statements about a grant's mailbox, for B1 and B4.

use super::facts::GrantFacts;
use crate::history::Micros;

/// An answer that told which version is in force, and whether it is in the mailbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub row: usize,
    pub call: Micros,
    pub ret: Micros,
    pub version: u64,
    pub in_mailbox: bool,
}

/// All such answers of that moment; a repeated command may get an older one.
pub(super) fn told(grant: &GrantFacts<'_>) -> Vec<Told> {
    let usages = grant.usages.iter().filter_map(|at| {
        let usage = at.acked()?;
        Some((at.row, at.call, at.ret?, usage.version, usage.in_mailbox))
    });
    let puts = grant.puts.iter().filter_map(|at| {
        let stored = at.acked()?;
        let mut others = grant.puts.iter();
        let again = others.any(|other| other.arg.request == at.arg.request && other.row != at.row);
        let told = (at.row, at.call, at.ret?, stored.version, stored.in_mailbox);
        (!again).then_some(told)
    });
    let acks = grant.acks.iter().filter_map(|at| {
        let stored = at.acked()?;
        let mut others = grant.acks.iter();
        let again = others.any(|other| other.arg.request == at.arg.request && other.row != at.row);
        let told = (at.row, at.call, at.ret?, stored.version, stored.in_mailbox);
        (!again).then_some(told)
    });
    let all = usages.chain(puts).chain(acks);
    all.map(|(row, call, ret, version, in_mailbox)| Told {
        row,
        call,
        ret,
        version,
        in_mailbox,
    })
    .collect()
}

/// The highest version that the viewer may have acknowledged by a moment, with its row.
pub(super) fn highest_ack(grant: &GrantFacts<'_>, by: Micros) -> Option<(u64, usize)> {
    let tried = grant.acks.iter();
    let tried = tried.filter(|at| at.may_count() && at.call <= by);
    tried.map(|at| (at.arg.version, at.row)).max()
}
