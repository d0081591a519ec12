//! The ways of placing that ours is measured against, and the paper's among them. Nobody should run a cluster on
//! any but the first.

use cameo_common::ids::NodeId;
use serde::{Deserialize, Serialize};

use super::placement::{Candidate, Choice, Heard, Question, draw};

/// How a worker is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// The least projected CPU time per usable core.
    #[default]
    LeastProjected,
    /// The lowest CPU share that was reported: the paper's way.
    LeastCpu,
    Random,
    RoundRobin,
    /// The one with fewer jobs, as reported, of two drawn by chance.
    TwoChoices,
    /// Everything to one server.
    One,
}

impl Policy {
    pub const ALL: [Policy; 6] = [
        Policy::LeastProjected,
        Policy::LeastCpu,
        Policy::Random,
        Policy::RoundRobin,
        Policy::TwoChoices,
        Policy::One,
    ];

    /// As it is written in flags, logs and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Policy::LeastProjected => "least-projected",
            Policy::LeastCpu => "least-cpu",
            Policy::Random => "random",
            Policy::RoundRobin => "round-robin",
            Policy::TwoChoices => "two-choices",
            Policy::One => "one",
        }
    }

    /// The policy of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }
}

/// The choice of a rival among those that can take the job, in the order of the candidates.
pub(super) fn choose(question: &Question, able: &[(&Candidate, &Heard)]) -> Choice {
    let at = |at: usize| able.get(at).map(|(candidate, _)| candidate.node);
    let count = able.len() as u64;
    let chosen = match question.policy {
        Policy::LeastProjected => unreachable!("ours is no rival"),
        _ if able.is_empty() => None,
        Policy::LeastCpu => able
            .iter()
            .min_by_key(|(candidate, heard)| {
                let chance = draw(question.seed, candidate.node);
                (heard.cpu_share_permille, chance)
            })
            .map(|(candidate, _)| candidate.node),
        Policy::Random => at((question.seed % count) as usize),
        Policy::RoundRobin => at((question.sequence % count) as usize),
        Policy::TwoChoices => two_choices(question.seed, able),
        Policy::One => at(0),
    };
    chosen.map_or(Choice::Nobody, Choice::Worker)
}

fn two_choices(seed: u64, able: &[(&Candidate, &Heard)]) -> Option<NodeId> {
    let count = able.len() as u64;
    let first = draw(seed, 1) % count;
    // Another one, where there is another.
    let second = (first + 1 + draw(seed, 2) % (count - 1).max(1)) % count;
    [first, second]
        .into_iter()
        .map(|at| able[at as usize])
        .min_by_key(|(_, heard)| heard.running + heard.queued + heard.incoming)
        .map(|(candidate, _)| candidate.node)
}
