//! One fault, from its beginning to its end.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use cameo_cluster::raft::memory::DiskCopy;
use cameo_common::ids::NodeId;
use cameo_mutant::{Mutant, is_planted};

use super::aimed;
use super::stops::Turn;
use crate::faults::{Kind, Lane, Planned, Strength};
use crate::target::sim::cluster::{CLIENTS, Cluster};
use crate::target::sim::conditions::Condition;
use crate::target::sim::machine::name;

/// Longest wait for a node that stops in order; then it is killed.
const STOPS_WITHIN: Duration = Duration::from_secs(30);
/// A fault that has met nothing goes on for so long.
const MEETS_WITHIN: Duration = Duration::from_secs(3);
/// The same of a fault that waits for what nodes write every five seconds.
const REMEMBERED_WITHIN: Duration = Duration::from_secs(8);
/// Latency, at most, of messages that overtake each other.
const REORDERED: Duration = Duration::from_millis(120);

/// A fault that has struck.
pub(super) struct Active {
    pub(super) planned: Planned,
    pub(super) since: Duration,
    /// Until then a fault that has met nothing goes on.
    meets_by: Duration,
    pub(super) nodes: Vec<NodeId>,
    links: Vec<(String, String)>,
    switches: VecDeque<(Duration, bool)>,
    /// How much it struck so far.
    pub(super) met: u64,
    pub(super) seen: String,
    /// Nodes that were asked to stop, and which process of each.
    pub(super) asked: BTreeMap<NodeId, u64>,
    /// Of a rolling restart.
    pub(super) turn: Turn,
    /// Of disks, from the time at which they were whole.
    pub(super) copies: BTreeMap<NodeId, DiskCopy>,
    /// When the next view is forged.
    pub(super) forges_at: Duration,
    /// False only where that bug is planted.
    fires: bool,
}

impl Active {
    pub(super) fn begin(planned: Planned, cluster: &Cluster, now: Duration) -> Self {
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
            meets_by: now
                + planned.lasts
                + match planned.kind {
                    Kind::OldFolder => REMEMBERED_WITHIN,
                    _ => MEETS_WITHIN,
                },
            nodes,
            links,
            switches: planned.switches().into(),
            planned,
            met: 0,
            seen: String::new(),
            asked: BTreeMap::new(),
            turn: Turn::default(),
            copies: BTreeMap::new(),
            forges_at: now,
            fires: !is_planted(Mutant::NemesisNeverFires),
        }
    }

    /// Whether a node that is down is started again at this fault's end.
    pub(super) fn starts_again(&self, node: NodeId) -> bool {
        let starts = matches!(
            self.planned.kind,
            Kind::Kill | Kind::Stop | Kind::PowerFailure | Kind::TornTail | Kind::FailingSync
        );
        starts && self.nodes.contains(&node)
    }

    /// What it is called in the history.
    pub(super) fn kind_name(&self) -> &'static str {
        match self.planned.kind {
            Kind::Pause => "hold",
            kind => kind.name(),
        }
    }

    pub(super) fn step(&mut self, cluster: &mut Cluster, now: Duration) -> anyhow::Result<()> {
        if !self.fires {
            return Ok(());
        }
        // Without a majority nothing is written that a torn tail could meet.
        let founders = cluster.founders();
        let up = founders.iter().filter(|node| cluster.is_up(**node)).count();
        if self.planned.kind == Kind::TornTail && 2 * up <= founders.len() {
            self.meets_by = self.meets_by.max(now + MEETS_WITHIN);
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
        match self.planned.kind {
            Kind::RollingRestart => self.roll(cluster, now),
            Kind::Forges => self.go_on_forging(cluster, now),
            Kind::OldFolder => self.put_old_folder_back(cluster, now),
            _ => {}
        }
        self.reach_leader(cluster, now)
    }

    /// A node without a leader may neither sync anything nor ask for the time: after a while the
    /// leader gets it too.
    fn reach_leader(&mut self, cluster: &mut Cluster, now: Duration) -> anyhow::Result<()> {
        let may_idle = matches!(
            self.planned.kind,
            Kind::SlowSync | Kind::FailingSync | Kind::ClockJump | Kind::ClockDrift
        );
        let waits = now < self.since + self.planned.lasts / 2 || self.has_met(cluster);
        match cluster.leader() {
            Some(leader) if may_idle && !waits && !self.nodes.contains(&leader) => {
                let before = std::mem::replace(&mut self.nodes, vec![leader]);
                let taken = self.take_hold(cluster, now);
                self.nodes.extend(before);
                taken
            }
            _ => Ok(()),
        }
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
            None => now < self.meets_by,
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
            Kind::Stop => self.ask_to_stop(cluster),
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
            Kind::OldFolder => self.copy_folders(cluster),
            kind if kind.lane() == Lane::Lies => self.begin_to_lie(cluster),
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

    pub(super) fn is_over(&self, cluster: &Cluster, now: Duration) -> bool {
        if now >= self.since + self.planned.lasts + STOPS_WITHIN {
            return true;
        }
        match self.planned.kind {
            _ if !self.fires => now >= self.since + self.planned.lasts,
            Kind::RollingRestart => self.turn.node >= self.nodes.len(),
            _ if now < self.since + self.planned.lasts => false,
            Kind::Stop => self.stopped(cluster) == self.asked.len(),
            // What has met nothing yet goes on for a while.
            _ if now < self.meets_by => self.has_met(cluster),
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
            Kind::ClockJump | Kind::ClockDrift => {
                let mut machines = self.nodes.iter().map(|node| &cluster.machines[node]);
                machines.any(|machine| machine.clock.wrong_reads() > 0)
            }
            Kind::TornTail | Kind::OldFolder => self.met > 0,
            kind if kind.lane() == Lane::Lies => self.has_lied(cluster),
            kind if kind.lane() == Lane::Network => cluster.conditions.met() > 0,
            _ => true,
        }
    }

    pub(super) fn let_go(&mut self, cluster: &mut Cluster) {
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
            Kind::OldFolder => self.put_newest_folder_back(cluster),
            kind if kind.lane() == Lane::Lies => self.end_lying(cluster),
            _ => {
                cluster.cut([]);
                cluster.slow_links(&self.links, None);
                self.met = cluster.conditions.clear();
                self.seen = format!("met by {} writes and connections", self.met);
            }
        }
    }
}
