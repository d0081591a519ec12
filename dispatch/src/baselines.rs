//! Placement policies that ours is measured against, among them that of the paper in
//! docs/BENCHMARKS.md.
//!
//! For benchmarks only: nothing of the product uses them.

use std::time::Duration;

use cameo_common::ids::NodeId;

use super::placement::{
    self, Among, Candidate, Choice, Decision, LoadSample, PlacementInput, Verdict, draw,
};
use super::policy::Policy;

use super::scheduler::Settings;

/// Decides by the policy that the input names.
#[must_use]
pub fn decide(input: PlacementInput) -> Decision {
    match input.policy {
        Policy::LeastProjected => placement::decide(input),
        _ => placement::decide_by(input, choose),
    }
}

/// Whether deciding again by its policy gives the same decision.
#[must_use]
pub fn replays(decision: &Decision) -> bool {
    decide(decision.input.clone()) == *decision
}

impl Settings {
    /// The same with another policy. A newer report of a worker is used only this long after the
    /// one before; its events are followed all the same.
    #[must_use]
    pub fn with_baseline(self, policy: Policy, reports_every: Duration) -> Self {
        Self {
            policy,
            decide,
            reports_every,
            ..self
        }
    }
}

/// The choice among the followers, or the leader alone, that can take the job.
fn choose(input: &PlacementInput, verdicts: &[Verdict], among: Among) -> Choice {
    let able = able(input, verdicts, among);
    let at = |at: usize| able.get(at).map(|(candidate, _)| candidate.node);
    let count = able.len() as u64;
    let chosen = match input.policy {
        _ if able.is_empty() => None,
        Policy::LeastProjected => unreachable!("`decide` has handled it"),
        Policy::LeastCpu => able
            .iter()
            .min_by_key(|(candidate, load)| {
                (load.cpu_share_permille, draw(input.seed, candidate.node.0))
            })
            .map(|(candidate, _)| candidate.node),
        Policy::Random => at((input.seed % count) as usize),
        Policy::RoundRobin => at((input.sequence % count) as usize),
        Policy::TwoChoices => two_choices(input.seed, &able),
        Policy::One => at(0),
    };
    chosen.map_or(Choice::Nobody, Choice::Worker)
}

/// In the order of the candidates.
fn able<'a>(
    input: &'a PlacementInput,
    verdicts: &[Verdict],
    among: Among,
) -> Vec<(&'a Candidate, &'a LoadSample)> {
    let candidates = input.candidates.iter().zip(verdicts);
    candidates
        .filter(|(candidate, verdict)| {
            among.includes(candidate.leader) && matches!(verdict, Verdict::Scored(_))
        })
        .filter_map(|(candidate, _)| Some((candidate, candidate.load.as_ref()?)))
        .collect()
}

fn two_choices(seed: u64, able: &[(&Candidate, &LoadSample)]) -> Option<NodeId> {
    let count = able.len() as u64;
    let first = draw(seed, 1) % count;
    // A different one, where there are two.
    let second = (first + 1 + draw(seed, 2) % (count - 1).max(1)) % count;
    [first, second]
        .into_iter()
        .map(|at| able[at as usize])
        .min_by_key(|(_, load)| load.running + load.queued + load.incoming)
        .map(|(candidate, _)| candidate.node)
}

#[cfg(test)]
mod tests;
