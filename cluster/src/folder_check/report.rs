//! The result of a check, for people and for programs.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use cameo_common::ids::{ClusterId, NodeId};
use serde_json::{Value, json};

use super::finding::{Finding, Verdict};

/// Version of the JSON document.
const SCHEMA: u32 = 1;
/// Exit codes.
const WHOLE: u8 = 0;
const DAMAGED: u8 = 1;
const NOT_CHECKED: u8 = 2;

/// What was found of a folder.
#[derive(Debug)]
pub struct Report {
    pub folder: PathBuf,
    pub node: Option<NodeId>,
    pub cluster: Option<ClusterId>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// That of the worst part. A notice is no damage.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.findings.iter().map(|finding| finding.verdict).max();
        match worst.unwrap_or(Verdict::Whole) {
            Verdict::Whole | Verdict::Notice => Verdict::Whole,
            worst => worst,
        }
    }

    /// 0: whole; 1: damaged; 2: of a newer version.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict() {
            Verdict::Whole | Verdict::Notice => WHOLE,
            Verdict::Damaged => DAMAGED,
            Verdict::Newer => NOT_CHECKED,
        }
    }

    /// One JSON document.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "folder": self.folder,
            "node": self.node,
            "cluster": self.cluster,
            "verdict": self.verdict(),
            "parts": self.findings,
        })
    }

    /// A line for each part, its advice below it, and the result.
    #[must_use]
    pub fn text(&self) -> String {
        let width = self.findings.iter().map(|finding| finding.part.len()).max();
        let width = width.unwrap_or_default();
        let mut lines = Vec::new();
        for Finding {
            part,
            verdict,
            found,
            advice,
        } in &self.findings
        {
            lines.push(format!("{:<7}  {part:<width$}  {found}", verdict.word()));
            if let Some(advice) = advice {
                lines.push(format!("{:<7}  {:<width$}  {advice}", "", ""));
            }
        }
        lines.push(self.result());
        lines.join("\n")
    }

    fn result(&self) -> String {
        let folder = self.folder.display();
        let count = |verdict| {
            let of = self.findings.iter();
            of.filter(|finding| finding.verdict == verdict).count()
        };
        match self.verdict() {
            Verdict::Whole | Verdict::Notice => format!("{folder} is whole"),
            Verdict::Damaged => {
                format!("{folder} is damaged, in {} parts", count(Verdict::Damaged))
            }
            Verdict::Newer => format!(
                "{folder} has {} parts of a version that this build does not read",
                count(Verdict::Newer)
            ),
        }
    }
}

/// The JSON document of a folder that was not checked, with its exit code.
#[must_use]
pub fn unusable(folder: &Path, why: &dyn Display) -> (Value, u8) {
    let document = json!({
        "schema": SCHEMA,
        "folder": folder,
        "verdict": "not_checked",
        "error": why.to_string(),
    });
    (document, NOT_CHECKED)
}
