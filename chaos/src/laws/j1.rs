//! J1: each accepted job ends in a result or a visible failure; a carrier that breaks off is an
//! error, never a picture.
//!
//! Seen whole: each job that a leader gave a worker has an end that its owner saw. A carrier that
//! does not hold the payload is no result. A job is a pure function of its input, so two carriers
//! of one input are equal.

use std::collections::BTreeMap;

use super::facts::Facts;
use super::found::Found;
use crate::history::{JobEnd, Tamper};

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("accepted jobs");
    let mut carriers = BTreeMap::new();
    for (key, job) in &facts.jobs {
        for end in job.ends.iter().filter(|at| at.out == Some(&JobEnd::Wrong)) {
            let sentence = "a carrier came that does not hold the payload";
            found.invalid(Some(key), [end.row], sentence);
        }
        for run in job.runs.iter().filter(|at| at.arg.tamper == Tamper::None) {
            let Some(carrier) = run.acked() else {
                continue;
            };
            let (first, row) = *carriers.entry(run.arg.input).or_insert((carrier, run.row));
            if first != carrier {
                let sentence = "one input gave two carriers";
                found.invalid(Some(key), [row, run.row], sentence);
            }
        }
        let Some(accepted) = job.places.iter().find(|at| at.acked().is_some()) else {
            continue;
        };
        found.check();
        let ends = job.ends.iter().filter(|at| at.out.is_some());
        match ends.clone().next() {
            None => found.inconclusive(Some(key), "the run ended before this accepted job"),
            Some(end) if ends.into_iter().all(|at| at.out == Some(&JobEnd::Silent)) => {
                let sentence = "an accepted job ended in silence";
                found.invalid(Some(key), [accepted.row, end.row], sentence);
            }
            Some(_) => {}
        }
    }
    found
}
