//! J4: after the heal, jobs drain.
//!
//! Seen: every job that was accepted before the heal has ended, in a result or a visible failure,
//! within a bound after it; and every one accepted later within the same bound after its
//! acceptance; and that no node keeps memory for jobs when no client has wanted one for longer than
//! that. What else lies in workers' queues is not in a history.

use std::time::Duration;

use super::facts::{Facts, micros};
use super::found::Found;
use crate::history::{JobEnd, Micros};

/// A job of any size, and one retry elsewhere, take less.
const DRAINS: Duration = Duration::from_secs(60);

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("accepted jobs, and nodes without any");
    let Some(healed) = facts.healed else {
        found.inconclusive(None, "the cluster was not healed at the end");
        return found;
    };
    let end_of_run = facts.history.rows.iter().filter_map(|row| row.ret).max();
    for (key, job) in &facts.jobs {
        let accepted = job.places.iter().filter(|at| at.acked().is_some());
        let Some(accepted) = accepted.max_by_key(|at| at.end()) else {
            continue;
        };
        found.check();
        let bound = Micros(accepted.end().max(healed).0 + micros(DRAINS));
        let ended = job
            .ends
            .iter()
            .find(|at| matches!(at.out, Some(JobEnd::Done | JobEnd::Wrong | JobEnd::Failed)));
        match ended {
            Some(end) if end.end() <= bound => {}
            Some(end) => {
                let sentence = "the job ended long after the heal";
                found.invalid(Some(key), [accepted.row, end.row], sentence);
            }
            None if end_of_run > Some(bound) => {
                let sentence = "the job had not ended long after the heal";
                found.invalid(Some(key), [accepted.row], sentence);
            }
            None => found.inconclusive(Some(key), "the run ended before this job had time to"),
        }
    }
    for (key, node) in &facts.nodes {
        for at in &node.held {
            let held = at.out.filter(|held| held.inputs + held.pictures > 0);
            found.check();
            if let Some(held) = held {
                let sentence = format!(
                    "a node keeps {} bytes of inputs and {} of pictures, and no client wants a job",
                    held.inputs, held.pictures
                );
                found.invalid(Some(key), [at.row], sentence);
            }
        }
    }
    found
}
