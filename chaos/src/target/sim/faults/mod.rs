//! The plan of faults, carried out: `active` is one fault, `stops` those that stop nodes in order,
//! `lying` those that only liars have, `folders` those that put disks back at honest nodes.

mod active;
mod folders;
mod lying;
mod stops;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cameo_common::ids::NodeId;

use active::Active;

use super::cluster::Cluster;
use crate::faults::{Kind, Planned, Victims};
use crate::history::{FaultArg, Key, Micros, Op, Operation, Recorder, Row, Struck};

/// Numbers of faults begin here, away from those of clients and observers.
const FAULTS: u64 = 1 << 33;

/// Longest time after a fault in which a node may still die of it: one that has nothing to do
/// notices a failed sync late.
const DIES_WITHIN: Duration = Duration::from_secs(30);

/// The kinds that the simulator has, in some form, but for lies: those have to be asked for.
pub(super) fn simulated() -> Vec<Kind> {
    let kinds = Kind::ALL.into_iter();
    kinds
        .filter(|kind| *kind == Kind::Pause || not_simulated(*kind).is_none())
        .collect()
}

/// Why the simulator has no faults of this kind, or only something near it.
pub(super) fn not_simulated(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::LogReaderGone | Kind::Descriptors => {
            Some("a simulated machine has no streams and no descriptors")
        }
        Kind::DiskError | Kind::DiskFull => {
            Some("a simulated disk fails at a sync only: failing-sync")
        }
        Kind::BitFlip => Some("a simulated disk keeps records, not bytes"),
        Kind::Pause => Some(
            "a simulated machine's timers cannot be stopped: in its place everything that it \
             sends and receives is held, as `hold`",
        ),
        _ => None,
    }
}

/// The plan while it is carried out.
pub(super) struct Faults {
    recorder: Recorder,
    began: Duration,
    waiting: VecDeque<Planned>,
    active: Vec<Active>,
    done: u64,
    /// When the last fault ended of which a node may die, by node.
    may_end: BTreeMap<NodeId, Duration>,
}

impl Faults {
    pub(super) fn new(recorder: Recorder, began: Duration, planned: Vec<Planned>) -> Self {
        Self {
            recorder,
            began,
            waiting: planned.into(),
            active: Vec::new(),
            done: 0,
            may_end: BTreeMap::new(),
        }
    }

    /// Lets faults strike and end whose time has come.
    pub(super) fn step(&mut self, cluster: &mut Cluster) -> anyhow::Result<()> {
        let now = cluster.sim.elapsed();
        while let Some(next) = self.waiting.front()
            && self.began + next.at <= now
            && let Some(next) = self.waiting.pop_front()
        {
            let active = Active::begin(next, cluster, now);
            self.active.push(active);
        }
        let mut going_on = Vec::new();
        for mut active in std::mem::take(&mut self.active) {
            active.step(cluster, now)?;
            match active.is_over(cluster, now) {
                true => self.end(active, cluster),
                false => going_on.push(active),
            }
        }
        self.active = going_on;
        self.start_failed(cluster)
    }

    /// Starts nodes again that have died of a fault that is over, as their operator would. One that
    /// has died of nothing ends the run.
    pub(super) fn start_failed(&self, cluster: &mut Cluster) -> anyhow::Result<()> {
        let now = cluster.sim.elapsed();
        for (node, why) in cluster.failed() {
            // Nobody starts a liar again that has ended.
            if cluster.lies.is_liar(node) {
                continue;
            }
            if self.active.iter().any(|fault| fault.starts_again(node)) {
                continue;
            }
            let fault = self.may_end.get(&node);
            anyhow::ensure!(
                fault.is_some_and(|end| now < *end + DIES_WITHIN),
                "node {node} ended by itself: {why}"
            );
            cluster.start(node);
        }
        Ok(())
    }

    /// Ends every fault at once.
    pub(super) fn end_all(&mut self, cluster: &mut Cluster) {
        for active in std::mem::take(&mut self.active) {
            self.end(active, cluster);
        }
    }

    fn end(&mut self, mut active: Active, cluster: &mut Cluster) {
        let now = cluster.sim.elapsed();
        active.let_go(cluster);
        if active.planned.kind == Kind::FailingSync {
            let nodes = active.nodes.iter();
            self.may_end.extend(nodes.map(|node| (*node, now)));
        }
        let kind = active.kind_name();
        let on = format!("{} {}", active.planned.victims, active.planned.strength);
        cluster.tell(&format!("{kind} on {on} is over: {}", active.seen));
        self.done += 1;
        self.recorder.record(&Row {
            client: FAULTS + self.done,
            key: Key(String::new()),
            op: Op::Fault(Operation {
                arg: FaultArg {
                    kind: kind.to_owned(),
                    on: on.trim().to_owned(),
                },
                out: Some(Struck {
                    bit: active.met > 0,
                    seen: active.seen,
                }),
            }),
            call: micros(active.since),
            ret: Some(micros(now)),
        });
    }
}

/// A fault finds something to strike: where all of its victims are down, or nobody leads, it is one
/// node that runs.
fn aimed(mut planned: Planned, cluster: &Cluster, leader: Option<NodeId>) -> Planned {
    let is_of_nodes = !planned.kind.has_to_be_asked_for()
        && matches!(planned.victims, Victims::Leader | Victims::Nodes(_));
    let any_up = planned
        .nodes(leader)
        .iter()
        .any(|node| cluster.is_up(*node));
    let mut founders = cluster.founders().iter();
    if is_of_nodes
        && !any_up
        && let Some(up) = founders.find(|node| cluster.is_up(**node))
    {
        planned.victims = Victims::Nodes(vec![*up]);
    }
    planned.past_the_leader(leader)
}

fn micros(at: Duration) -> Micros {
    Micros(at.as_micros() as u64)
}
