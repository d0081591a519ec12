//! Log, snapshots and state, and whether they belong together.

use data_encoding::HEXLOWER;

use super::finding::Findings;
use super::identity::Identity;
use crate::store::check::{
    self, Certified, HeldFolder, LogFound, Scratch, ScratchError, SnapshotCheck, SnapshotFound,
    StateCheck, StateFound, StateProblem, StoreCheck,
};
use crate::store::{SnapshotError, WalError};

const WAL: &str = "wal";
const SNAPSHOTS: &str = "snapshots";
/// The part that is not one file: what a start makes of the others.
const START: &str = "start";

const REBUILT: &str = "the next start keeps it beside the new one, and rebuilds the state from the \
                       newest snapshot and the log: nothing is lost";

pub(super) fn check(
    folder: &HeldFolder,
    scratch: &Scratch,
    identity: &Identity,
    findings: &mut Findings,
) -> Result<(), ScratchError> {
    let voters = identity.genesis.as_ref().map(|genesis| genesis.voters());
    let StoreCheck {
        log,
        snapshots,
        state,
        start,
    } = check::check(folder, scratch, voters.as_ref())?;
    let log_is_whole = log.is_ok();
    tell_log(log, findings);
    for snapshot in snapshots {
        tell_snapshot(snapshot, findings);
    }
    tell_state(state, log_is_whole, findings);
    match start {
        None => findings.damaged(
            START,
            "not known, as the log cannot be read",
            "see the line of the log",
        ),
        Some(Ok(())) => findings.whole(START, "log, snapshots and state belong together"),
        Some(Err(error)) => findings.damage(START, error),
    }
    Ok(())
}

fn tell_log(log: Result<LogFound, WalError>, findings: &mut Findings) {
    let log = match log {
        Ok(log) => log,
        Err(error) => return findings.damage(WAL, error),
    };
    let found = match (log.first, log.last) {
        (Some(first), Some((term, last))) => format!(
            "{} entries, {first} to {last} of term {term}, up to {} known as committed",
            log.entries,
            log.committed
                .map_or("none".into(), |index| index.to_string()),
        ),
        (None, Some((_, last))) => format!("no entries, purged up to {last}"),
        _ => "no entries".to_owned(),
    };
    match log.torn {
        None => findings.whole(WAL, found),
        Some(torn) => findings.notice(
            WAL,
            format!(
                "{found}; {} bytes of an incomplete record at byte {} of {}",
                torn.bytes, torn.offset, torn.file
            ),
            "a crash has left it, it was never acknowledged, and the next start cuts it off",
        ),
    }
}

fn tell_snapshot(SnapshotCheck { name, found }: SnapshotCheck, findings: &mut Findings) {
    let part = format!("{SNAPSHOTS}/{name}");
    match found {
        Ok(found) => findings.whole(&part, describe(&found)),
        Err(error @ SnapshotError::UnknownVersion(_)) => findings.newer(&part, error),
        Err(error) => findings.damaged(
            &part,
            error,
            "the next start keeps it under another name, and uses the state, or an older snapshot \
             and the log; where neither reaches far enough, the line of the start says so",
        ),
    }
}

fn describe(found: &SnapshotFound) -> String {
    let certified = match found.certified {
        Certified::Yes => "certified by a majority of the voters",
        Certified::No => "not certified: it serves this node alone",
        Certified::NotVerified => {
            "with signatures that were not verified, as the voters are not known"
        }
    };
    format!("the state after {}, {certified}", entry(found.position))
}

fn tell_state(state: StateCheck, log_is_whole: bool, findings: &mut Findings) {
    let part = state.name.unwrap_or_else(|| "CURRENT".to_owned());
    let rebuilt = match log_is_whole {
        true => REBUILT,
        false => "it cannot be rebuilt while the log cannot be read",
    };
    match state.found {
        None => findings.notice(&part, "there is no live state", rebuilt),
        Some(Ok(found)) => findings.whole(&part, of(&found)),
        Some(Err(StateProblem::Damaged(why))) => findings.damaged(&part, why, rebuilt),
        Some(Err(StateProblem::NotUsed { found, why })) => {
            findings.notice(&part, format!("{}; {why}", of(&found)), rebuilt);
        }
    }
}

fn of(found: &StateFound) -> String {
    let hash = HEXLOWER.encode(&found.hash);
    format!("the state after {}, with hash {hash}", entry(found.applied))
}

fn entry(position: Option<(u64, u64)>) -> String {
    match position {
        Some((term, index)) => format!("entry {index} of term {term}"),
        None => "no entry".to_owned(),
    }
}
