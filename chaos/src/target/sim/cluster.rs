//! All machines, and the network between them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use cameo_cluster::raft::memory::DiskCopy;
use cameo_cluster::raft::{Role, Status};
use cameo_common::ids::{ClusterId, NodeId};
use turmoil::Sim;

use super::clock::EPOCH;
use super::conditions::Conditions;
use super::lies::Lies;
use super::machine::{Ended, Installation, Machine, name};
use super::network::SimNetwork;
use super::trace::Trace;
use crate::decisions;

/// The machine of all clients.
pub(super) const CLIENTS: &str = "clients";
/// Milliseconds that the network takes for a message, at most, one for each run; a fifth of it on
/// average.
const LATENCIES: [u64; 4] = [10, 20, 30, 40];
/// One step of the simulation: messages arrive between steps.
const TICK: Duration = Duration::from_millis(2);
/// Segments that a connection holds, and connections that wait for a listener.
const TCP_CAPACITY: usize = 4096;

/// Two machines, in order of their names.
type Pair = (String, String);

fn pair(a: &str, b: &str) -> Pair {
    match a < b {
        true => (a.to_owned(), b.to_owned()),
        false => (b.to_owned(), a.to_owned()),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Carries {
    #[default]
    Everything,
    /// What is sent is lost.
    Nothing,
    /// What is sent arrives later.
    Later,
}

/// The simulated cluster.
pub(super) struct Cluster {
    pub sim: Sim<'static>,
    pub machines: BTreeMap<NodeId, Arc<Machine>>,
    pub conditions: Conditions,
    pub trace: Trace,
    pub lies: Lies,
    /// The newest disks of nodes that run on an older copy.
    pub newest: BTreeMap<NodeId, DiskCopy>,
    seed: u64,
    /// Of messages, at most, while no fault makes it longer.
    latency: Duration,
    folder: PathBuf,
    /// What stays of the run: history and decision logs.
    out: PathBuf,
    founders: Vec<NodeId>,
    /// Its id, from the step on at which the first node knew it.
    formed: Option<ClusterId>,
    up: BTreeSet<NodeId>,
    /// Why nodes have failed that nobody has started again.
    failed: BTreeMap<NodeId, String>,
    /// Pairs that a partition separates.
    cut: BTreeSet<Pair>,
    dark: BTreeSet<String>,
    held: BTreeSet<String>,
    links: BTreeMap<Pair, Carries>,
}

impl Cluster {
    /// Machines 1 to `nodes`, which found a cluster. These of them lie at times.
    pub(super) fn new(
        seed: u64,
        nodes: u64,
        folder: PathBuf,
        out: PathBuf,
        trace: Trace,
        liars: &[NodeId],
    ) -> anyhow::Result<Self> {
        let liars = liars.iter().map(|liar| (*liar, folder.join(name(*liar))));
        let latency = LATENCIES[seed as usize % LATENCIES.len()];
        let latency = Duration::from_millis(latency);
        let sim = turmoil::Builder::new()
            .rng_seed(seed)
            .epoch(SystemTime::UNIX_EPOCH + Duration::from_secs(EPOCH))
            .simulation_duration(Duration::MAX)
            .tick_duration(TICK)
            .min_message_latency(Duration::ZERO)
            .max_message_latency(latency)
            .tcp_capacity(TCP_CAPACITY)
            .build();
        let mut cluster = Self {
            sim,
            machines: BTreeMap::new(),
            conditions: Conditions::new(seed),
            trace,
            lies: Lies::new(seed, liars.collect()),
            newest: BTreeMap::new(),
            seed,
            latency,
            folder,
            out,
            founders: (1..=nodes).map(NodeId).collect(),
            formed: None,
            up: BTreeSet::new(),
            failed: BTreeMap::new(),
            cut: BTreeSet::new(),
            dark: BTreeSet::new(),
            held: BTreeSet::new(),
            links: BTreeMap::new(),
        };
        for id in cluster.founders.clone() {
            cluster.install(id, false)?;
        }
        Ok(cluster)
    }

    /// Adds a machine and starts its node.
    pub(super) fn install(&mut self, id: NodeId, worker: bool) -> anyhow::Result<()> {
        let network = self.network(&name(id));
        let joins = if worker {
            Some(
                self.formed
                    .context("there is no cluster yet for a worker to join")?,
            )
        } else {
            None
        };
        let installation = Installation {
            id,
            peers: self.founders.clone(),
            joins,
            data: self.folder.join(name(id)),
            decisions: decisions::file_of(&self.out, id),
            seed: self.seed.wrapping_mul(1_000_003).wrapping_add(id.0),
        };
        let machine = Arc::new(Machine::new(installation, network, self.lies.clone())?);
        self.machines.insert(id, machine.clone());
        self.up.insert(id);
        self.sim.host(name(id), move || machine.clone().run());
        Ok(())
    }

    /// The network as one machine sees it.
    pub(super) fn network(&self, machine: &str) -> SimNetwork {
        SimNetwork {
            machine: machine.into(),
            conditions: self.conditions.clone(),
            trace: self.trace.clone(),
        }
    }

    /// Simulates one step.
    pub(super) fn step(&mut self) -> anyhow::Result<()> {
        let stepped = self.sim.step();
        stepped.map_err(|why| anyhow::anyhow!("the simulation failed: {why}"))?;
        if self.formed.is_none() {
            self.formed = self.machines.values().find_map(|machine| machine.cluster());
        }
        self.reap();
        Ok(())
    }

    /// Ends the processes that have ended by themselves.
    fn reap(&mut self) {
        for id in self.up.clone() {
            if let Some(ended) = self.machines[&id].ended() {
                self.tell(&format!("node {id} has ended: {ended:?}"));
                self.kill(id);
                if let Ended::Failed(why) = ended {
                    self.failed.insert(id, why);
                }
            }
        }
    }

    /// The nodes that have failed and do not run again.
    pub(super) fn failed(&self) -> Vec<(NodeId, String)> {
        let failed = self.failed.iter();
        failed.map(|(id, why)| (*id, why.clone())).collect()
    }

    pub(super) fn tell(&self, what: &str) {
        self.trace.told(self.sim.elapsed(), what);
    }

    pub(super) fn is_up(&self, id: NodeId) -> bool {
        self.up.contains(&id)
    }

    /// Ends a process at once. What it wrote is kept.
    pub(super) fn kill(&mut self, id: NodeId) -> bool {
        let was_up = self.up.remove(&id);
        if was_up {
            self.machines[&id].forget_process();
            self.sim.crash(name(id));
        }
        was_up
    }

    /// Starts a process on a machine that has none.
    pub(super) fn start(&mut self, id: NodeId) {
        if self.dark.remove(&name(id)) {
            self.apply_links();
        }
        self.failed.remove(&id);
        if self.up.insert(id) {
            self.machines[&id].forget_process();
            self.sim.bounce(name(id));
        }
    }

    /// Takes the power away: what was not synced is lost, and the others hear nothing of it.
    /// Returns how many writes were not synced.
    pub(super) fn fail_power(&mut self, id: NodeId) -> usize {
        self.dark.insert(name(id));
        self.apply_links();
        self.kill(id);
        let disk = &self.machines[&id].disk;
        let unsynced = disk.unsynced();
        disk.lose_power();
        unsynced
    }

    /// Holds everything that a machine sends and receives, or lets it go.
    pub(super) fn hold(&mut self, id: NodeId, on: bool) {
        match on {
            true => self.held.insert(name(id)),
            false => self.held.remove(&name(id)),
        };
        self.apply_links();
    }

    /// Messages on their way to or from these nodes.
    pub(super) fn messages_of(&self, nodes: &[NodeId]) -> u64 {
        let addresses: Vec<_> = nodes
            .iter()
            .map(|node| self.sim.lookup(name(*node)))
            .collect();
        let mut messages = 0;
        self.sim.links(|links| {
            for link in links {
                let (a, b) = link.pair();
                if addresses.contains(&a) || addresses.contains(&b) {
                    messages += link.count() as u64;
                }
            }
        });
        messages
    }

    /// Separates these pairs, and no others.
    pub(super) fn cut(&mut self, pairs: impl IntoIterator<Item = (String, String)>) {
        self.cut = pairs.into_iter().map(|(a, b)| pair(&a, &b)).collect();
        self.apply_links();
    }

    /// Sets the time that messages take, at most, between these; None for the usual one.
    pub(super) fn slow_links(&mut self, pairs: &[(String, String)], latency: Option<Duration>) {
        for (a, b) in pairs {
            let latency = latency.unwrap_or(self.latency);
            self.sim
                .set_link_max_message_latency(a.as_str(), b.as_str(), latency);
        }
    }

    fn apply_links(&mut self) {
        let names: Vec<_> = self
            .machines
            .values()
            .map(|machine| machine.name.clone())
            .collect();
        let names: Vec<_> = names.into_iter().chain([CLIENTS.to_owned()]).collect();
        for (index, a) in names.iter().enumerate() {
            for b in &names[index + 1..] {
                let pair = pair(a, b);
                let wanted = self.wanted(&pair);
                let now = self.links.entry(pair).or_default();
                let before = std::mem::replace(now, wanted);
                let (a, b) = (a.as_str(), b.as_str());
                match (before, wanted) {
                    (before, wanted) if before == wanted => {}
                    (_, Carries::Nothing) => self.sim.partition(a, b),
                    (_, Carries::Later) => self.sim.hold(a, b),
                    (Carries::Later, Carries::Everything) => self.sim.release(a, b),
                    (_, Carries::Everything) => self.sim.repair(a, b),
                }
            }
        }
    }

    fn wanted(&self, pair: &Pair) -> Carries {
        let either = |of: &BTreeSet<String>| of.contains(&pair.0) || of.contains(&pair.1);
        if self.cut.contains(pair) || either(&self.dark) {
            Carries::Nothing
        } else if either(&self.held) {
            Carries::Later
        } else {
            Carries::Everything
        }
    }

    /// What the running nodes say of themselves.
    pub(super) fn statuses(&self) -> BTreeMap<NodeId, Status> {
        let running = self.machines.values();
        running
            .filter_map(|machine| Some((machine.id, machine.process()?.raft.status())))
            .collect()
    }

    /// Who leads: of several that think so, the one of the highest term.
    pub(super) fn leader(&self) -> Option<NodeId> {
        let leading = |(_, status): &(NodeId, Status)| status.role == Role::Leader;
        let leaders = self.statuses().into_iter().filter(leading);
        let newest = leaders.max_by_key(|(_, status)| status.term)?;
        Some(newest.0)
    }

    /// The nodes that found the cluster.
    pub(super) fn founders(&self) -> &[NodeId] {
        &self.founders
    }

    /// The id of the cluster, once it has formed.
    pub(super) fn formed(&self) -> Option<ClusterId> {
        self.formed
    }

    /// Whether all founders that do not lie run, follow one leader, and have applied the same.
    pub(super) fn agrees(&self) -> bool {
        let statuses = self.statuses();
        let honest = self.founders.iter().filter(|id| !self.lies.is_liar(**id));
        let founders = honest.map(|id| statuses.get(id));
        let Some(founders) = founders.collect::<Option<Vec<_>>>() else {
            return false;
        };
        let Some(leader) = self.leader() else {
            return false;
        };
        let first = founders[0];
        founders.iter().all(|status| {
            status.leader == Some(leader)
                && status.term == first.term
                && status.applied == first.applied
                && status.last_log == status.applied
        })
    }

    /// Ends every fault of machines and links, and starts every founder that is down.
    pub(super) fn heal(&mut self) {
        self.conditions.clear();
        self.dark.clear();
        self.held.clear();
        self.cut.clear();
        self.apply_links();
        for machine in self.machines.values() {
            machine.model.repair();
            machine.clock.set_right();
        }
        for id in self.founders.clone() {
            self.start(id);
        }
    }
}
