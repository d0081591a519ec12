//! Faults of clocks.

use std::collections::BTreeSet;
use std::time::Duration;

use cameo_common::api::{ClusterInfo, paths};
use tokio::time::{Instant, sleep};

use super::{Signs, Strike};
use crate::faults::Strength;
use crate::history::Struck;
use crate::target::real::member::Member;
use crate::target::real::port::unix_now;

/// Time between two steps of a drifting clock.
const STEP: Duration = Duration::from_millis(200);
/// A clock is wrong if it is this many milliseconds outside of the time of the question.
const WRONG_BY: u64 = 20;
/// Longest wait for a sign beyond the fault's planned end: the node may be down.
const LINGER: Duration = Duration::from_secs(4);

/// Makes clocks wrong until the fault ends, and looks for what the nodes say of the time.
pub(super) async fn wrong(strike: &Strike<'_>) -> Struck {
    let members = strike.members();
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    let mut ahead = 0;
    loop {
        ahead = match strike.planned.strength {
            Strength::Ahead(millis) => millis,
            Strength::Rate(thousandths) => drifted(began.elapsed(), thousandths),
            _ => ahead,
        };
        for member in &members {
            set(strike, member, ahead);
            if !seen.contains(&member.id) && is_wrong(member).await {
                seen.insert(member.id);
            }
        }
        let now = Instant::now();
        let all = seen.len() == members.len();
        if now >= strike.ends && (all || now >= strike.ends + LINGER) {
            break;
        }
        sleep(STEP).await;
    }
    let mut signs = Signs::new();
    for member in &members {
        set(strike, member, 0);
        let wrong = seen.contains(&member.id);
        let what = if wrong {
            "told a wrong time"
        } else {
            "told no wrong time"
        };
        signs.add(
            wrong,
            format!("node {} {what}, at last {ahead:+} ms", member.id),
        );
    }
    signs.struck()
}

/// How far a clock of this rate is ahead.
fn drifted(elapsed: Duration, thousandths: u32) -> i64 {
    let elapsed = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
    elapsed.saturating_mul(i64::from(thousandths) - 1000) / 1000
}

fn set(strike: &Strike<'_>, member: &Member, ahead: i64) {
    let Some(clock) = &member.clock else {
        return;
    };
    if let Err(why) = clock.set(ahead) {
        strike
            .world
            .complain(format!("the clock of node {}: {why}", member.id));
    }
}

/// Whether the node tells a time that was not between question and answer.
async fn is_wrong(member: &Member) -> bool {
    let asked = unix_now();
    let Some(info) = member.ask::<ClusterInfo>(paths::CLUSTER).await else {
        return false;
    };
    let answered = unix_now();
    info.now.0 + WRONG_BY < asked || info.now.0 > answered + WRONG_BY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_a_rate_when_time_goes_by_then_the_clock_is_ahead_or_behind_by_it() {
        assert_eq!(drifted(Duration::from_secs(4), 1_500), 2_000);
        assert_eq!(drifted(Duration::from_secs(4), 750), -1_000);
        assert_eq!(drifted(Duration::from_secs(4), 1_000), 0);
    }
}
