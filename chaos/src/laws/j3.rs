//! J3: a ticket of an old term, another worker, client, input or size is refused.
//!
//! Seen for what workloads send wrong on purpose: all of these but a wrong size, which the ticket
//! binds like the input. A worker that refuses for another reason has shown nothing, and is not
//! counted. A ticket sent again is not in the law: a job that runs twice is harmless. Old terms are
//! seen without any purpose too: a worker that had told of a newer term takes no ticket of an older
//! one.

use cameo_common::api::ErrorCode;
use cameo_common::ids::NodeId;

use super::facts::Facts;
use super::found::Found;
use crate::history::{Key, Micros, Tamper};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("tickets that were wrong on purpose, and judged by a worker");
    for (key, job) in &facts.jobs {
        for at in &job.runs {
            if at.acked().is_some()
                && let Some((term, row)) = newest_term(facts, at.arg.worker, at.call)
                && at.arg.term < term
            {
                let sentence = format!(
                    "node {} ran a job with a ticket of term {}, after it was in term {term}",
                    at.arg.worker, at.arg.term
                );
                found.invalid(Some(key), [row, at.row], sentence);
            }
            if matches!(at.arg.tamper, Tamper::None | Tamper::Again) {
                continue;
            }
            if at.acked().is_some() {
                found.check();
                let sentence = format!(
                    "node {} ran a job whose ticket was wrong: {:?}",
                    at.arg.worker, at.arg.tamper
                );
                found.invalid(Some(key), [at.row], sentence);
            } else if matches!(
                at.refused(),
                Some(ErrorCode::BadTicket | ErrorCode::Mismatch | ErrorCode::BadJob)
            ) {
                found.check();
            }
        }
    }
    found
}

/// The newest term that a node had told of before a moment, with the row.
fn newest_term(facts: &Facts<'_>, node: NodeId, before: Micros) -> Option<(u64, usize)> {
    let told = facts.nodes.get(&Key::node(node))?.observed.iter();
    let told = told.filter(|at| at.end() < before);
    told.filter_map(|at| Some((at.out?.term, at.row))).max()
}
