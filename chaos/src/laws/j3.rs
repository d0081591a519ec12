//! J3: a ticket of an old term, another worker, client, input or size is refused.
//!
//! Seen for what workloads send wrong on purpose: all of these but a wrong size, which the ticket
//! binds like the input. A worker that refuses for another reason has shown nothing, and is not
//! counted. A ticket sent again is not in the law: a job that runs twice is harmless.

use cameo_common::api::ErrorCode;

use super::facts::Facts;
use super::found::Found;
use crate::history::Tamper;

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("tickets that were wrong on purpose, and judged by a worker");
    for (key, job) in &facts.jobs {
        for at in &job.runs {
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
