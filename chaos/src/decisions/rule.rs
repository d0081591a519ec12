//! Law J2, implemented a second time from the logged numbers, without the code that decides.
//!
//! The eligible nodes, the leader as the last choice, and the verdicts are checked for every
//! policy; the least projected time for ours only.

use cameo_common::ids::NodeId;
use cameo_dispatch::{
    Candidate, Choice, LoadSample, Logged, MIN_USABLE_MILLICORES, PlacementInput,
    QUEUEING_EXTRA_PERMILLE, Score, TIE_MARGIN_PERMILLE, TIE_MARGIN_US, Verdict,
};

use super::is_judged_in_full;

/// A violation of a decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    #[error("{verdicts} verdicts on {candidates} candidates")]
    Count { verdicts: usize, candidates: usize },
    #[error("node {0} is a candidate twice")]
    Twice(NodeId),
    #[error("node {0} is taken for the leader and is not the node of this log, or the reverse")]
    Leader(NodeId),
    #[error("the verdict {verdict:?} on node {node} does not fit its numbers")]
    Verdict { node: NodeId, verdict: Verdict },
    #[error("node {0} was chosen and is no candidate")]
    NoCandidate(NodeId),
    #[error("node {0} was chosen and cannot work: it is excluded, silent, stale, draining or full")]
    Ineligible(NodeId),
    #[error("the leader was chosen, though node {0} can work")]
    LeaderBeforeFollower(NodeId),
    #[error(
        "node {node} was chosen and has rank {chosen_us} us: more than the margin above the least, \
         {least_us} us"
    )]
    NotLeast {
        node: NodeId,
        chosen_us: u64,
        least_us: u64,
    },
    #[error("nobody was chosen, though node {0} can work")]
    Somebody(NodeId),
    #[error("the job was refused as if all were busy, though none can work")]
    BusyAlone,
    #[error("the job was refused for a wait of {logged_us} us, and the least is {least_us} us")]
    WrongWait { logged_us: u64, least_us: u64 },
    #[error("the job was refused, though the least wait, {least_us} us, is within {max_ms} ms")]
    RefusedWithinBound { least_us: u64, max_ms: u64 },
    #[error("the job was placed, though the least wait, {least_us} us, is over {max_ms} ms")]
    PlacedOverBound { least_us: u64, max_ms: u64 },
    #[error("the job was refused as if all were full, though node {0} is not")]
    NotFull(NodeId),
    #[error("the job was refused as if all were full, though none can work")]
    FullAlone,
    #[error("a policy that never refuses has refused")]
    BaselineRefused,
}

/// All violations of a decision in itself.
pub(super) fn judge(line: &Logged) -> Vec<Broken> {
    let input = &line.decision.input;
    let mut broken = candidates(line);
    broken.extend(verdicts(line));
    if broken.is_empty() {
        broken.extend(choice(input, line.decision.choice).err());
    }
    broken
}

fn candidates(line: &Logged) -> Vec<Broken> {
    let mut seen = std::collections::BTreeSet::new();
    let mut broken = Vec::new();
    for candidate in &line.decision.input.candidates {
        if !seen.insert(candidate.node) {
            broken.push(Broken::Twice(candidate.node));
        }
        if candidate.leader != (candidate.node == line.leader) {
            broken.push(Broken::Leader(candidate.node));
        }
    }
    broken
}

fn verdicts(line: &Logged) -> Vec<Broken> {
    let input = &line.decision.input;
    let (verdicts, candidates) = (&line.decision.verdicts, &input.candidates);
    if verdicts.len() != candidates.len() {
        let (verdicts, candidates) = (verdicts.len(), candidates.len());
        return vec![Broken::Count {
            verdicts,
            candidates,
        }];
    }
    let wrong = candidates
        .iter()
        .zip(verdicts)
        .filter(|(candidate, verdict)| !is_true(candidate, verdict, input));
    wrong
        .map(|(candidate, verdict)| Broken::Verdict {
            node: candidate.node,
            verdict: *verdict,
        })
        .collect()
}

fn is_true(candidate: &Candidate, verdict: &Verdict, input: &PlacementInput) -> bool {
    let load = candidate.load.as_ref();
    match verdict {
        Verdict::Excluded => candidate.excluded,
        Verdict::Silent => load.is_none(),
        Verdict::Stale => load.is_some_and(|load| load.age_ms > input.stale_after_ms),
        Verdict::Draining => load.is_some_and(|load| load.draining),
        Verdict::Full => candidate.full && works(candidate, input).is_some(),
        Verdict::Scored(score) => {
            projected(candidate, input).is_some_and(|projected| projected == *score)
        }
    }
}

/// The load of a node that can work.
fn works<'a>(candidate: &'a Candidate, input: &PlacementInput) -> Option<&'a LoadSample> {
    let load = candidate.load.as_ref()?;
    let out = candidate.excluded || load.draining || load.age_ms > input.stale_after_ms;
    (!out).then_some(load)
}

/// The score of a node that can take the job: CPU time over cores, rounded down to microseconds.
fn projected(candidate: &Candidate, input: &PlacementInput) -> Option<Score> {
    let load = works(candidate, input).filter(|_| !candidate.full)?;
    let cores = u128::from(load.usable_millicores.max(MIN_USABLE_MILLICORES));
    let slots = u128::from(load.slots.max(1));
    // A CPU millisecond on a thousandth of a core takes a second.
    let elapsed_us =
        |cpu_ms: u128, cores| u64::try_from(cpu_ms * 1_000_000 / cores).unwrap_or(u64::MAX);
    // A slot is free when all jobs but `slots - 1` have ended; they are taken to be equally long.
    let free_after = |jobs: u128, cpu_ms: u128| match (jobs + 1).saturating_sub(slots) {
        0 => 0,
        end => elapsed_us(cpu_ms * end, cores * jobs.max(1)),
    };
    let jobs = u128::from(load.running) + u128::from(load.queued) + u128::from(candidate.reserved);
    let work = u128::from(load.backlog_cpu_ms) + u128::from(candidate.reserved_cpu_ms);
    let begin_us = free_after(
        jobs + u128::from(load.incoming),
        work + u128::from(load.incoming_cpu_ms),
    );
    let finish_us = begin_us.saturating_add(elapsed_us(u128::from(input.cost_ms) * slots, cores));
    // Queueing delay has extra weight.
    let extra = u128::from(begin_us) * u128::from(QUEUEING_EXTRA_PERMILLE) / 1000;
    Some(Score {
        // Jobs whose input is being uploaded are no part of the queueing delay.
        wait_us: free_after(jobs, work),
        finish_us,
        rank_us: finish_us.saturating_add(u64::try_from(extra).unwrap_or(u64::MAX)),
    })
}

fn choice(input: &PlacementInput, choice: Choice) -> Result<(), Broken> {
    let all = &input.candidates;
    let (leaders, followers): (Vec<_>, Vec<_>) = all
        .iter()
        .filter(|candidate| works(candidate, input).is_some())
        .partition(|candidate| candidate.leader);
    // The leader is considered only when no follower works, full or not.
    let working = if followers.is_empty() {
        &leaders
    } else {
        &followers
    };
    let score = |candidate: &&'_ Candidate| Some((candidate.node, projected(candidate, input)?));
    let scored: Vec<(NodeId, Score)> = working.iter().filter_map(score).collect();
    match choice {
        Choice::Worker(node) => {
            let chosen = all.iter().find(|candidate| candidate.node == node);
            let chosen = chosen.ok_or(Broken::NoCandidate(node))?;
            if let (true, Some(other)) = (chosen.leader, followers.first()) {
                return Err(Broken::LeaderBeforeFollower(other.node));
            }
            let score = projected(chosen, input).ok_or(Broken::Ineligible(node))?;
            if is_judged_in_full(input.policy) {
                within_bound(input, &scored)?;
                least(node, score, &scored)?;
            }
            Ok(())
        }
        Choice::Nobody => match working.first() {
            Some(candidate) => Err(Broken::Somebody(candidate.node)),
            None => Ok(()),
        },
        Choice::Full => match (scored.first(), working.first()) {
            (Some((node, _)), _) => Err(Broken::NotFull(*node)),
            (None, Some(_)) => Ok(()),
            (None, None) => Err(Broken::FullAlone),
        },
        Choice::Busy { least_wait_us } if is_judged_in_full(input.policy) => {
            over_bound(input, &scored, least_wait_us)
        }
        Choice::Busy { .. } => Err(Broken::BaselineRefused),
    }
}

/// The nodes that could have been chosen.
type Scored = [(NodeId, Score)];

fn least_wait_us(scored: &Scored) -> Option<u64> {
    scored.iter().map(|(_, score)| score.wait_us).min()
}

fn is_over(input: &PlacementInput, wait_us: u64) -> bool {
    u128::from(wait_us) > u128::from(input.max_wait_ms) * 1000
}

fn within_bound(input: &PlacementInput, scored: &Scored) -> Result<(), Broken> {
    let max_ms = input.max_wait_ms;
    match least_wait_us(scored) {
        Some(least_us) if is_over(input, least_us) => {
            Err(Broken::PlacedOverBound { least_us, max_ms })
        }
        _ => Ok(()),
    }
}

fn over_bound(input: &PlacementInput, scored: &Scored, logged_us: u64) -> Result<(), Broken> {
    let max_ms = input.max_wait_ms;
    let least_us = least_wait_us(scored).ok_or(Broken::BusyAlone)?;
    if logged_us != least_us {
        return Err(Broken::WrongWait {
            logged_us,
            least_us,
        });
    }
    if is_over(input, least_us) {
        Ok(())
    } else {
        Err(Broken::RefusedWithinBound { least_us, max_ms })
    }
}

fn least(node: NodeId, score: Score, scored: &Scored) -> Result<(), Broken> {
    let ranks = scored.iter().map(|(_, score)| score.rank_us);
    let least_us = ranks.min().unwrap_or(score.rank_us);
    let above = u128::from(score.rank_us.saturating_sub(least_us));
    let of_a_thousand = above * 1000 <= u128::from(least_us) * u128::from(TIE_MARGIN_PERMILLE);
    if of_a_thousand || above <= u128::from(TIE_MARGIN_US) {
        Ok(())
    } else {
        Err(Broken::NotLeast {
            node,
            chosen_us: score.rank_us,
            least_us,
        })
    }
}
