//! D4: "online" implies a presence sign no older than a session's life, plus one grace a leader
//! change, plus the clock bound; and a session ends by its own end, its age, or a report of its own
//! epoch, and by nothing else.
//!
//! Seen in part:
//! - A look-up that tells of an epoch nobody was given is wrong at any time.
//! - An old sign is judged only where no fault struck and no term changed since that sign: there no
//!   grace was given. A sign whose outcome is unknown may have come at any time.
//! - A session that is told to have ended, shortly after a sign that was acked, is judged always:
//!   a new leader gives a full life, and no pause takes any of it.

use std::time::Duration;

use cameo_common::api::ErrorCode;

use super::facts::{At, Facts, UserFacts, micros};
use super::found::Found;
use crate::history::{Answer, Key, Micros, SessionArg};

/// A session lives this long after its last sign.
const LIFE: Duration = Duration::from_secs(15);
/// Later than its life: the leader looks once a second, its entry takes a moment, and clocks run
/// unevenly.
const CLOCK_BOUND: Duration = Duration::from_secs(5);
/// A session lives at least this long, by whatever clock.
const LEAST: Duration = Duration::from_secs(8);

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("presences told, and sessions that had ended");
    for (key, user) in &facts.users {
        judge_online(facts, key, user, &mut found);
        judge_ended(key, user, &mut found);
    }
    found
}

/// The latest time at which an epoch's session may have given a sign before `by`; None when it was
/// never given out.
fn last_sign(user: &UserFacts<'_>, epoch: u64, by: Micros) -> Option<Micros> {
    let starts = user
        .starts
        .iter()
        .filter(|at| at.may_count() && at.call <= by);
    let starts = starts.filter_map(|at| match at.acked() {
        Some(given) if *given == epoch => Some(at.end()),
        Some(_) => None,
        // It may have been this one, whenever it was carried out.
        None => Some(by),
    });
    let renewed = user.keep_alives.iter();
    let renewed = renewed
        .filter(|at| at.arg.epoch == epoch && at.may_count() && at.call <= by)
        .map(|at| if at.acked().is_some() { at.end() } else { by });
    let started = starts.max()?;
    Some(renewed.fold(started, Micros::max).min(by))
}

fn judge_online(facts: &Facts<'_>, key: &Key, user: &UserFacts<'_>, found: &mut Found) {
    for at in &user.look_ups {
        let Some(Some(told)) = at.acked() else {
            continue;
        };
        let (Some(true), Some(epoch)) = (told.online, told.epoch) else {
            continue;
        };
        found.check();
        let Some(sign) = last_sign(user, epoch, at.end()) else {
            let sentence = format!("online in epoch {epoch}, which no session was given");
            found.invalid(Some(key), [at.row], sentence);
            continue;
        };
        let oldest = Micros(at.call.0.saturating_sub(micros(LIFE + CLOCK_BOUND)));
        if sign < oldest && facts.quiet(sign, at.end()) {
            let sentence = format!(
                "online in epoch {epoch}, whose last sign was {} s before",
                (at.call.0 - sign.0) / 1_000_000
            );
            found.invalid(Some(key), [at.row], sentence);
        }
    }
}

fn judge_ended(key: &Key, user: &UserFacts<'_>, found: &mut Found) {
    for at in &user.keep_alives {
        if at.out != Some(&Answer::Refused(ErrorCode::SessionEnded)) {
            continue;
        }
        found.check();
        let epoch = at.arg.epoch;
        let start = user
            .starts
            .iter()
            .find(|start| start.acked() == Some(&epoch));
        let Some(start) = start else {
            continue;
        };
        let renewed = user.keep_alives.iter();
        let renewed = renewed
            .filter(|sign| {
                sign.arg.epoch == epoch && sign.acked().is_some() && sign.end() < at.call
            })
            .map(|sign| (sign.call, sign.row));
        let signs = renewed.chain(Some((start.call, start.row)));
        let Some((sign, row)) = signs.max() else {
            continue;
        };
        let aged = at.end().0.saturating_sub(sign.0) >= micros(LEAST);
        if !aged && !may_have_been_ended(user, start, epoch, at.end()) {
            let sentence =
                format!("epoch {epoch} has ended right after a sign, and nobody had ended it");
            found.invalid(Some(key), [row, at.row], sentence);
        }
    }
}

/// Whether somebody may have ended this session: its user, a report of its epoch, or a newer
/// session of its device.
fn may_have_been_ended(
    user: &UserFacts<'_>,
    start: &At<'_, SessionArg, Answer<u64>>,
    epoch: u64,
    by: Micros,
) -> bool {
    let ended = user.ends.iter();
    let mut ended = ended.filter(|at| at.arg.epoch == epoch && at.may_count() && at.call <= by);
    let reported = user.reports.iter();
    let mut reported =
        reported.filter(|at| at.arg.epoch == epoch && at.may_count() && at.call <= by);
    let replaced = user.starts.iter();
    let mut replaced = replaced.filter(|at| {
        at.arg.device == start.arg.device
            && at.arg.request != start.arg.request
            && at.may_count()
            && at.end() >= start.call
            && at.call <= by
    });
    ended.next().is_some() || reported.next().is_some() || replaced.next().is_some()
}
