//! D4: "online" implies a presence sign no older than a session's life, plus one grace a leader
//! change, plus the clock bound; and a session ends by its own end, its age, or a report of its own
//! epoch, and by nothing else.
//!
//! Seen in part:
//! - A look-up that tells of an epoch nobody was given, or of one that had ended, is wrong at any
//!   time. So is an epoch that two requests were given, and a request that was given two.
//! - An old sign is judged only where no fault struck and no term changed since that sign: there no
//!   grace was given. A sign whose outcome is unknown may have come at any time.
//! - Long after the heal, a session without a sign since then has ended, whatever there was before:
//!   every leader has given its grace by then.
//! - A session that a look-up tells to have ended, shortly after its start was acked, is judged
//!   always: a new leader gives a full life, and no pause takes any of it. A keep-alive is answered
//!   by any node that takes itself for the leader, without a look at the others. So it is judged as
//!   a sign in quiet times only, and so is what its device is told in answer.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::api::ErrorCode;

use super::facts::{At, Facts, UserFacts, micros};
use super::found::Found;
use crate::history::{Answer, EpochArg, Key, Micros, SessionArg};

/// A session lives this long after its last sign.
const LIFE: Duration = Duration::from_secs(15);
/// Later than its life: the leader looks once a second, its entry takes a moment, and clocks run
/// unevenly.
const CLOCK_BOUND: Duration = Duration::from_secs(5);
/// A leader gives a session that it has not heard of this long.
const GRACE: Duration = Duration::from_secs(15);
/// A session lives at least this long, by whatever clock.
const LEAST: Duration = Duration::from_secs(8);

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("presences told, and sessions that had ended");
    for (key, user) in &facts.users {
        judge_online(facts, key, user, &mut found);
        judge_offline(facts, key, user, &mut found);
        judge_ended(facts, key, user, &mut found);
        judge_epochs(key, user, &mut found);
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
        if let Some(row) = ended_before(user, epoch, at.call) {
            let sentence = format!("online in epoch {epoch}, which had ended");
            found.invalid(Some(key), [row, at.row], sentence);
        }
        let oldest = Micros(at.call.0.saturating_sub(micros(LIFE + CLOCK_BOUND)));
        let is_late = sign < oldest && facts.quiet(sign, at.end());
        if is_late || is_past_every_grace(facts, sign, at.call, at.end()) {
            let sentence = format!(
                "online in epoch {epoch}, whose last sign was {} s before",
                (at.call.0 - sign.0) / 1_000_000
            );
            found.invalid(Some(key), [at.row], sentence);
        }
    }
}

/// Whether a sign came before the heal, and a look so long after it that no session is left which
/// gave none since.
fn is_past_every_grace(facts: &Facts<'_>, sign: Micros, call: Micros, end: Micros) -> bool {
    facts.healed.is_some_and(|healed| {
        sign < healed
            && call.0 > healed.0 + micros(LIFE + GRACE + CLOCK_BOUND)
            && facts.quiet(healed, end)
    })
}

/// A row after which an epoch's session had ended for certain, before a moment: its user's end, a
/// report, or a newer session of its device.
fn ended_before(user: &UserFacts<'_>, epoch: u64, moment: Micros) -> Option<usize> {
    let ended = user.ends.iter();
    let ended = ended.filter(|at| at.arg.epoch == epoch && at.acked().is_some());
    let ended = ended.map(|at| (at.end(), at.row));
    let reported = user.reports.iter();
    let reported = reported.filter(|at| at.arg.epoch == epoch && at.acked() == Some(&true));
    let reported = reported.map(|at| (at.end(), at.row));
    let own = user.starts.iter().find(|at| at.acked() == Some(&epoch));
    let newer = user.starts.iter().filter_map(|at| {
        let own = own?;
        let replaces = at.arg.device == own.arg.device && at.acked().is_some_and(|e| *e > epoch);
        replaces.then_some((at.end(), at.row))
    });
    let mut all = ended.chain(reported).chain(newer);
    all.find(|(end, _)| *end < moment).map(|(_, row)| row)
}

/// An epoch's newest acked sign that had ended before a moment, and that the leader certainly has:
/// its call, and its row.
fn acked_sign(
    facts: &Facts<'_>,
    user: &UserFacts<'_>,
    epoch: u64,
    moment: Micros,
) -> Option<(Micros, usize)> {
    let started = user.starts.iter().filter(|at| at.acked() == Some(&epoch));
    let started = started.map(|at| (at.call, at.end(), at.row));
    let renewed = user.keep_alives.iter();
    let renewed = renewed.filter(|at| at.arg.epoch == epoch && at.acked().is_some());
    // A leader that is cut off accepts keep-alives as long as it does not know.
    let known = |at: &&At<'_, EpochArg, Answer<()>>| {
        facts.quiet(Micros(at.call.0.saturating_sub(micros(LIFE))), moment)
    };
    let renewed = renewed.filter(known).map(|at| (at.call, at.end(), at.row));
    let signs = started.chain(renewed).filter(|(_, end, _)| *end < moment);
    signs.map(|(call, _, row)| (call, row)).max()
}

/// Whether a session that gave this sign must still run at a moment, unless somebody ended it.
fn is_fresh(sign: Micros, moment: Micros) -> bool {
    moment.0.saturating_sub(sign.0) < micros(LEAST)
}

fn judge_offline(facts: &Facts<'_>, key: &Key, user: &UserFacts<'_>, found: &mut Found) {
    for at in &user.look_ups {
        let told = at.acked().and_then(Option::as_ref);
        if told.is_none_or(|told| told.online != Some(false)) {
            continue;
        }
        found.check();
        for start in &user.starts {
            let Some(&epoch) = start.acked() else {
                continue;
            };
            let fresh = acked_sign(facts, user, epoch, at.call);
            let fresh = fresh.filter(|(sign, _)| is_fresh(*sign, at.end()));
            if let Some((_, row)) = fresh
                && !may_have_been_ended(user, start, epoch, at.end())
            {
                let sentence = format!("offline right after a sign of epoch {epoch}, not ended");
                found.invalid(Some(key), [row, at.row], sentence);
            }
        }
    }
}

fn judge_ended(facts: &Facts<'_>, key: &Key, user: &UserFacts<'_>, found: &mut Found) {
    for at in &user.keep_alives {
        if at.out != Some(&Answer::Refused(ErrorCode::SessionEnded)) {
            continue;
        }
        found.check();
        let epoch = at.arg.epoch;
        let mut starts = user.starts.iter();
        let start = starts.find(|start| start.acked() == Some(&epoch));
        let sign = acked_sign(facts, user, epoch, at.call);
        let (Some(start), Some((sign, row))) = (start, sign) else {
            continue;
        };
        let judged = is_fresh(sign, at.end()) && facts.quiet(sign, at.end());
        if judged && !may_have_been_ended(user, start, epoch, at.end()) {
            let sentence =
                format!("epoch {epoch} has ended right after a sign, and nobody had ended it");
            found.invalid(Some(key), [row, at.row], sentence);
        }
    }
}

/// A request starts one session, and an epoch is given to one request.
fn judge_epochs(key: &Key, user: &UserFacts<'_>, found: &mut Found) {
    let mut by_request = BTreeMap::new();
    let mut by_epoch = BTreeMap::new();
    for at in &user.starts {
        let Some(&epoch) = at.acked() else {
            continue;
        };
        let request = at.arg.request;
        let (first, row) = *by_request.entry(request).or_insert((epoch, at.row));
        if first != epoch {
            let sentence = format!("one request was given the epochs {first} and {epoch}");
            found.invalid(Some(key), [row, at.row], sentence);
        }
        let (first, row) = *by_epoch.entry(epoch).or_insert((request, at.row));
        if first != request {
            let sentence = format!("epoch {epoch} was given to two requests");
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
