//! Findings about parts of a folder that are gone. Without them nothing in the folder tells how far
//! the node had come, and only the other voters remember it.

use super::finding::Findings;
use super::identity::{GENESIS, Identity};
use crate::raft::StartError;

pub(super) const WAL: &str = "wal";
pub(super) const SNAPSHOTS: &str = "snapshots";
/// The file that names the live state.
pub(super) const CURRENT: &str = "CURRENT";
/// The part that is not one file: what a start makes of the others.
pub(super) const START: &str = "start";

/// Which of the store's parts are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Present {
    /// The log has an entry, a vote, or a place from which it was purged.
    pub log: bool,
    /// The log can be read.
    pub log_is_whole: bool,
    /// The log's first entries were purged.
    pub is_purged: bool,
    /// There is a live state, damaged or not.
    pub state: bool,
    /// An entry was applied to it, for all that can be read.
    pub is_applied_to: bool,
    pub snapshots: bool,
}

impl Present {
    /// Whether no vote, no entry and no state was ever stored here, for all that is left.
    pub fn is_pristine(self) -> bool {
        self.log_is_whole && !self.log && !self.is_applied_to && !self.snapshots
    }
}

/// What is to be done where the folder alone does not tell what is lost.
pub(super) fn by_the_others(identity: &Identity) -> &'static str {
    match identity.other_voters() {
        None if identity.is_worker() => {
            "the next start rebuilds the state from the newest snapshot and the log, and the \
             leader sends what a worker lacks"
        }
        Some(0) => {
            "the next start rebuilds the state from the newest snapshot and the log, and has what \
             these have: no other voter remembers how far this one had come. Keep a copy of this \
             folder before"
        }
        _ => {
            "the next start rebuilds the state from the newest snapshot and the log, and goes by \
             what the other voters remember of this node: if it had come further, it is \
             quarantined. Keep this folder until the node takes part again, and have the other \
             voters run when it starts"
        }
    }
}

/// What is told of a live state that is gone.
pub(super) fn state(identity: &Identity, present: Present, findings: &mut Findings) {
    if present.is_pristine() && !identity.log_begun {
        return;
    }
    let advice = by_the_others(identity);
    if !present.log_is_whole {
        let advice = "it cannot be rebuilt while the log cannot be read";
        return findings.unknown(CURRENT, "there is no live state", advice);
    }
    if identity.is_worker() {
        return findings.notice(CURRENT, "there is no live state", advice);
    }
    let found = "there is no live state: whether the log and the snapshots have all that this \
                 node had acknowledged cannot be told without it";
    findings.unknown(CURRENT, found, advice);
}

/// What is told of a log that has nothing, of a node whose log had begun.
pub(super) fn log(identity: &Identity, present: Present, findings: &mut Findings) {
    if present.log || !identity.log_begun {
        return findings.whole(WAL, "no entries and no vote: the log has not begun");
    }
    let found = "it has no entry and no vote, and the log of this node had begun";
    findings.damaged(WAL, found, by_the_others(identity));
}

/// What is told of snapshots that are gone: a log begins after its entries are in one.
pub(super) fn snapshots(present: Present, findings: &mut Findings) {
    if present.is_purged && !present.snapshots {
        findings.notice(
            SNAPSHOTS,
            "there is none, and the log does not begin at its first entry",
            "the node starts by its state alone, and writes another snapshot later; if there is \
             no intact state, the line of the start says what to do",
        );
    }
}

/// Why no node starts on a folder that lacks its log or its genesis, if so.
pub(super) fn start(identity: &Identity, present: Present, findings: &mut Findings) -> bool {
    if identity.log_begun && present.is_pristine() {
        findings.damage(START, StartError::LogLost);
        return true;
    }
    if identity.genesis.is_none() && !present.is_pristine() && !findings.has(GENESIS) {
        findings.damage(GENESIS, StartError::RecordLost);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_node_that_has_formed_no_cluster_yet_has_lost_nothing() {
        // given what a node has that was started, and whose peers were not
        let started = Present {
            log: false,
            log_is_whole: true,
            is_purged: false,
            state: true,
            is_applied_to: false,
            snapshots: false,
        };
        let told = |identity: &Identity, present| {
            let mut findings = Findings::default();
            log(identity, present, &mut findings);
            snapshots(present, &mut findings);
            start(identity, present, &mut findings);
            findings.into_inner()
        };
        // when its parts are told, then none is lost
        let findings = told(&Identity::default(), started);
        let whole = |finding: &super::super::Finding| finding.verdict == Verdict::Whole;
        assert!(findings.iter().all(whole), "{findings:?}");
        // and of a node whose log had begun, the same is a loss
        let begun = Identity {
            log_begun: true,
            ..Identity::default()
        };
        let findings = told(&begun, started);
        assert!(
            findings.iter().all(|finding| !whole(finding)),
            "{findings:?}"
        );
        // and so is a log without a genesis
        let logged = Present {
            log: true,
            ..started
        };
        let findings = told(&Identity::default(), logged);
        let genesis = findings.iter().find(|finding| finding.part == GENESIS);
        assert!(genesis.is_some_and(|found| found.verdict == Verdict::Damaged));
    }
}
