//! The choice of a worker: a pure function of what the leader knew, so that every decision can be
//! logged and repeated (law J2).
//!
//! The least projected CPU time per usable core wins: (reserved + reported + this job) / usable
//! cores. On a worker of several slots it is the time until one of them is free, and this job on
//! its part of the cores. Queueing delay is weighted 1.25x: a growing queue delays later jobs as
//! well, and its estimate is less certain. Near-ties go to the lowest measured CPU share, and among
//! shares of one step to a random draw from a seed that the decision keeps. The leader works only
//! when no follower can.
//!
//! A job is refused when the queueing delay would be too long on every worker. Inputs that are
//! still being uploaded do not count there, however slow their uploads: jobs run in the order in
//! which their inputs are complete.

use cameo_common::ids::{JobId, NodeId};
use cameo_mutant::{Mutant, is_planted};
use serde::{Deserialize, Serialize};

use super::policy::Policy;

/// Scores within this part of the least one tie with it. Parts in a thousand.
pub const TIE_MARGIN_PERMILLE: u64 = 20;
/// Scores within this of the least one tie with it, whatever their size. Microseconds.
pub const TIE_MARGIN_US: u64 = 1_000;
/// Weight of queueing delay beyond its length. Parts in a thousand; docs/BENCHMARKS.md has the
/// effect.
pub const QUEUEING_EXTRA_PERMILLE: u64 = 250;
/// CPU shares within one step of this are equal. Parts in a thousand.
pub const SHARE_STEP_PERMILLE: u16 = 50;
/// A worker that reports less is scored with this, so that every score has a bound.
pub const MIN_USABLE_MILLICORES: u32 = 10;

/// The last load report of one worker, as far as placement needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadSample {
    /// Time since the report arrived.
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

/// One node that might get the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    pub node: NodeId,
    /// No part of the decision: voters and learners are equals here. Kept for readers of the log.
    pub voter: bool,
    /// This is the node that decides.
    pub leader: bool,
    /// This job failed on it before.
    pub excluded: bool,
    /// It reports that it accepts no more now, or none of this size, or it has as many open tickets
    /// as are allowed.
    pub full: bool,
    /// None when it has not reported to this leader.
    #[serde(rename = "heard")]
    pub load: Option<LoadSample>,
    /// Jobs that were placed on it and that no report of it contains yet.
    #[serde(rename = "booked")]
    pub reserved: u32,
    /// CPU time of these.
    #[serde(rename = "booked_cpu_ms")]
    pub reserved_cpu_ms: u64,
}

/// All that a decision depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementInput {
    pub policy: Policy,
    pub term: u64,
    pub job: JobId,
    /// How many decisions this leader has made before.
    pub sequence: u64,
    /// Predicted CPU time of the job.
    pub cost_ms: u64,
    /// A node whose report is older than this is ineligible.
    pub stale_after_ms: u64,
    /// With a longer queueing delay than this on every worker, the job is refused.
    pub max_wait_ms: u64,
    pub seed: u64,
    pub candidates: Vec<Candidate>,
}

/// The projected queueing delay and end of a job on one worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Score {
    /// Time until the job could begin if its input were complete now. Admission control uses it.
    pub wait_us: u64,
    /// Time until the job has ended, with the jobs before it whose inputs are being uploaded.
    pub finish_us: u64,
    /// The value that is compared: `finish_us`, and the extra weight of the queueing delay.
    pub rank_us: u64,
}

/// The result for one candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Scored(Score),
    /// The job failed there before.
    Excluded,
    /// It has not reported to this leader.
    Silent,
    /// Its report is too old.
    Stale,
    Draining,
    Full,
}

/// The outcome of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Choice {
    Worker(NodeId),
    /// The queueing delay is over the bound on every worker; this is the least one.
    Busy {
        least_wait_us: u64,
    },
    /// All eligible followers are full, or the leader is where no follower is eligible.
    Full,
    /// No candidate can take the job.
    Nobody,
}

/// A decision with everything it was made from, as the decision log keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    #[serde(rename = "question")]
    pub input: PlacementInput,
    /// In the order of the candidates.
    pub verdicts: Vec<Verdict>,
    pub choice: Choice,
}

impl Decision {
    /// Whether deciding again gives the same decision.
    #[must_use]
    pub fn replays(&self) -> bool {
        decide(self.input.clone()) == *self
    }

    /// The score of a node that could take the job.
    #[must_use]
    pub fn score(&self, node: NodeId) -> Option<Score> {
        let mut judged = self.input.candidates.iter().zip(&self.verdicts);
        let (_, verdict) = judged.find(|(candidate, _)| candidate.node == node)?;
        match verdict {
            Verdict::Scored(score) => Some(*score),
            _ => None,
        }
    }
}

/// Decides by the least projected CPU time per usable core.
#[must_use]
pub fn decide(input: PlacementInput) -> Decision {
    debug_assert_eq!(input.policy, Policy::LeastProjected);
    decide_by(input, least)
}

/// The nodes that a choice is made among. The leader gets a job only when no follower can take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    Followers,
    Leader,
}

impl Among {
    /// Whether a node is one of them.
    pub(super) fn includes(self, is_leader: bool) -> bool {
        is_leader == (self == Self::Leader)
    }
}

/// Decides by a rule that chooses among the followers, or takes the leader.
pub(super) fn decide_by(
    input: PlacementInput,
    choose: impl Fn(&PlacementInput, &[Verdict], Among) -> Choice,
) -> Decision {
    let verdicts: Vec<Verdict> = input
        .candidates
        .iter()
        .map(|candidate| judge(candidate, &input))
        .collect();
    let full = |among: Among| {
        let is_full = |(candidate, verdict): (&Candidate, &Verdict)| {
            among.includes(candidate.leader) && *verdict == Verdict::Full
        };
        let mut all = input.candidates.iter().zip(&verdicts);
        all.any(is_full).then_some(Choice::Full)
    };
    let choose = |among| match choose(&input, &verdicts, among) {
        Choice::Nobody => full(among),
        choice => Some(choice),
    };
    let choice = choose(Among::Followers).or_else(|| choose(Among::Leader));
    let choice = choice.unwrap_or(Choice::Nobody);
    Decision {
        input,
        verdicts,
        choice,
    }
}

fn judge(candidate: &Candidate, input: &PlacementInput) -> Verdict {
    if candidate.excluded {
        return Verdict::Excluded;
    }
    let Some(load) = &candidate.load else {
        return Verdict::Silent;
    };
    if load.age_ms > input.stale_after_ms && !is_planted(Mutant::StaleLoadSampleAccepted) {
        return Verdict::Stale;
    }
    if load.draining {
        return Verdict::Draining;
    }
    if candidate.full {
        return Verdict::Full;
    }
    Verdict::Scored(score(candidate, load, input.cost_ms))
}

fn score(candidate: &Candidate, load: &LoadSample, cost_ms: u64) -> Score {
    let here = Queue {
        jobs: u64::from(candidate.reserved) + u64::from(load.running) + u64::from(load.queued),
        cpu_ms: u128::from(candidate.reserved_cpu_ms) + u128::from(load.backlog_cpu_ms),
    };
    let with_incoming = Queue {
        jobs: here.jobs + u64::from(load.incoming),
        cpu_ms: here.cpu_ms + u128::from(load.incoming_cpu_ms),
    };
    let slots = load.slots.max(1);
    let usable = load.usable_millicores.max(MIN_USABLE_MILLICORES);
    let begins_us = with_incoming.wait_us(slots, usable);
    let takes_us = micros(u128::from(cost_ms) * u128::from(slots), u128::from(usable));
    let finish_us = begins_us.saturating_add(takes_us);
    Score {
        wait_us: here.wait_us(slots, usable),
        finish_us,
        rank_us: finish_us.saturating_add(part(begins_us, QUEUEING_EXTRA_PERMILLE)),
    }
}

/// The jobs before a new one.
struct Queue {
    jobs: u64,
    cpu_ms: u128,
}

impl Queue {
    /// Time until one of the slots is free. With as many jobs as slots or more, that is when all
    /// but `slots - 1` of them have ended; they share the cores, and are taken to be equally long.
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

/// Duration of this CPU time on this many thousandths of a core.
fn micros(cpu_ms: u128, millicores: u128) -> u64 {
    u64::try_from(cpu_ms * 1_000_000 / millicores).unwrap_or(u64::MAX)
}

/// The best of the followers, or of the leader alone.
fn least(input: &PlacementInput, verdicts: &[Verdict], among: Among) -> Choice {
    let scored = || {
        input
            .candidates
            .iter()
            .zip(verdicts)
            .filter_map(|(candidate, verdict)| match verdict {
                Verdict::Scored(score) if among.includes(candidate.leader) => {
                    Some((candidate, *score))
                }
                _ => None,
            })
    };
    let Some(least_wait_us) = scored().map(|(_, score)| score.wait_us).min() else {
        return Choice::Nobody;
    };
    if least_wait_us > input.max_wait_ms.saturating_mul(1000) {
        return Choice::Busy { least_wait_us };
    }
    let best = scored().map(|(_, score)| score.rank_us).min();
    let bound = best.map_or(0, tie_bound);
    scored()
        .filter(|(_, score)| score.rank_us <= bound)
        .min_by_key(|(candidate, _)| tie_order(candidate, input.seed))
        .map_or(Choice::Nobody, |(candidate, _)| {
            Choice::Worker(candidate.node)
        })
}

/// The largest rank that ties with the best one.
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
        .load
        .as_ref()
        .map_or(u16::MAX, |load| load.cpu_share_permille);
    (
        share / SHARE_STEP_PERMILLE,
        draw(seed, candidate.node.0),
        candidate.node,
    )
}

/// A number drawn from the seed for another one (the finaliser of SplitMix64).
pub(super) fn draw(seed: u64, number: u64) -> u64 {
    let mut z = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
pub(crate) mod tests;
