//! Which worker gets a job: a pure function of what the leader knew, so that every decision can be
//! logged and made again (law J2).
//!
//! The least projected CPU time per usable core wins: (booked + reported + this job) / usable cores, on a worker of
//! several slots the wait for one of them, and this job on its part of the cores. A wait counts a little more than
//! it lasts: a queue that grows makes later jobs wait as well, and what it is reckoned from is less sure. Near-ties
//! go to the lowest measured CPU share, and among shares of one step to chance, from a seed that the decision keeps.
//! The leader works only when nobody else can.
//!
//! A job is refused when the wait would be too long on every worker. Inputs that are still on their way are no part
//! of that wait, however slow their lines: whoever is here first goes first.

use cameo_common::ids::{JobId, NodeId};
use serde::{Deserialize, Serialize};

use super::rivals::{self, Policy};

/// Scores within this part of the least one are as good as it. Parts in a thousand.
pub const TIE_MARGIN_PERMILLE: u64 = 20;
/// Scores within this of the least one are as good as it, whatever their size. Microseconds.
pub const TIE_MARGIN_US: u64 = 1_000;
/// What a wait counts beyond its length. Parts in a thousand; docs/BENCHMARKS.md has what it brings.
pub const WAIT_EXTRA_PERMILLE: u64 = 250;
/// CPU shares within one step of this are alike. Parts in a thousand.
pub const SHARE_STEP_PERMILLE: u16 = 50;
/// A worker that says it has less is reckoned with this, so that no score is without bound.
pub const MIN_USABLE_MILLICORES: u32 = 10;

/// What one worker last said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Time since its report arrived.
    pub age_ms: u64,
    pub usable_millicores: u32,
    pub cpu_share_permille: u16,
    pub slots: u32,
    pub running: u32,
    pub queued: u32,
    pub backlog_cpu_ms: u64,
    pub incoming: u32,
    pub incoming_cpu_ms: u64,
    pub draining: bool,
}

/// One node that might work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub node: NodeId,
    /// Voters and learners are equals here; kept for whoever reads the decision.
    pub voter: bool,
    /// Is the node that decides.
    pub leader: bool,
    /// This job failed on it before.
    pub excluded: bool,
    /// It says that it takes no more now, or none of this size, or it has as many open tickets as it may.
    pub full: bool,
    /// Nothing, when it has not reported to this leader.
    pub heard: Option<Heard>,
    /// Jobs that were placed on it and that its reports do not know yet.
    pub booked: u32,
    /// CPU time of these.
    pub booked_cpu_ms: u64,
}

/// All that a decision depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub policy: Policy,
    pub term: u64,
    pub job: JobId,
    /// How many questions this leader has put before.
    pub sequence: u64,
    /// Predicted CPU time of the job.
    pub cost_ms: u64,
    /// Reports older than this make their node ineligible.
    pub stale_after_ms: u64,
    /// With a longer wait than this on every worker, the job is refused.
    pub max_wait_ms: u64,
    pub seed: u64,
    pub candidates: Vec<Candidate>,
}

/// How long a job would wait and take on a worker, by projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Until the job could begin, were its input there: admission looks at it.
    pub wait_us: u64,
    /// Until it has ended, with what is on its way before it.
    pub finish_us: u64,
    /// What is compared: the finish, and a part of the time before its beginning once more.
    pub rank_us: u64,
}

/// What a candidate came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Scored(Score),
    /// The job is not to go there.
    Excluded,
    /// It has not reported to this leader.
    Silent,
    /// Its report is too old.
    Stale,
    Draining,
    Full,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Choice {
    Worker(NodeId),
    /// Every worker's wait is over the bound; this is the least.
    Busy {
        least_wait_us: u64,
    },
    /// Those that could work are full: all that are no leader, or the leader alone.
    Full,
    /// No candidate can take the job.
    Nobody,
}

/// A question with its answer, as the decision log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub question: Question,
    /// In the order of the candidates.
    pub verdicts: Vec<Verdict>,
    pub choice: Choice,
}

impl Decision {
    /// Whether deciding again gives the same.
    #[must_use]
    pub fn replays(&self) -> bool {
        decide(self.question.clone()) == *self
    }

    /// What the job comes to on a node that could take it.
    #[must_use]
    pub fn score(&self, node: NodeId) -> Option<Score> {
        let mut judged = self.question.candidates.iter().zip(&self.verdicts);
        let (_, verdict) = judged.find(|(candidate, _)| candidate.node == node)?;
        match verdict {
            Verdict::Scored(score) => Some(*score),
            _ => None,
        }
    }
}

/// Decides.
#[must_use]
pub fn decide(question: Question) -> Decision {
    let verdicts: Vec<Verdict> = question
        .candidates
        .iter()
        .map(|candidate| judge(candidate, &question))
        .collect();
    let among = |leader| match question.policy {
        Policy::LeastProjected => least(&question, &verdicts, leader),
        _ => rivals::choose(&question, &able(&question, &verdicts, leader)),
    };
    let full = |leader| {
        let is_full = |(candidate, verdict): (&Candidate, &Verdict)| {
            candidate.leader == leader && *verdict == Verdict::Full
        };
        let mut all = question.candidates.iter().zip(&verdicts);
        all.any(is_full).then_some(Choice::Full)
    };
    let of = |leader| match among(leader) {
        Choice::Nobody => full(leader),
        choice => Some(choice),
    };
    let choice = of(false).or_else(|| of(true));
    let choice = choice.unwrap_or(Choice::Nobody);
    Decision {
        question,
        verdicts,
        choice,
    }
}

fn judge(candidate: &Candidate, question: &Question) -> Verdict {
    if candidate.excluded {
        return Verdict::Excluded;
    }
    let Some(heard) = &candidate.heard else {
        return Verdict::Silent;
    };
    if heard.age_ms > question.stale_after_ms {
        return Verdict::Stale;
    }
    if heard.draining {
        return Verdict::Draining;
    }
    if candidate.full {
        return Verdict::Full;
    }
    Verdict::Scored(score(candidate, heard, question.cost_ms))
}

fn score(candidate: &Candidate, heard: &Heard, cost_ms: u64) -> Score {
    let here = Queue {
        jobs: u64::from(candidate.booked) + u64::from(heard.running) + u64::from(heard.queued),
        cpu_ms: u128::from(candidate.booked_cpu_ms) + u128::from(heard.backlog_cpu_ms),
    };
    let with_incoming = Queue {
        jobs: here.jobs + u64::from(heard.incoming),
        cpu_ms: here.cpu_ms + u128::from(heard.incoming_cpu_ms),
    };
    let slots = heard.slots.max(1);
    let usable = heard.usable_millicores.max(MIN_USABLE_MILLICORES);
    let begins_us = with_incoming.wait_us(slots, usable);
    let takes_us = micros(u128::from(cost_ms) * u128::from(slots), u128::from(usable));
    let finish_us = begins_us.saturating_add(takes_us);
    Score {
        wait_us: here.wait_us(slots, usable),
        finish_us,
        rank_us: finish_us.saturating_add(part(begins_us, WAIT_EXTRA_PERMILLE)),
    }
}

/// What goes before a job.
struct Queue {
    jobs: u64,
    cpu_ms: u128,
}

impl Queue {
    /// Until one of the slots is free: none is, with as many jobs or more, until all but the last `slots - 1` have
    /// ended. They share the cores, and are taken for equally long.
    fn wait_us(&self, slots: u32, usable_millicores: u32) -> u64 {
        let Some(before) = self
            .jobs
            .checked_sub(u64::from(slots) - 1)
            .filter(|n| *n > 0)
        else {
            return 0;
        };
        micros(
            self.cpu_ms * u128::from(before),
            u128::from(usable_millicores) * u128::from(self.jobs),
        )
    }
}

/// How long so much CPU time takes on so many thousandths of a core.
fn micros(cpu_ms: u128, millicores: u128) -> u64 {
    u64::try_from(cpu_ms * 1_000_000 / millicores).unwrap_or(u64::MAX)
}

/// The best of the followers, or of the leader alone.
fn least(question: &Question, verdicts: &[Verdict], leader: bool) -> Choice {
    let scored = || {
        question
            .candidates
            .iter()
            .zip(verdicts)
            .filter_map(|(candidate, verdict)| match verdict {
                Verdict::Scored(score) if candidate.leader == leader => Some((candidate, *score)),
                _ => None,
            })
    };
    let Some(least_wait_us) = scored().map(|(_, score)| score.wait_us).min() else {
        return Choice::Nobody;
    };
    if least_wait_us > question.max_wait_ms.saturating_mul(1000) {
        return Choice::Busy { least_wait_us };
    }
    let best = scored().map(|(_, score)| score.rank_us).min();
    let bound = best.map_or(0, tie_bound);
    scored()
        .filter(|(_, score)| score.rank_us <= bound)
        .min_by_key(|(candidate, _)| tie_order(candidate, question.seed))
        .map_or(Choice::Nobody, |(candidate, _)| {
            Choice::Worker(candidate.node)
        })
}

/// Followers, or the leader alone, that can take the job.
fn able<'a>(
    question: &'a Question,
    verdicts: &[Verdict],
    leader: bool,
) -> Vec<(&'a Candidate, &'a Heard)> {
    let candidates = question.candidates.iter().zip(verdicts);
    candidates
        .filter(|(candidate, verdict)| {
            candidate.leader == leader && matches!(verdict, Verdict::Scored(_))
        })
        .filter_map(|(candidate, _)| Some((candidate, candidate.heard.as_ref()?)))
        .collect()
}

/// The largest rank that is as good as the best one.
#[must_use]
pub fn tie_bound(best_us: u64) -> u64 {
    let margin = part(best_us, TIE_MARGIN_PERMILLE);
    best_us.saturating_add(margin.max(TIE_MARGIN_US))
}

fn part(of: u64, permille: u64) -> u64 {
    u64::try_from(u128::from(of) * u128::from(permille) / 1000).unwrap_or(u64::MAX)
}

fn tie_order(candidate: &Candidate, seed: u64) -> (u16, u64, NodeId) {
    let share = candidate
        .heard
        .as_ref()
        .map_or(u16::MAX, |heard| heard.cpu_share_permille);
    (
        share / SHARE_STEP_PERMILLE,
        draw(seed, candidate.node),
        candidate.node,
    )
}

/// A number for each node, drawn from the seed (the finaliser of SplitMix64).
pub(super) fn draw(seed: u64, node: NodeId) -> u64 {
    let mut z = seed ^ node.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests;
