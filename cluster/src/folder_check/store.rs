//! Log, snapshots and state, and whether they belong together.

use data_encoding::HEXLOWER;

use super::finding::Findings;
use super::identity::Identity;
use super::lost::{self, CURRENT, Present, SNAPSHOTS, START, WAL};
use crate::store::SnapshotError;
use crate::store::check::{
    self, Certified, HeldFolder, LogFound, Scratch, ScratchError, SnapshotCheck, SnapshotFound,
    StateFound, StateProblem, StoreCheck,
};

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
        stopped_in_order,
    } = check::check(folder, scratch, voters.as_ref())?;
    let found = log.as_ref().ok();
    let present = Present {
        log: found.is_none_or(|log| log.last.is_some() || log.term.is_some()),
        log_is_whole: found.is_some(),
        is_purged: found.is_some_and(LogFound::is_purged),
        state: state.found.is_some(),
        is_applied_to: state.found.as_ref().is_some_and(is_applied_to),
        snapshots: !snapshots.is_empty(),
    };
    match log {
        Ok(found) if present.log => tell_log(&found, stopped_in_order, identity, findings),
        Ok(_) => lost::log(identity, present, findings),
        Err(error) => findings.damage(WAL, error),
    }
    for snapshot in snapshots {
        tell_snapshot(snapshot, findings);
    }
    lost::snapshots(present, findings);
    let starts = start.as_ref().is_some_and(Result::is_ok);
    match state.found {
        None => lost::state(identity, present, findings),
        Some(found) => {
            let part = state.name.as_deref().unwrap_or(CURRENT);
            tell_state(part, found, starts, identity, findings);
        }
    }
    if lost::start(identity, present, findings) {
        return Ok(());
    }
    match start {
        None => findings.damaged(
            START,
            "not known, as the log cannot be read",
            "see the line of the log",
        ),
        Some(Ok(())) if present.is_pristine() => {
            findings.whole(
                START,
                "nothing was stored yet, so that there is nothing to compare",
            );
        }
        Some(Ok(())) if present.state => {
            findings.whole(START, "log, snapshots and state belong together");
        }
        Some(Ok(())) => findings.whole(
            START,
            "log and snapshots do not contradict each other, and there is no state to compare \
             them with",
        ),
        Some(Err(error)) => findings.damage(START, error),
    }
    Ok(())
}

fn is_applied_to(state: &Result<StateFound, StateProblem>) -> bool {
    match state {
        Ok(found) | Err(StateProblem::NotUsed { found, .. }) => found.applied.is_some(),
        Err(StateProblem::Damaged(_)) => true,
    }
}

fn tell_log(log: &LogFound, in_order: bool, identity: &Identity, findings: &mut Findings) {
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
    let Some(torn) = &log.torn else {
        return findings.whole(WAL, found);
    };
    let found = format!(
        "{found}; {} bytes of an incomplete record at byte {} of {}",
        torn.bytes, torn.offset, torn.file
    );
    match in_order {
        false => findings.notice(
            WAL,
            found,
            "a crash leaves such a record, which was never acknowledged, and the next start cuts \
             it off; if the file was shortened by anything else, what was there cannot be told",
        ),
        true => findings.damaged(
            WAL,
            format!(
                "{found}, though the node had stopped in order: the log was cut short or changed \
                 since"
            ),
            lost::by_the_others(identity),
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

fn tell_state(
    part: &str,
    found: Result<StateFound, StateProblem>,
    starts: bool,
    identity: &Identity,
    findings: &mut Findings,
) {
    let see_start = "see the line of the start";
    match found {
        Ok(found) => findings.whole(part, of(&found)),
        Err(StateProblem::Damaged(why)) => {
            let advice = if starts {
                lost::by_the_others(identity)
            } else {
                see_start
            };
            findings.damaged(part, why, advice);
        }
        Err(StateProblem::NotUsed { found, why }) => {
            let advice = match starts {
                true => {
                    "the next start keeps it beside the new one, and rebuilds the state from the \
                     newest snapshot and the log, which reach as far: nothing of it is lost"
                }
                false => see_start,
            };
            findings.notice(part, format!("{}; {why}", of(&found)), advice);
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
