//! The duties of a run as a whole: its faults struck, its workloads got something done, it knows
//! how it ended. Without that the laws have not been tried, whatever they say.

use super::facts::Facts;
use super::found::Found;
use crate::export::is_asked;
use crate::history::{History, Op};

type Shows = fn(&Op) -> bool;

/// Workloads whose operations are in a history, with the operations that show that one was there.
const SHOWN: &[(&str, Shows)] = &[
    (
        "directory",
        |op| matches!(op, Op::Register(op) if acked(op.out.as_ref())),
    ),
    (
        "rights",
        |op| matches!(op, Op::PutRights(op) if acked(op.out.as_ref())),
    ),
    (
        "ledger",
        |op| matches!(op, Op::Debit(op) if acked(op.out.as_ref())),
    ),
    (
        "endings",
        |op| matches!(op, Op::Confirm(op) if acked(op.out.as_ref())),
    ),
    (
        "dispatch",
        |op| matches!(op, Op::Place(op) if acked(op.out.as_ref())),
    ),
];

fn acked<T>(answer: Option<&crate::history::Answer<T>>) -> bool {
    answer.is_some_and(|answer| answer.ok().is_some())
}

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("faults that struck");
    let Some(begin) = facts.begin else {
        found.inconclusive(None, "the history does not say how it was made");
        return found;
    };
    for fault in &facts.faults {
        let (kind, on) = (&fault.arg.kind, &fault.arg.on);
        match fault.out {
            Some(struck) if struck.bit => found.check(),
            Some(struck) => {
                let why = format!("the fault {kind} on {on} did not strike: {}", struck.seen);
                found.inconclusive(None, why);
            }
            None => found.inconclusive(None, format!("the fault {kind} on {on} has no end")),
        }
    }
    for (workload, shows) in SHOWN {
        if facts.has_workload(workload) && !did(facts.history, *shows) {
            let why = format!("the workload {workload} got nothing done");
            found.inconclusive(None, why);
        }
    }
    for row in contradictions(facts.history) {
        let why = format!("row {} overlaps its client's operation before it", row + 1);
        found.inconclusive(None, why);
    }
    if begin.workloads.is_empty() {
        found.inconclusive(None, "the run had no workload");
    }
    if facts.healed.is_none() {
        found.inconclusive(None, "the run did not end with a healed cluster");
    }
    found
}

/// Rows that cannot be: they end before they begin, or before their client's last one had ended.
fn contradictions(history: &History) -> Vec<usize> {
    let mut rows: Vec<_> = history.rows.iter().enumerate().collect();
    rows.retain(|(_, row)| is_asked(&row.op));
    rows.sort_by_key(|(_, row)| (row.client, row.call, row.ret.is_none(), row.ret));
    let overlap = rows.windows(2).filter_map(|pair| {
        let [(_, one), (place, two)] = pair else {
            return None;
        };
        let ended = one.ret.is_some_and(|ret| ret <= two.call);
        (one.client == two.client && !ended).then_some(*place)
    });
    let backwards = rows.iter();
    let backwards = backwards.filter(|(_, row)| row.ret.is_some_and(|ret| ret < row.call));
    overlap.chain(backwards.map(|(place, _)| *place)).collect()
}

fn did(history: &History, shows: fn(&Op) -> bool) -> bool {
    history.rows.iter().any(|row| shows(&row.op))
}
