//! Test cluster: nodes in this process, which can be killed, restarted and emptied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cameo_common::ids::{ClusterId, NodeId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;

use super::app::{Echo, Gate, ReportOf, TimeFirst};
use super::host::host;
use super::reserved_ports::ReservedPorts;
use crate::floor::{self, FloorMark, Floors, Owner};
use crate::host::blocking::Blocking;
use crate::link::{ClusterSecret, NodeKeys};
use crate::raft::memory::MemoryDisk;
use crate::raft::quarantine::QuarantineFolder;
use crate::raft::*;
use cameo_machine::StateView as _;

pub use super::app::{PASS, USED_PASS, WITHDRAWN_PASS};
pub use super::host::Host;

/// Time limit for any condition; a passing test needs a fraction of it.
pub const TIMEOUT: Duration = Duration::from_secs(40);

pub fn soon() -> Instant {
    Instant::now() + TIMEOUT
}

pub struct World {
    pub hosts: BTreeMap<NodeId, Host>,
    pub nodes: BTreeMap<NodeId, Raft>,
    /// The founders.
    pub peers: BTreeMap<NodeId, String>,
    /// Nodes that are started as workers.
    pub workers: BTreeSet<NodeId>,
    /// The members through which each of them joins.
    joins_through: BTreeMap<NodeId, Vec<NodeId>>,
    pub snapshot_after: u64,
    /// For which passes are, also while no node runs.
    cluster: Mutex<Option<ClusterId>>,
    transport: Arc<ReservedPorts>,
    root: tempfile::TempDir,
}

impl World {
    /// Hosts for nodes 1 to `count`; none is started.
    pub fn new(count: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let ports: Vec<_> = (0..count)
            .map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap())
            .map(|port| (port.local_addr().unwrap().to_string(), port))
            .collect();
        let peers: BTreeMap<NodeId, String> = (1..=count)
            .map(NodeId)
            .zip(&ports)
            .map(|(id, (address, _))| (id, address.clone()))
            .collect();
        let hosts = peers
            .iter()
            .map(|(id, link)| (*id, host(root.path(), *id, link.clone())));
        Self {
            hosts: hosts.collect(),
            nodes: BTreeMap::new(),
            peers,
            workers: BTreeSet::new(),
            joins_through: BTreeMap::new(),
            snapshot_after: 1_000_000,
            cluster: Mutex::default(),
            transport: Arc::new(ReservedPorts {
                reserved: Mutex::new(ports.into_iter().collect()),
                blocked: watch::Sender::new(None),
                dialled: Arc::default(),
            }),
            root,
        }
    }

    /// A host for a node that joins through these members.
    pub fn add_worker<M: Into<NodeId>>(
        &mut self,
        id: impl Into<NodeId>,
        through: impl IntoIterator<Item = M>,
    ) {
        let id = id.into();
        let link = self.reserve_port();
        self.hosts.insert(id, host(self.root.path(), id, link));
        self.workers.insert(id);
        self.joins_through
            .insert(id, through.into_iter().map(Into::into).collect());
    }

    fn reserve_port(&self) -> String {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap().to_string();
        self.transport
            .reserved
            .lock()
            .unwrap()
            .insert(address.clone(), port);
        address
    }

    /// Blocks new connections to this node.
    pub fn block(&self, id: impl Into<NodeId>) {
        let id = id.into();
        let link = self.hosts[&id].link.clone();
        self.transport.blocked.send_replace(Some(link));
    }

    /// Returns after a connection attempt to the blocked node.
    pub async fn dialled(&self) {
        let dialled = self.transport.dialled.notified();
        tokio::time::timeout(TIMEOUT, dialled).await.unwrap();
    }

    pub fn unblock(&self) {
        self.transport.blocked.send_replace(None);
    }

    /// A worker with an empty folder on another host, under an id that is in use, with these keys
    /// or new ones.
    pub async fn start_with_same_id(
        &self,
        id: impl Into<NodeId>,
        keys: Option<Arc<NodeKeys>>,
    ) -> Raft {
        let id = id.into();
        let link = self.reserve_port();
        let mut host = host(&self.root.path().join("same-id"), id, link.clone());
        host.empty();
        if let Some(keys) = keys {
            host.keys = keys;
        }
        let mut settings = self.settings_at(id, &host);
        settings.entrance = self.joins_with(PASS);
        settings.peers = self.peers.clone();
        settings.peers.remove(&id);
        settings.peers.insert(id, link);
        let storage = host.disk.storage();
        let deps = self.deps_at(id, &host).await;
        start(settings, deps, storage).await.unwrap()
    }

    /// A formed cluster with a leader.
    pub async fn formed(count: u64) -> Self {
        Self::new(count).form(count).await
    }

    /// Starts nodes 1 to `count`, and waits until they have formed a cluster.
    pub async fn form(mut self, count: u64) -> Self {
        let world = &mut self;
        for id in 1..=count {
            world.start(id).await.unwrap();
        }
        for node in world.nodes.values() {
            tokio::time::timeout(TIMEOUT, node.wait_until_formed())
                .await
                .unwrap();
        }
        world.leader().await;
        self
    }

    pub fn settings(&self, id: impl Into<NodeId>) -> Settings {
        let id = id.into();
        let mut settings = self.settings_at(id, &self.hosts[&id]);
        if self.workers.contains(&id) {
            settings.entrance = self.joins_with(&self.hosts[&id].pass);
        }
        if let Some(joins_through) = self.joins_through.get(&id) {
            settings
                .peers
                .retain(|peer, _| joins_through.contains(peer));
            settings.peers.insert(id, self.hosts[&id].link.clone());
        }
        settings
    }

    fn joins_with(&self, pass: &[u8]) -> Entrance {
        let mut known = self.cluster.lock().unwrap();
        let cluster = self.nodes.values().find_map(Raft::cluster).or(*known);
        *known = cluster;
        Entrance::Join(WorkerPass {
            cluster: cluster.unwrap_or(ClusterId([0; 32])),
            bytes: pass.to_vec(),
        })
    }

    fn settings_at(&self, id: NodeId, host: &Host) -> Settings {
        let mut settings = Settings::new(
            id,
            host.data.clone(),
            host.link.clone(),
            format!("http://node{id}"),
            self.peers.clone(),
            Entrance::Found {
                secret: Arc::new(ClusterSecret::from_bytes(host.secret.clone()).unwrap()),
                terms: host.terms,
            },
        );
        settings.snapshot_after = self.snapshot_after;
        // Slower than in production: several tests share two cores.
        settings.timing = Timing {
            heartbeat: Duration::from_millis(60),
            election_min: Duration::from_millis(300),
            election_max: Duration::from_millis(600),
        };
        settings
    }

    pub async fn deps(&self, id: impl Into<NodeId>) -> RaftDeps {
        let id = id.into();
        self.deps_at(id, &self.hosts[&id]).await
    }

    async fn deps_at(&self, id: NodeId, host: &Host) -> RaftDeps {
        RaftDeps {
            keys: host.keys.clone(),
            transport: self.transport.clone(),
            wall: host.clock.clone(),
            stamp: Arc::new(TimeFirst),
            applied_time: host.applied_time(),
            applied_version: Arc::new(|| 0),
            applied_descriptors: host.descriptors(),
            gate: Arc::new(Gate),
            report: Arc::new(ReportOf(id)),
            sink: host.reports.clone(),
            app: Arc::new(Echo(id)),
            app_runtime: Handle::current(),
            blocking: Blocking::Threads,
            incarnation: host.incarnation.unwrap_or_else(rand::random),
            space: host.space.clone(),
            floor: floor_mark(id, &host.disk).await,
            quarantine: Arc::new(QuarantineFolder::within(&host.data, Blocking::Threads)),
            raft_runtime: None,
        }
    }

    pub async fn start(&mut self, id: impl Into<NodeId>) -> Result<(), StartError> {
        let id = id.into();
        let storage = self.hosts[&id].disk.storage();
        let node = start(self.settings(id), self.deps(id).await, storage).await?;
        self.nodes.insert(id, node);
        Ok(())
    }

    /// Stops a node as `kill -9` would.
    pub async fn kill(&mut self, id: impl Into<NodeId>) {
        let id = id.into();
        self.nodes.remove(&id).unwrap().halt().await;
    }

    /// The leader that all running nodes follow.
    pub async fn leader(&self) -> NodeId {
        let end = soon();
        loop {
            let mut leaders = self
                .nodes
                .values()
                .map(|node| node.leadership().borrow().leader);
            let first = leaders.next().flatten();
            let agreed = leaders.all(|other| other == first);
            if let Some(leader) = first.filter(|id| agreed && self.nodes.contains_key(id)) {
                return leader;
            }
            assert!(Instant::now() < end, "no leader: {:?}", self.statuses());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub fn statuses(&self) -> Vec<Status> {
        self.nodes.values().map(Raft::status).collect()
    }

    pub fn a_follower(&self, leader: NodeId) -> NodeId {
        *self.nodes.keys().find(|id| **id != leader).unwrap()
    }

    pub async fn propose(&self, at: impl Into<NodeId>, command: &str) -> Proposed {
        let at = at.into();
        let proposed = self.nodes[&at]
            .propose(command.into(), soon())
            .await
            .unwrap();
        assert_eq!(proposed.reply, command.as_bytes());
        proposed
    }

    /// Whether a linearizable read finds a row.
    pub async fn holds(&self, at: impl Into<NodeId>, command: &str) -> bool {
        let at = at.into();
        self.nodes[&at].barrier(soon()).await.unwrap();
        self.hosts[&at]
            .disk
            .rows()
            .get(command.as_bytes())
            .is_some()
    }
}

/// Of the floors on this disk, which are opened.
async fn floor_mark(node: NodeId, disk: &MemoryDisk) -> FloorMark {
    let disk = disk.storage().log.floor_disk();
    let cluster = ClusterId([5; 32]);
    floor::create(&*disk, Owner { node, cluster }).unwrap();
    let mark = FloorMark::find(&*disk);
    mark.follow(Floors::open(disk, Owner { node, cluster }).await.unwrap());
    mark
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = soon();
    while !holds() {
        assert!(Instant::now() < end, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
