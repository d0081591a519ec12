//! Findings: one for each part of a folder.

use std::fmt::Display;

use serde::Serialize;

/// What a part is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Read and verified.
    Whole,
    /// No damage, and worth knowing.
    Notice,
    /// What was there cannot be told from what is left.
    Unknown,
    /// Of a version that this build does not read.
    Newer,
    Damaged,
}

impl Verdict {
    /// The word for people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Notice => "notice",
            Self::Unknown => "unknown",
            Self::Newer => "newer",
            Self::Damaged => "damaged",
        }
    }
}

/// One part of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its path in the folder.
    pub part: String,
    pub verdict: Verdict,
    pub found: String,
    /// What it means, and what to do.
    pub advice: Option<String>,
}

/// The parts in the order in which they were checked.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub fn whole(&mut self, part: &str, found: impl Display) {
        self.add(part, Verdict::Whole, &found, None);
    }

    pub fn notice(&mut self, part: &str, found: impl Display, advice: &str) {
        self.add(part, Verdict::Notice, &found, Some(advice));
    }

    pub fn unknown(&mut self, part: &str, found: impl Display, advice: &str) {
        self.add(part, Verdict::Unknown, &found, Some(advice));
    }

    /// Damage whose sentence has its advice.
    pub fn damage(&mut self, part: &str, found: impl Display) {
        self.add(part, Verdict::Damaged, &found, None);
    }

    pub fn damaged(&mut self, part: &str, found: impl Display, advice: &str) {
        self.add(part, Verdict::Damaged, &found, Some(advice));
    }

    pub fn newer(&mut self, part: &str, found: impl Display) {
        let advice = "check the folder with the version of cameod that wrote it";
        self.add(part, Verdict::Newer, &found, Some(advice));
    }

    pub fn has(&self, part: &str) -> bool {
        self.0.iter().any(|finding| finding.part == part)
    }

    pub fn into_inner(self) -> Vec<Finding> {
        self.0
    }

    fn add(&mut self, part: &str, verdict: Verdict, found: &dyn Display, advice: Option<&str>) {
        self.0.push(Finding {
            part: part.to_owned(),
            verdict,
            found: found.to_string(),
            advice: advice.map(str::to_owned),
        });
    }
}
