//! The result of a check, for programs and for people.

use std::collections::BTreeMap;
use std::fmt;

use cameo_common::ids::NodeId;
use cameo_dispatch::{Choice, Logged};
use serde::Serialize;

use super::is_judged_in_full;
use super::read::At;

/// Violations that are listed; the rest is counted.
const MAX_LISTED: usize = 100;

#[derive(Debug, Default, Serialize)]
pub(super) struct Outcome {
    pub schema: u32,
    pub ok: bool,
    pub decisions: u64,
    pub by_worker: BTreeMap<NodeId, u64>,
    /// Of those, the ones that the leader placed on itself.
    pub on_leader: u64,
    pub busy: u64,
    pub nobody: u64,
    /// Decisions that the logs count as dropped.
    pub dropped: u64,
    /// Decisions by leader and term.
    pub leaders: BTreeMap<NodeId, BTreeMap<u64, u64>>,
    /// Lines of baseline policies: all but the rule of the least projected time was checked.
    pub not_judged: Vec<Unjudged>,
    /// Logs that were too long for two files: the kept part begins here.
    pub kept_from: Vec<KeptFrom>,
    pub torn: Vec<Torn>,
    pub violations: Vec<Violation>,
    pub violations_in_all: u64,
}

/// Consecutive lines of one policy.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Unjudged {
    pub file: String,
    pub first: u64,
    pub last: u64,
    pub policy: &'static str,
}

/// The oldest decision that a log has kept.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct KeptFrom {
    pub file: String,
    pub line: u64,
    pub term: u64,
    pub sequence: u64,
}

/// An incomplete line at the end of a log.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Torn {
    pub file: String,
    pub line: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Violation {
    pub file: String,
    /// 0 for the file as a whole.
    pub line: u64,
    pub why: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, why } = self;
        write!(f, "{file}:{line}: VIOLATION: {why}")
    }
}

fn name(at: &At) -> String {
    at.file.display().to_string()
}

impl Outcome {
    const SCHEMA: u32 = 1;

    /// Counts a line that was read.
    pub(super) fn count(&mut self, at: &At, line: &Logged) {
        let input = &line.decision.input;
        self.decisions += 1;
        self.dropped = self.dropped.saturating_add(line.dropped);
        let terms = self.leaders.entry(line.leader).or_default();
        *terms.entry(input.term).or_default() += 1;
        match line.decision.choice {
            Choice::Worker(node) => {
                *self.by_worker.entry(node).or_default() += 1;
                self.on_leader += u64::from(node == line.leader);
            }
            Choice::Busy { .. } | Choice::Full => self.busy += 1,
            Choice::Nobody => self.nobody += 1,
        }
        if !is_judged_in_full(input.policy) {
            self.unjudged(at, input.policy.name());
        }
    }

    fn unjudged(&mut self, at: &At, policy: &'static str) {
        let file = name(at);
        match self.not_judged.last_mut() {
            Some(run) if run.file == file && run.policy == policy && run.last + 1 == at.line => {
                run.last = at.line;
            }
            _ => self.not_judged.push(Unjudged {
                file,
                first: at.line,
                last: at.line,
                policy,
            }),
        }
    }

    /// The first line of the kept part, unless its term begins with it.
    pub(super) fn kept_from(&mut self, at: &At, line: &Logged) {
        let input = &line.decision.input;
        if input.sequence > line.dropped {
            self.kept_from.push(KeptFrom {
                file: name(at),
                line: at.line,
                term: input.term,
                sequence: input.sequence,
            });
        }
    }

    pub(super) fn torn(&mut self, at: &At) {
        let (file, line) = (name(at), at.line);
        self.torn.push(Torn { file, line });
    }

    pub(super) fn violation(&mut self, at: &At, why: String) {
        self.violations_in_all += 1;
        if self.violations.len() < MAX_LISTED {
            let (file, line) = (name(at), at.line);
            self.violations.push(Violation { file, line, why });
        }
    }

    /// The end of the check. Without any decision, nothing was checked, which is a violation.
    pub(super) fn end(&mut self) {
        self.schema = Self::SCHEMA;
        if self.decisions == 0 && self.violations_in_all == 0 {
            let at = At {
                file: "all files".into(),
                line: 0,
            };
            self.violation(
                &at,
                "no decision in them, so nothing was checked".to_owned(),
            );
        }
        self.ok = self.violations_in_all == 0;
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} decisions", self.decisions)?;
        for (node, count) in &self.by_worker {
            writeln!(f, "  on node {node}: {count}")?;
        }
        writeln!(f, "  of these by the leader on itself: {}", self.on_leader)?;
        writeln!(f, "  refused, all busy: {}", self.busy)?;
        writeln!(f, "  no node eligible: {}", self.nobody)?;
        writeln!(f, "  counted as dropped by the logs: {}", self.dropped)?;
        for (leader, terms) in &self.leaders {
            for (term, count) in terms {
                writeln!(f, "  leader {leader}, term {term}: {count}")?;
            }
        }
        for run in &self.not_judged {
            let Unjudged {
                file,
                first,
                last,
                policy,
            } = run;
            writeln!(
                f,
                "{file}:{first}-{last}: placed by {policy}: not judged by the least projected time"
            )?;
        }
        for kept in &self.kept_from {
            let KeptFrom {
                file,
                line,
                term,
                sequence,
            } = kept;
            writeln!(
                f,
                "{file}:{line}: the log begins with decision {sequence} of term {term}: earlier \
                 ones are not kept"
            )?;
        }
        for Torn { file, line } in &self.torn {
            writeln!(
                f,
                "{file}:{line}: incomplete line at the end: its node was killed, and it was not \
                 judged"
            )?;
        }
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        let unlisted = self.violations_in_all - self.violations.len() as u64;
        if unlisted > 0 {
            writeln!(f, "and {unlisted} more violations")?;
        }
        Ok(())
    }
}
