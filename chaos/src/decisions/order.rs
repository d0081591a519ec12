//! The order of one node's lines: only lines that are counted as dropped may be missing.

use cameo_common::ids::NodeId;
use cameo_dispatch::Logged;

/// A line that does not follow the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Misplaced {
    #[error("a decision of node {now} in the log of node {before}")]
    OtherNode { before: NodeId, now: NodeId },
    #[error("term {now} after term {before}")]
    TermWentBack { before: u64, now: u64 },
    #[error("sequence {now} after {before} with {dropped} dropped between them, in term {term}")]
    Skipped {
        term: u64,
        before: u64,
        now: u64,
        dropped: u64,
    },
    #[error(
        "term {term} begins with sequence {sequence} and {dropped} dropped: earlier decisions are \
         missing"
    )]
    BeginsLate {
        term: u64,
        sequence: u64,
        dropped: u64,
    },
}

/// The line before.
enum Before {
    /// None.
    Nothing,
    /// Unknown: it was rotated away, or could not be read.
    Lost,
    Line {
        node: NodeId,
        term: u64,
        sequence: u64,
    },
}

pub(super) struct Order(Before);

impl Order {
    /// The start of a log, or of the part that two files have kept of it.
    pub(super) fn new(has_rotated: bool) -> Self {
        Self(if has_rotated {
            Before::Lost
        } else {
            Before::Nothing
        })
    }

    /// A line could not be read. That is a violation already; the next line is not another.
    pub(super) fn lost(&mut self) {
        self.0 = Before::Lost;
    }

    /// Follows the next line.
    pub(super) fn follow(&mut self, line: &Logged) -> Result<(), Misplaced> {
        let input = &line.decision.input;
        let now = Before::Line {
            node: line.leader,
            term: input.term,
            sequence: input.sequence,
        };
        match std::mem::replace(&mut self.0, now) {
            Before::Lost => Ok(()),
            Before::Nothing => begins(line),
            Before::Line { node, .. } if node != line.leader => Err(Misplaced::OtherNode {
                before: node,
                now: line.leader,
            }),
            Before::Line { term, .. } if term > input.term => Err(Misplaced::TermWentBack {
                before: term,
                now: input.term,
            }),
            Before::Line { term, .. } if term < input.term => begins(line),
            Before::Line { term, sequence, .. } => continues(line, term, sequence),
        }
    }
}

/// A term begins with 0. Dropped decisions may be of the term before.
fn begins(line: &Logged) -> Result<(), Misplaced> {
    let input = &line.decision.input;
    if input.sequence <= line.dropped {
        return Ok(());
    }
    Err(Misplaced::BeginsLate {
        term: input.term,
        sequence: input.sequence,
        dropped: line.dropped,
    })
}

fn continues(line: &Logged, term: u64, before: u64) -> Result<(), Misplaced> {
    let (now, dropped) = (line.decision.input.sequence, line.dropped);
    let expected = before.checked_add(1).and_then(|n| n.checked_add(dropped));
    if expected == Some(now) {
        return Ok(());
    }
    Err(Misplaced::Skipped {
        term,
        before,
        now,
        dropped,
    })
}
