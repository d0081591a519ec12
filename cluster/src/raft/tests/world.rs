//! Nodes to play with.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::host::clock::{SystemClock, WallClock};
use crate::link::{Accept, ClusterSecret, NodeKeys, Stream, TcpTransport, Transport};
use crate::raft::memory::MemoryDisk;
use crate::raft::*;
use cameo_machine::{Change, StateView};

/// No test waits longer for a condition; a healthy one takes a fraction of it.
pub const PATIENCE: Duration = Duration::from_secs(40);

pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// A command is a key; its row's value is the log time, its reply the key again.
fn decide(_view: &cameo_machine::MapView, _index: u64, entry: &[u8]) -> (Vec<Change>, Vec<u8>) {
    let (time, key) = entry.split_at(8);
    let put = Change::Put {
        key: key.to_vec(),
        value: time.to_vec(),
    };
    (vec![put], key.to_vec())
}

struct TimeFirst;
impl Stamp for TimeFirst {
    fn stamp(&self, command: Vec<u8>, log_time: Millis) -> Vec<u8> {
        [&log_time.0.to_le_bytes()[..], &command].concat()
    }
}

/// A clock that can be put wrong.
#[derive(Default)]
pub struct BentClock(pub AtomicI64);
impl WallClock for BentClock {
    fn unix_millis(&self) -> Millis {
        let Millis(now) = SystemClock.unix_millis();
        Millis(now.saturating_add_signed(self.0.load(Ordering::Relaxed)))
    }
}

struct ReportOf(NodeId);
impl ReportSource for ReportOf {
    fn report(&self) -> Vec<u8> {
        format!("load of {}", self.0).into_bytes()
    }
}

/// Reports as the leader got them: (from, report).
#[derive(Default)]
pub struct Reports(pub Mutex<BTreeMap<NodeId, Vec<u8>>>);
impl ReportSink for Reports {
    fn received(&self, from: NodeId, report: &[u8], _clock: Millis, _at: Instant) {
        self.0.lock().unwrap().insert(from, report.to_vec());
    }
}

struct Echo(NodeId);
impl AppService for Echo {
    fn serve(&self, from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Vec<u8>> {
        let me = self.0;
        Box::pin(async move {
            let body = String::from_utf8(body).unwrap();
            format!("{me} heard {body} from {from}").into_bytes()
        })
    }
}

/// What stays of a node while it is down.
pub struct Place {
    pub data: PathBuf,
    /// Where its links listen.
    pub link: String,
    pub disk: MemoryDisk,
    pub keys: Arc<NodeKeys>,
    pub secret: Vec<u8>,
    pub clock: Arc<BentClock>,
    pub reports: Arc<Reports>,
}

impl Place {
    /// The node lost its disk; its key stays.
    pub fn empty(&mut self) {
        std::fs::remove_dir_all(&self.data).unwrap();
        std::fs::create_dir(&self.data).unwrap();
        self.disk = MemoryDisk::new(Arc::new(decide));
    }
}

fn place(root: &std::path::Path, id: NodeId, link: String) -> Place {
    let data = root.join(id.to_string());
    std::fs::create_dir_all(&data).unwrap();
    Place {
        data,
        link,
        disk: MemoryDisk::new(Arc::new(decide)),
        keys: Arc::new(NodeKeys::generate().unwrap()),
        secret: b"the secret of the test cluster".to_vec(),
        clock: Arc::default(),
        reports: Arc::default(),
    }
}

/// TCP on ports that were drawn, and are held, before any node starts. One address may be shut: who dials it waits.
struct HeldPorts {
    held: Mutex<BTreeMap<String, std::net::TcpListener>>,
    shut: watch::Sender<Option<String>>,
    /// Somebody has dialled the shut address.
    knocked: Arc<Notify>,
}

impl Transport for HeldPorts {
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let (mut shut, knocked) = (self.shut.subscribe(), self.knocked.clone());
        Box::pin(async move {
            let is_shut = |shut: &Option<String>| shut.as_ref() == Some(&address);
            if is_shut(&shut.borrow()) {
                knocked.notify_one();
            }
            let open = shut.wait_for(|shut| !is_shut(shut)).await;
            open.map_err(io::Error::other)?;
            TcpTransport.connect(address).await
        })
    }

    fn listen(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Accept>>> {
        drop(self.held.lock().unwrap().remove(&address));
        TcpTransport.listen(address)
    }
}

pub struct World {
    pub places: BTreeMap<NodeId, Place>,
    pub nodes: BTreeMap<NodeId, Raft>,
    /// The founders.
    pub peers: BTreeMap<NodeId, String>,
    /// Nodes that are started as workers.
    pub workers: BTreeSet<NodeId>,
    /// By way of whom each of them joins.
    ways: BTreeMap<NodeId, Vec<NodeId>>,
    pub snapshot_after: u64,
    transport: Arc<HeldPorts>,
    root: tempfile::TempDir,
}

impl World {
    /// Places for nodes 1 to `count`; none is started.
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
        let places = peers
            .iter()
            .map(|(id, link)| (*id, place(root.path(), *id, link.clone())));
        Self {
            places: places.collect(),
            nodes: BTreeMap::new(),
            peers,
            workers: BTreeSet::new(),
            ways: BTreeMap::new(),
            snapshot_after: 1_000_000,
            transport: Arc::new(HeldPorts {
                held: Mutex::new(ports.into_iter().collect()),
                shut: watch::Sender::new(None),
                knocked: Arc::default(),
            }),
            root,
        }
    }

    /// A place for a node that is to join by way of these members.
    pub fn add_worker<M: Into<NodeId>>(
        &mut self,
        id: impl Into<NodeId>,
        by_way_of: impl IntoIterator<Item = M>,
    ) {
        let id = id.into();
        let link = self.hold_a_port();
        self.places.insert(id, place(self.root.path(), id, link));
        self.workers.insert(id);
        self.ways
            .insert(id, by_way_of.into_iter().map(Into::into).collect());
    }

    fn hold_a_port(&self) -> String {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap().to_string();
        self.transport
            .held
            .lock()
            .unwrap()
            .insert(address.clone(), port);
        address
    }

    /// Whoever dials this node from now on waits.
    pub fn shut(&self, id: impl Into<NodeId>) {
        let id = id.into();
        let link = self.places[&id].link.clone();
        self.transport.shut.send_replace(Some(link));
    }

    /// Returns when somebody waits for the node that was shut.
    pub async fn knocked(&self) {
        let knocked = self.transport.knocked.notified();
        tokio::time::timeout(PATIENCE, knocked).await.unwrap();
    }

    pub fn open(&self) {
        self.transport.shut.send_replace(None);
    }

    /// A worker with an empty folder elsewhere, under an id that is in use, with these keys or new ones.
    pub async fn same_id(&self, id: impl Into<NodeId>, keys: Option<Arc<NodeKeys>>) -> Raft {
        let id = id.into();
        let link = self.hold_a_port();
        let mut place = place(&self.root.path().join("same-id"), id, link.clone());
        place.empty();
        if let Some(keys) = keys {
            place.keys = keys;
        }
        let mut settings = self.settings_at(id, &place);
        settings.worker = true;
        settings.peers = self.peers.clone();
        settings.peers.remove(&id);
        settings.peers.insert(id, link);
        let storage = place.disk.storage();
        let parts = self.parts_at(id, &place);
        start(settings, parts, storage).await.unwrap()
    }

    /// A formed cluster with a leader.
    pub async fn formed(count: u64) -> Self {
        let mut world = Self::new(count);
        for id in 1..=count {
            world.start(id).await.unwrap();
        }
        for node in world.nodes.values() {
            tokio::time::timeout(PATIENCE, node.formed()).await.unwrap();
        }
        world.leader().await;
        world
    }

    pub fn settings(&self, id: impl Into<NodeId>) -> Settings {
        let id = id.into();
        let mut settings = self.settings_at(id, &self.places[&id]);
        settings.worker = self.workers.contains(&id);
        if let Some(ways) = self.ways.get(&id) {
            settings.peers.retain(|peer, _| ways.contains(peer));
            settings.peers.insert(id, self.places[&id].link.clone());
        }
        settings
    }

    fn settings_at(&self, id: NodeId, place: &Place) -> Settings {
        let mut settings = Settings::new(
            id,
            place.data.clone(),
            place.link.clone(),
            format!("http://node{id}"),
            self.peers.clone(),
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

    pub fn parts(&self, id: impl Into<NodeId>) -> RaftDeps {
        let id = id.into();
        self.parts_at(id, &self.places[&id])
    }

    fn parts_at(&self, id: NodeId, place: &Place) -> RaftDeps {
        RaftDeps {
            keys: place.keys.clone(),
            secret: Arc::new(ClusterSecret::from_bytes(place.secret.clone()).unwrap()),
            transport: self.transport.clone(),
            wall: place.clock.clone(),
            stamp: Arc::new(TimeFirst),
            report: Arc::new(ReportOf(id)),
            sink: place.reports.clone(),
            app: Arc::new(Echo(id)),
            app_runtime: Handle::current(),
            raft_runtime: None,
        }
    }

    pub async fn start(&mut self, id: impl Into<NodeId>) -> Result<(), StartError> {
        let id = id.into();
        let storage = self.places[&id].disk.storage();
        let node = start(self.settings(id), self.parts(id), storage).await?;
        self.nodes.insert(id, node);
        Ok(())
    }

    /// As kill -9 does it.
    pub async fn kill(&mut self, id: impl Into<NodeId>) {
        let id = id.into();
        self.nodes.remove(&id).unwrap().halt().await;
    }

    /// The leader that every running node follows.
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

    /// A linearizable look at a row.
    pub async fn holds(&self, at: impl Into<NodeId>, command: &str) -> bool {
        let at = at.into();
        self.nodes[&at].barrier(soon()).await.unwrap();
        self.places[&at]
            .disk
            .rows()
            .get(command.as_bytes())
            .is_some()
    }
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = soon();
    while !holds() {
        assert!(Instant::now() < end, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
