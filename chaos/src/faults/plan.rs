//! The plan of a run: a pure function of its seed.

use std::ops::RangeInclusive;
use std::time::Duration;

use cameo_common::ids::NodeId;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::kind::{Kind, Lane};
use super::liars::liars;
use super::planned::{Planned, Strength, Victims};

/// Nothing strikes before: clients make their first acquaintance.
const QUIET_START: Duration = Duration::from_secs(1);
/// Milliseconds between two faults of one lane.
const BETWEEN: RangeInclusive<u64> = 600..=2_500;
/// Longest time that all nodes are struck at once: most of a run has a majority.
const ALL_AT_MOST: Duration = Duration::from_millis(1_200);

/// The time at which all faults of a run are over: the rest is for clients that meet a whole
/// cluster.
#[must_use]
pub fn quiet_from(whole: Duration) -> Duration {
    let tail = (whole / 6).clamp(Duration::from_secs(3), Duration::from_secs(15));
    whole.saturating_sub(tail)
}

/// The faults of a run of `whole` over nodes 1 to `nodes`, ordered by when they strike. Kinds that
/// are [`Kind::impossible`] are left out.
#[must_use]
pub fn plan(seed: u64, whole: Duration, nodes: u64, kinds: &[Kind]) -> Vec<Planned> {
    let mut planned = Vec::new();
    for lane in [
        Lane::Node,
        Lane::Network,
        Lane::Clock,
        Lane::Members,
        Lane::Lies,
        Lane::Folders,
    ] {
        let kinds = kinds.iter().copied();
        let kinds = kinds.filter(|kind| kind.lane() == lane && kind.impossible(nodes).is_none());
        let mut lane = Planner {
            rng: StdRng::seed_from_u64(seed ^ ((lane as u64) << 56)),
            nodes,
            liars: liars(seed, nodes),
            kinds: kinds.collect(),
            left: Vec::new(),
            newcomers: 0,
        };
        planned.extend(lane.until(quiet_from(whole)));
    }
    planned.sort_by_key(|planned| planned.at);
    planned
}

/// Plans one lane.
struct Planner {
    rng: StdRng,
    nodes: u64,
    liars: Vec<NodeId>,
    kinds: Vec<Kind>,
    /// Kinds that have not had their turn in this round.
    left: Vec<Kind>,
    newcomers: u64,
}

impl Planner {
    /// One fault after another, until the next would not be over in time.
    fn until(&mut self, end: Duration) -> Vec<Planned> {
        let mut planned = Vec::new();
        let mut at = QUIET_START;
        loop {
            at += Duration::from_millis(self.rng.random_range(BETWEEN));
            let Some(kind) = self.next_kind() else {
                return planned;
            };
            let fault = self.fault(kind, at);
            if fault.ends() > end {
                return planned;
            }
            at = fault.ends();
            planned.push(fault);
        }
    }

    /// Every kind has its turn before any has its second.
    fn next_kind(&mut self) -> Option<Kind> {
        if self.left.is_empty() {
            self.left.clone_from(&self.kinds);
            self.left.shuffle(&mut self.rng);
        }
        self.left.pop()
    }

    fn fault(&mut self, kind: Kind, at: Duration) -> Planned {
        let victims = self.victims(kind);
        let all = matches!(&victims, Victims::Nodes(nodes) if self.is_all(nodes));
        let lasts = Duration::from_millis(self.rng.random_range(self.lasts(kind)));
        let takes_away = kind.lane() == Lane::Node && kind != Kind::RollingRestart;
        Planned {
            at,
            lasts: if all && takes_away {
                lasts.min(ALL_AT_MOST)
            } else {
                lasts
            },
            kind,
            victims,
            strength: self.strength(kind),
        }
    }

    fn is_all(&self, nodes: &[NodeId]) -> bool {
        u64::try_from(nodes.len()).is_ok_and(|struck| struck == self.nodes)
    }

    /// Milliseconds that a fault of this kind lasts.
    fn lasts(&self, kind: Kind) -> RangeInclusive<u64> {
        match kind {
            Kind::Kill | Kind::Stop | Kind::PowerFailure | Kind::TornTail | Kind::BitFlip => {
                200..=2_500
            }
            // Some last longer than a node waits for a majority.
            Kind::Pause => 200..=7_000,
            Kind::RollingRestart => 1_500 * self.nodes..=2_000 * self.nodes,
            Kind::Isolate | Kind::Halves | Kind::Bridge | Kind::Ring | Kind::OneWay => {
                1_000..=7_000
            }
            Kind::Flapping | Kind::Worker => 4_000..=8_000,
            Kind::ClientsCut | Kind::Throttle => 1_500..=5_000,
            Kind::LogReaderGone
            | Kind::Descriptors
            | Kind::DiskError
            | Kind::DiskFull
            | Kind::FailingSync
            | Kind::SlowSync
            | Kind::Delay
            | Kind::Loss
            | Kind::Reorder => 2_000..=5_000,
            Kind::ClockJump | Kind::ClockDrift => 3_000..=8_000,
            // The age of the copy.
            Kind::RolledBack => 1_000..=6_000,
            Kind::Withholds | Kind::FalseAnswers | Kind::Forges => 2_000..=5_000,
            // Half of it is the age of the copy, at least: others write every five seconds how far
            // the node had come.
            Kind::OldFolder => 8_000..=11_000,
        }
    }

    fn victims(&mut self, kind: Kind) -> Victims {
        match kind {
            // Of these, a cluster is meant to survive any.
            Kind::Kill | Kind::Pause | Kind::Stop | Kind::PowerFailure | Kind::TornTail => {
                match self.rng.random_range(0..100) {
                    0..30 => self.one(),
                    30..60 => Victims::Leader,
                    60..80 => self.minority(),
                    _ => self.everybody(),
                }
            }
            Kind::RollingRestart | Kind::Reorder => self.everybody(),
            Kind::Delay | Kind::Loss | Kind::Throttle | Kind::SlowSync => {
                match self.rng.random_range(0..3) {
                    0 => self.one(),
                    1 => Victims::Leader,
                    _ => self.everybody(),
                }
            }
            // A majority with wrong clocks has the right time by definition.
            Kind::ClockJump | Kind::ClockDrift | Kind::ClientsCut => {
                match self.rng.random_range(0..3) {
                    0 => self.one(),
                    1 => Victims::Leader,
                    _ => self.minority(),
                }
            }
            Kind::Isolate
            | Kind::OneWay
            | Kind::LogReaderGone
            | Kind::Descriptors
            | Kind::DiskError
            | Kind::DiskFull
            | Kind::FailingSync
            | Kind::BitFlip => {
                if self.rng.random_bool(0.5) {
                    Victims::Leader
                } else {
                    self.one()
                }
            }
            Kind::Halves | Kind::Flapping => self.halves(),
            Kind::Bridge => self.bridge(),
            Kind::Ring => self.ring(),
            Kind::RolledBack | Kind::Withholds | Kind::FalseAnswers | Kind::Forges => {
                Victims::Nodes(self.liars.clone())
            }
            Kind::OldFolder => {
                let mut honest = self.shuffled();
                honest.retain(|node| !self.liars.contains(node));
                honest.truncate(1);
                Victims::Nodes(honest)
            }
            Kind::Worker => {
                self.newcomers += 1;
                Victims::Newcomer(NodeId(self.nodes + self.newcomers))
            }
        }
    }

    /// All nodes in random order.
    fn shuffled(&mut self) -> Vec<NodeId> {
        let mut nodes: Vec<_> = (1..=self.nodes).map(NodeId).collect();
        nodes.shuffle(&mut self.rng);
        nodes
    }

    fn one(&mut self) -> Victims {
        Victims::Nodes(vec![NodeId(self.rng.random_range(1..=self.nodes))])
    }

    /// The most nodes that a quorum can do without; the one of a cluster of one or two.
    fn minority(&mut self) -> Victims {
        let mut nodes = self.shuffled();
        nodes.truncate((nodes.len().saturating_sub(1) / 2).max(1));
        nodes.sort_unstable();
        Victims::Nodes(nodes)
    }

    fn everybody(&self) -> Victims {
        Victims::Nodes((1..=self.nodes).map(NodeId).collect())
    }

    fn halves(&mut self) -> Victims {
        let mut nodes = self.shuffled();
        let rest = nodes.split_off(nodes.len() / 2);
        Victims::Groups(sorted(vec![nodes, rest]))
    }

    fn bridge(&mut self) -> Victims {
        let mut nodes = self.shuffled();
        let bridge = nodes.pop();
        let rest = nodes.split_off(nodes.len() / 2);
        let groups = [nodes, rest].map(|mut group| {
            group.extend(bridge);
            group
        });
        Victims::Groups(sorted(groups.to_vec()))
    }

    /// Nodes in a circle, each of which reaches just enough neighbours on both sides.
    fn ring(&mut self) -> Victims {
        let nodes = self.shuffled();
        let others = nodes.len() / 2;
        let reach = others.div_ceil(2);
        let group = |first: usize| {
            let members = nodes.iter().cycle().skip(first).take(reach + 1);
            members.copied().collect()
        };
        Victims::Groups(sorted((0..nodes.len()).map(group).collect()))
    }

    fn strength(&mut self, kind: Kind) -> Strength {
        let rng = &mut self.rng;
        match kind {
            Kind::Flapping => Strength::Period(Duration::from_millis(rng.random_range(150..=900))),
            Kind::Delay => Strength::Delay(Duration::from_millis(rng.random_range(5..=150))),
            Kind::SlowSync => Strength::Delay(Duration::from_millis(rng.random_range(20..=400))),
            Kind::Loss => Strength::Percent(rng.random_range(2..=25)),
            Kind::Reorder => Strength::Percent(rng.random_range(5..=40)),
            Kind::Throttle => Strength::BytesPerSecond(rng.random_range(8_000..=100_000)),
            Kind::ClockJump => Strength::Ahead(jump(rng)),
            Kind::ClockDrift => Strength::Rate(if rng.random_bool(0.5) {
                rng.random_range(500..=950)
            } else {
                rng.random_range(1_050..=2_000)
            }),
            Kind::BitFlip | Kind::TornTail => Strength::Where(rng.random()),
            _ => Strength::Whole,
        }
    }
}

/// Around the bounds of clocks in a cluster (1 s and 2 s), far beyond them, or hours.
fn jump(rng: &mut StdRng) -> i64 {
    let ahead: i64 = match rng.random_range(0..3) {
        0 => rng.random_range(500..=2_500),
        1 => rng.random_range(2_500..=90_000),
        _ => rng.random_range(1..=5) * 3_600_000,
    };
    if rng.random_bool(0.5) { ahead } else { -ahead }
}

fn sorted(mut groups: Vec<Vec<NodeId>>) -> Vec<Vec<NodeId>> {
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups
}
