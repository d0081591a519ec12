//! Carries out the plan of faults.

use std::collections::VecDeque;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_mutant::{Mutant, is_planted};

use super::cluster::{CLIENTS, Cluster};
use super::conditions::Condition;
use super::machine::name;
use crate::faults::{Kind, Lane, Planned, Strength, Victims};
use crate::history::{FaultArg, Key, Micros, Op, Operation, Recorder, Row, Struck};

/// Numbers of faults begin here, away from those of clients and observers.
const FAULTS: u64 = 1 << 33;
/// Longest wait for a node that stops in order; then it is killed.
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// A fault that has met nothing goes on for so long.
const MEETS_WITHIN: Duration = Duration::from_secs(3);
/// A node of a rolling restart runs for this long before the next one's turn.
const SETTLES_IN: Duration = Duration::from_millis(700);
/// Latency, at most, of messages that overtake each other.
const REORDERED: Duration = Duration::from_millis(120);

/// The kinds that the simulator has, in some form.
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
}

/// A fault that has struck.
struct Active {
    planned: Planned,
    since: Duration,
    nodes: Vec<NodeId>,
    links: Vec<(String, String)>,
    switches: VecDeque<(Duration, bool)>,
    /// How much it struck so far.
    met: u64,
    seen: String,
    /// Of a rolling restart.
    turn: Turn,
    /// False only where that bug is planted.
    fires: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Turn {
    node: usize,
    /// Which process of the node was asked to stop.
    asked: Option<u64>,
    running_since: Option<Duration>,
}

impl Faults {
    pub(super) fn new(recorder: Recorder, began: Duration, planned: Vec<Planned>) -> Self {
        Self {
            recorder,
            began,
            waiting: planned.into(),
            active: Vec::new(),
            done: 0,
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
    let is_of_nodes = matches!(planned.victims, Victims::Leader | Victims::Nodes(_));
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

impl Active {
    fn begin(planned: Planned, cluster: &Cluster, now: Duration) -> Self {
        let leader = cluster.leader();
        let planned = aimed(planned, cluster, leader);
        let nodes = planned.nodes(leader);
        let links = match planned.kind {
            Kind::ClientsCut => nodes
                .iter()
                .map(|node| (CLIENTS.to_owned(), name(*node)))
                .collect(),
            _ => {
                let links = planned.links(cluster.founders(), leader).into_iter();
                links.map(|link| (name(link.from), name(link.to))).collect()
            }
        };
        cluster.tell(&format!("{} on {} begins", planned.kind, planned.victims));
        Self {
            since: now,
            nodes,
            links,
            switches: planned.switches().into(),
            planned,
            met: 0,
            seen: String::new(),
            turn: Turn::default(),
            fires: !is_planted(Mutant::NemesisNeverFires),
        }
    }

    /// What it is called in the history.
    fn kind_name(&self) -> &'static str {
        match self.planned.kind {
            Kind::Pause => "hold",
            kind => kind.name(),
        }
    }

    fn step(&mut self, cluster: &mut Cluster, now: Duration) -> anyhow::Result<()> {
        if !self.fires {
            return Ok(());
        }
        while let Some((at, on)) = self.switches.front().copied()
            && self.since + at <= now
        {
            if on && self.waits_for_unsynced(cluster, now) {
                return Ok(());
            }
            self.switches.pop_front();
            match on {
                true => self.take_hold(cluster, now)?,
                // The end is `let_go`.
                false if self.switches.is_empty() => {}
                false => cluster.cut([]),
            }
        }
        if self.planned.kind == Kind::RollingRestart {
            self.roll(cluster, now);
        }
        Ok(())
    }

    /// A torn tail needs a write that is not synced: of a victim, or later of any node.
    fn waits_for_unsynced(&mut self, cluster: &Cluster, now: Duration) -> bool {
        if self.planned.kind != Kind::TornTail {
            return false;
        }
        let unsynced = |node: &&NodeId| cluster.machines[*node].disk.unsynced() > 0;
        if self.nodes.iter().any(|node| unsynced(&node)) {
            return false;
        }
        if now < self.since + self.planned.lasts / 2 {
            return true;
        }
        match cluster.founders().iter().find(unsynced) {
            Some(other) => {
                self.nodes = vec![*other];
                false
            }
            None => now < self.since + self.planned.lasts + MEETS_WITHIN,
        }
    }

    fn take_hold(&mut self, cluster: &mut Cluster, now: Duration) -> anyhow::Result<()> {
        let strength = self.planned.strength;
        match self.planned.kind {
            Kind::Kill => {
                for node in self.nodes.clone() {
                    self.met += u64::from(cluster.kill(node));
                }
                self.seen = format!("{} processes killed", self.met);
            }
            Kind::PowerFailure | Kind::TornTail => self.fail_power(cluster),
            Kind::Stop => self.each(cluster, |cluster, node| cluster.machines[&node].stop()),
            Kind::Pause => self.each(cluster, |cluster, node| cluster.hold(node, true)),
            Kind::SlowSync => {
                if let Strength::Delay(by) = strength {
                    self.each(cluster, |cluster, node| {
                        cluster.machines[&node].model.slow(by)
                    });
                }
            }
            Kind::FailingSync => {
                self.each(cluster, |cluster, node| {
                    cluster.machines[&node].model.fail()
                });
            }
            Kind::ClockJump | Kind::ClockDrift => {
                self.each(cluster, |cluster, node| {
                    let clock = &cluster.machines[&node].clock;
                    match strength {
                        Strength::Ahead(millis) => clock.jump(millis),
                        Strength::Rate(rate) => clock.drift(rate, now),
                        _ => {}
                    }
                });
            }
            Kind::Worker => {
                for node in self.nodes.clone() {
                    cluster.install(node, true)?;
                }
            }
            kind if kind.is_partition() && kind != Kind::OneWay || kind == Kind::ClientsCut => {
                let ways = self.both_ways();
                cluster.conditions.set(ways, Condition::default());
                cluster.cut(self.links.clone());
            }
            _ => self.set_conditions(cluster),
        }
        Ok(())
    }

    fn each(&self, cluster: &mut Cluster, act: impl Fn(&mut Cluster, NodeId)) {
        for node in &self.nodes {
            act(cluster, *node);
        }
    }

    fn both_ways(&self) -> Vec<(String, String)> {
        let back = self.links.iter().map(|(a, b)| (b.clone(), a.clone()));
        self.links.iter().cloned().chain(back).collect()
    }

    fn fail_power(&mut self, cluster: &mut Cluster) {
        let mut lost = 0;
        let mut down = 0;
        for node in self.nodes.clone() {
            down += u64::from(cluster.is_up(node));
            lost += cluster.fail_power(node) as u64;
        }
        self.met = match self.planned.kind {
            Kind::TornTail => lost,
            _ => down,
        };
        self.seen = format!("{down} machines without power, {lost} writes were not synced");
    }

    /// Faults of links that leave them open.
    fn set_conditions(&mut self, cluster: &mut Cluster) {
        let mut condition = Condition::default();
        let mut ways = self.both_ways();
        match self.planned.strength {
            // The latency is distributed about a fifth of the longest.
            Strength::Delay(delay) => cluster.slow_links(&self.links, Some(5 * delay)),
            Strength::Percent(_) if self.planned.kind == Kind::Reorder => {
                cluster.slow_links(&self.links, Some(REORDERED));
            }
            Strength::Percent(percent) => condition.loss = percent,
            Strength::BytesPerSecond(rate) => condition.bytes_per_second = Some(rate),
            _ => {
                condition.no_opening = true;
                ways.clone_from(&self.links);
            }
        }
        cluster.conditions.set(ways, condition);
    }

    /// One node after the other stops and starts. One that another fault has stopped is waited for,
    /// and one that another fault has started again has had its turn.
    fn roll(&mut self, cluster: &mut Cluster, now: Duration) {
        let Some(node) = self.nodes.get(self.turn.node).copied() else {
            return;
        };
        let is_up = cluster.is_up(node);
        let starts = cluster.machines[&node].starts();
        match (self.turn.asked, self.turn.running_since) {
            (None, _) if is_up => {
                cluster.machines[&node].stop();
                self.turn.asked = Some(starts);
            }
            (None, _) => {}
            (Some(asked), None) if !is_up || starts > asked => {
                cluster.start(node);
                self.met += 1;
                self.turn.running_since = Some(now);
            }
            (Some(_), Some(since)) if now >= since + SETTLES_IN => {
                self.turn = Turn {
                    node: self.turn.node + 1,
                    ..Turn::default()
                };
            }
            (Some(_), _) => {}
        }
    }

    fn is_over(&self, cluster: &Cluster, now: Duration) -> bool {
        if now >= self.since + self.planned.lasts + STOPS_WITHIN {
            return true;
        }
        match self.planned.kind {
            _ if !self.fires => now >= self.since + self.planned.lasts,
            Kind::RollingRestart => self.turn.node >= self.nodes.len(),
            _ if now < self.since + self.planned.lasts => false,
            Kind::Stop => self.nodes.iter().all(|node| !cluster.is_up(*node)),
            // What has met nothing yet goes on for a while.
            _ if now < self.since + self.planned.lasts + MEETS_WITHIN => self.has_met(cluster),
            _ => true,
        }
    }

    /// False only where a fault waits for something that it strikes.
    fn has_met(&self, cluster: &Cluster) -> bool {
        match self.planned.kind {
            Kind::SlowSync | Kind::FailingSync => {
                let mut machines = self.nodes.iter().map(|node| &cluster.machines[node]);
                machines.any(|machine| machine.model.struck() > 0)
            }
            Kind::TornTail => self.met > 0,
            kind if kind.lane() == Lane::Network => cluster.conditions.met() > 0,
            _ => true,
        }
    }

    fn let_go(&mut self, cluster: &mut Cluster) {
        if !self.fires {
            return;
        }
        match self.planned.kind {
            Kind::Kill | Kind::PowerFailure | Kind::TornTail => {
                self.each(cluster, Cluster::start);
            }
            Kind::Stop | Kind::RollingRestart => self.restart(cluster),
            Kind::Pause => {
                self.met = cluster.messages_of(&self.nodes);
                self.each(cluster, |cluster, node| cluster.hold(node, false));
                self.seen = format!("{} messages held, and no timers", self.met);
            }
            Kind::SlowSync | Kind::FailingSync => {
                let machines = self.nodes.iter().map(|node| &cluster.machines[node]);
                self.met = machines.map(|machine| machine.model.repair()).sum();
                self.seen = format!("{} syncs", self.met);
                self.each(cluster, Cluster::start);
            }
            Kind::ClockJump | Kind::ClockDrift => {
                let machines = self.nodes.iter().map(|node| &cluster.machines[node]);
                self.met = machines.map(|machine| machine.clock.set_right()).sum();
                self.seen = format!("read wrong {} times", self.met);
            }
            Kind::Worker => {
                let machines = self.nodes.iter().map(|node| &cluster.machines[node]);
                let joined = machines.filter(|machine| machine.process().is_some());
                self.met = joined.count() as u64;
                self.seen = format!("{} started, and left as by a crash", self.met);
                for node in self.nodes.clone() {
                    cluster.kill(node);
                }
            }
            _ => {
                cluster.cut([]);
                cluster.slow_links(&self.links, None);
                self.met = cluster.conditions.clear();
                self.seen = format!("met by {} writes and connections", self.met);
            }
        }
    }

    fn restart(&mut self, cluster: &mut Cluster) {
        let down = self.nodes.iter().filter(|node| !cluster.is_up(**node));
        let down = down.count() as u64;
        self.met += down;
        self.seen = format!("{} processes stopped in order", self.met);
        for node in self.nodes.clone() {
            if cluster.is_up(node) && self.planned.kind == Kind::Stop {
                cluster.kill(node);
            }
            cluster.start(node);
        }
    }
}
