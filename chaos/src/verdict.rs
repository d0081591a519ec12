//! Verdicts over a history.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::history::{History, Key};

/// A law of `docs/GUARANTEES.md`, by its name there, or what a run as a whole owes (`run`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Law {
    D1,
    D2,
    D3,
    D4,
    B1,
    B2,
    B3,
    B4,
    B5,
    B6,
    L1,
    L2,
    L3,
    L4,
    L5,
    L6,
    L7,
    L8,
    L9,
    L10,
    J1,
    J2,
    J3,
    J4,
    R1,
    R2,
    R3,
    R4,
    P1,
    /// The faults struck, and the workloads got something done.
    #[serde(rename = "run")]
    Run,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run => f.pad("run"),
            law => f.pad(&format!("{law:?}")),
        }
    }
}

/// What a judge found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    Valid,
    /// Too little was seen to say that the law held.
    Inconclusive {
        why: String,
    },
    /// The time was too short to decide.
    Unknown {
        why: String,
    },
    /// The law was broken.
    Invalid {
        /// Rows of the history that show it together, counted from 0.
        rows: Vec<usize>,
        sentence: String,
    },
}

impl Outcome {
    /// How bad it is: the worst outcome is the verdict of the whole.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Inconclusive { .. } => 1,
            Self::Unknown { .. } => 2,
            Self::Invalid { .. } => 3,
        }
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Inconclusive { .. } => "inconclusive",
            Self::Unknown { .. } => "unknown",
            Self::Invalid { .. } => "invalid",
        }
    }

    /// The exit code of a program that ends with it: 0 for valid alone. 2 means wrong usage.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid { .. } => 1,
            Self::Unknown { .. } => 3,
            Self::Inconclusive { .. } => 4,
        }
    }
}

/// The verdict of one law, over one key or over the whole history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    pub law: Law,
    pub key: Option<Key>,
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What was judged by one law.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LawReport {
    pub law: Law,
    /// Things that could have broken the law, and were looked at.
    pub checked: u64,
    /// What `checked` counts.
    pub of: String,
    /// False when the run had no workload that could show anything of this law.
    pub expected: bool,
    /// The worst of the law's verdicts.
    pub worst: Outcome,
}

/// Everything that was judged over one history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// In the order of [`Law`].
    pub laws: Vec<LawReport>,
    /// All verdicts that are not valid, the worst first.
    pub verdicts: Vec<Verdict>,
}

impl Judged {
    /// The worst outcome: that of the whole history.
    #[must_use]
    pub fn outcome(&self) -> &Outcome {
        self.verdicts
            .first()
            .map_or(&Outcome::Valid, |verdict| &verdict.outcome)
    }

    /// The laws that were broken, each once.
    #[must_use]
    pub fn broken(&self) -> Vec<Law> {
        let broken = |report: &&LawReport| matches!(report.worst, Outcome::Invalid { .. });
        self.laws
            .iter()
            .filter(broken)
            .map(|report| report.law)
            .collect()
    }

    /// Adds what was judged by a law that looks beyond the history.
    pub fn add(&mut self, report: LawReport, verdicts: impl IntoIterator<Item = Verdict>) {
        self.laws.push(report);
        self.laws.sort_by_key(|report| report.law);
        self.verdicts.extend(verdicts);
        self.verdicts
            .sort_by_key(|verdict| std::cmp::Reverse(verdict.outcome.rank()));
    }

    /// All verdicts as text, law by law, with the rows that are evidence.
    #[must_use]
    pub fn text(&self, history: &History) -> String {
        let mut text = String::new();
        for report in &self.laws {
            let Some(line) = line_of(report) else {
                continue;
            };
            text.push_str(&line);
            for verdict in &self.verdicts {
                if verdict.law == report.law {
                    text.push_str(&detail(verdict, history));
                }
            }
        }
        text
    }
}

fn line_of(report: &LawReport) -> Option<String> {
    let LawReport {
        law,
        checked,
        of,
        worst,
        ..
    } = report;
    let name = worst.name();
    Some(match report.expected {
        true => format!("{law:<4}{name:<13}{checked} {of}\n"),
        false if *checked == 0 && *worst == Outcome::Valid => {
            format!("{law:<4}{:<13}not in this run's workloads\n", "-")
        }
        false => format!("{law:<4}{name:<13}{checked} {of}\n"),
    })
}

/// Most rows of evidence that are printed for one verdict.
const MAX_EVIDENCE: usize = 12;

fn detail(verdict: &Verdict, history: &History) -> String {
    let key = verdict
        .key
        .as_ref()
        .map_or_else(String::new, |key| format!("{}: ", key.0));
    match &verdict.outcome {
        Outcome::Valid => String::new(),
        Outcome::Unknown { why } | Outcome::Inconclusive { why } => {
            format!("      {key}{why}\n")
        }
        Outcome::Invalid { rows, sentence } => {
            let mut text = format!("      {key}{sentence}\n");
            for &row in rows.iter().take(MAX_EVIDENCE) {
                let shown = history.rows.get(row).map(serde_json::to_string);
                let shown = shown.and_then(Result::ok).unwrap_or_default();
                text.push_str(&format!("        row {}: {shown}\n", row + 1));
            }
            text
        }
    }
}
