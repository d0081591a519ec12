//! The judge: one law a file, each over the same facts.
//!
//! A law looks at what clients were told and at what nodes said of themselves, and at nothing else.
//! Where an outcome is unknown, or operations overlap, it accepts whatever may have happened.

mod b1;
mod b2;
mod b3;
mod b4;
mod b5;
mod b6;
mod d1;
mod d2;
mod d3;
mod d4;
mod facts;
mod found;
mod j1;
mod j3;
mod j4;
mod l1;
mod l10;
mod l2;
mod l3;
mod l4;
mod l5;
mod l6;
mod l7;
mod l8;
mod l9;
mod mail;
mod monotone;
mod objects;
mod p1;
mod r1;
mod r2;
mod r3;
mod r4;
mod run;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use crate::history::History;
use crate::verdict::{Judged, Law, LawReport, Outcome, Verdict};
use facts::Facts;
use found::Found;

pub use objects::{Object, objects};

/// A law, the workloads that must show something of it (none: every run must), and its judge.
struct Entry(
    Law,
    &'static [&'static str],
    fn(&Facts<'_>, Instant) -> Found,
);

/// Never demanded of a run: nothing of the law can be seen unless somebody tries to break it.
const IF_SEEN: &[&str] = &["-"];

/// Laws that hold however few nodes lie, also where one comes back with an older disk. The others
/// rest on consensus, which counts on what each voter has written: they hold over what the honest
/// nodes of a run say, unless a disk was rolled back.
const WITHOUT_CONSENSUS: &[Law] = &[
    Law::B2,
    Law::L7,
    Law::L8,
    Law::L9,
    Law::L10,
    Law::R4,
    Law::Run,
];

const LAWS: &[Entry] = &[
    Entry(Law::D1, &["directory"], d1::judge),
    Entry(Law::D2, &["directory"], |facts, _| d2::judge(facts)),
    Entry(Law::D3, &[], |facts, _| d3::judge(facts)),
    Entry(Law::D4, &["rights"], |facts, _| d4::judge(facts)),
    Entry(Law::B1, &["rights"], |facts, _| b1::judge(facts)),
    Entry(Law::B2, &["rights"], |facts, _| b2::judge(facts)),
    Entry(Law::B3, &["rights"], |facts, _| b3::judge(facts)),
    Entry(Law::B4, &["rights"], |facts, _| b4::judge(facts)),
    Entry(Law::B5, &["rights"], |facts, _| b5::judge(facts)),
    Entry(Law::B6, &["rights"], |facts, _| b6::judge(facts)),
    Entry(Law::L1, &["ledger", "rights"], l1::judge),
    Entry(Law::L2, &["ledger"], |facts, _| l2::judge(facts)),
    Entry(Law::L3, &["ledger"], |facts, _| l3::judge(facts)),
    Entry(Law::L4, &["ledger"], |facts, _| l4::judge(facts)),
    Entry(Law::L5, &["ledger"], |facts, _| l5::judge(facts)),
    Entry(Law::L6, &["ledger"], |facts, _| l6::judge(facts)),
    Entry(Law::L7, IF_SEEN, |facts, _| l7::judge(facts)),
    Entry(Law::L8, &["ledger"], |facts, _| l8::judge(facts)),
    Entry(Law::L9, &["ledger", "endings"], |facts, _| l9::judge(facts)),
    Entry(Law::L10, &["endings"], |facts, _| l10::judge(facts)),
    Entry(Law::J1, &["dispatch"], |facts, _| j1::judge(facts)),
    Entry(Law::J3, &["dispatch"], |facts, _| j3::judge(facts)),
    Entry(Law::J4, &["dispatch"], |facts, _| j4::judge(facts)),
    Entry(Law::R1, &[], |facts, _| r1::judge(facts)),
    Entry(Law::R2, &[], |facts, _| r2::judge(facts)),
    Entry(Law::R3, &["directory", "rights", "ledger"], |facts, _| {
        r3::judge(facts)
    }),
    Entry(Law::R4, &[], |facts, _| r4::judge(facts)),
    Entry(Law::P1, &["journey"], |facts, _| p1::judge(facts)),
    Entry(Law::Run, &[], |facts, _| run::judge(facts)),
];

/// Judges a history by all laws. What takes longer than `within` is unknown.
#[must_use]
pub fn judge(history: &History, within: Duration) -> Judged {
    let facts = Facts::of(history);
    let until = Instant::now() + within;
    let mut judged = Judged {
        laws: Vec::new(),
        verdicts: Vec::new(),
    };
    let is_promised =
        |entry: &&Entry| !facts.is_rolled_back() || WITHOUT_CONSENSUS.contains(&entry.0);
    for entry in LAWS.iter().filter(is_promised) {
        judge_one(entry, &facts, until, &mut judged);
    }
    judged
}

fn judge_one(entry: &Entry, facts: &Facts<'_>, until: Instant, judged: &mut Judged) {
    let &Entry(law, workloads, judge) = entry;
    let mut found = judge(facts, until);
    let expected = workloads.is_empty()
        || workloads
            .iter()
            .any(|workload| facts.has_workload(workload));
    if found.checked == 0 && expected && law != Law::Run {
        let why = format!("nothing to check: there are no {} in this run", found.of);
        found.inconclusive(None, why);
    }
    if !expected {
        // Nobody tried it: too little seen is no fault of such a run.
        let owed = |outcome: &Outcome| !matches!(outcome, Outcome::Inconclusive { .. });
        found.outcomes.retain(|(_, outcome)| owed(outcome));
    }
    let worst = found.outcomes.iter().map(|(_, outcome)| outcome);
    let report = LawReport {
        law,
        checked: found.checked,
        of: found.of.to_owned(),
        expected,
        worst: worst
            .max_by_key(|outcome| outcome.rank())
            .cloned()
            .unwrap_or(Outcome::Valid),
    };
    let verdicts = found.outcomes.into_iter();
    judged.add(
        report,
        verdicts.map(|(key, outcome)| Verdict { law, key, outcome }),
    );
}
