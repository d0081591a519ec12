//! Law J2 over the decision logs of a run.

use std::io;
use std::path::{Path, PathBuf};

use cameo_common::ids::NodeId;

use super::check_lines;
use crate::history::History;
use crate::verdict::{Judged, Law, LawReport, Outcome, Verdict};
use crate::workload::Workload;

/// Begins the names of logs beside a history.
const PREFIX: &str = "decisions-";

/// The decision log of a node, in the folder of a run.
#[must_use]
pub fn file_of(folder: &Path, node: NodeId) -> PathBuf {
    folder.join(format!("{PREFIX}{node}.jsonl"))
}

/// Judges the logs in the folder of a history.
///
/// # Errors
/// When the folder cannot be listed.
pub fn add_to(judged: &mut Judged, history: &History, folder: &Path) -> io::Result<()> {
    let Some(begin) = history.begin() else {
        return Ok(());
    };
    let mut workloads = begin.workloads.iter();
    let expected = workloads.any(|name| name == Workload::Dispatch.name());
    let outcome = check_lines(&logs_in(folder)?);
    let verdict = |outcome| Verdict {
        law: Law::J2,
        key: None,
        outcome,
    };
    let broken = outcome.violations.iter().map(|violation| Outcome::Invalid {
        rows: Vec::new(),
        sentence: violation.to_string(),
    });
    let mut verdicts: Vec<_> = broken.map(verdict).collect();
    if outcome.decisions == 0 && expected && verdicts.is_empty() {
        verdicts.push(verdict(Outcome::Inconclusive {
            why: "nothing to check: there are no decisions in logs beside the history".to_owned(),
        }));
    }
    let report = LawReport {
        law: Law::J2,
        checked: outcome.decisions,
        of: "decisions".to_owned(),
        expected,
        worst: verdicts
            .first()
            .map_or(Outcome::Valid, |verdict| verdict.outcome.clone()),
    };
    judged.add(report, verdicts);
    Ok(())
}

fn logs_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && name.ends_with(".jsonl") {
            files.push(folder.join(name.as_ref()));
        }
    }
    files.sort();
    Ok(files)
}
