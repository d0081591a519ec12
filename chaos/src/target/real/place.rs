//! The places of nodes: a namespace, a disk, a clock, as far as this machine has them.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use cameo_harness::{LogBy, Node};

use super::clock::Clock;
use super::disk::Disk;
use super::member::{Member, Place};
use super::network::{Dialer, LINK_PORT, Namespace, Switch, address};
use super::owner::{Owner, VARIABLE};
use super::port::ClientsCut;
use super::relay::Relay;
use crate::faults::{Kind, Lane};

/// The port of each node's API on the loopback interface of its own namespace.
const API_PORT: u16 = 8000;
/// Nodes have this many entries between two snapshots: some in each run.
const SNAPSHOT_AFTER: &str = "400";
/// Where a machine has the name of its present boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Makes places, and remembers what cannot be had.
#[derive(Debug)]
pub struct Places {
    owner: Owner,
    folder: PathBuf,
    program: PathBuf,
    secret: PathBuf,
    /// `--peers` of the founders.
    peers: Vec<String>,
    switch: Option<Arc<Switch>>,
    clients_cut: Arc<ClientsCut>,
    library: Option<&'static str>,
    disks: bool,
    missing: Vec<(Lane, String)>,
    no_disk: Option<String>,
    /// Founders' ports where there are no namespaces.
    ports: Vec<u16>,
}

/// What places are made for.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub folder: &'a Path,
    pub program: &'a Path,
    pub nodes: u64,
    pub seed: u64,
    pub kinds: &'a [Kind],
}

impl Places {
    /// Finds out what this machine has of what the kinds need.
    ///
    /// # Errors
    /// When the cluster's secret cannot be made.
    pub async fn find(wanted: Wanted<'_>) -> anyhow::Result<Self> {
        let owner = Owner::this();
        let needs = |lane| wanted.kinds.iter().any(|kind| kind.lane() == lane);
        let mut missing = Vec::new();
        let switch = match switch(&owner, wanted.seed) {
            _ if !needs(Lane::Network) => None,
            Ok(switch) => Some(Arc::new(switch)),
            Err(why) => {
                missing.push((Lane::Network, why.to_string()));
                None
            }
        };
        let library = match Clock::library() {
            _ if !needs(Lane::Clock) => None,
            Ok(library) => Some(library),
            Err(why) => {
                missing.push((Lane::Clock, why.to_string()));
                None
            }
        };
        let no_disk = if wanted.kinds.iter().any(|kind| kind.is_of_disk()) {
            Disk::probe(wanted.folder, &owner.name("probe")).err()
        } else {
            None
        };
        let disks = no_disk.is_none() && wanted.kinds.iter().any(|kind| kind.is_of_disk());
        let secret = wanted.folder.join("cluster.secret");
        make_secret(wanted.program, &secret).await?;
        let ports = cameo_harness::free_ports(2 * usize::try_from(wanted.nodes)?)?;
        let mut places = Self {
            owner,
            folder: wanted.folder.to_owned(),
            program: wanted.program.to_owned(),
            secret,
            peers: Vec::new(),
            switch,
            clients_cut: Arc::default(),
            library,
            disks,
            missing,
            no_disk: no_disk.map(|why| why.to_string()),
            ports,
        };
        for id in (1..=wanted.nodes).map(NodeId) {
            places.peers.push(format!("{id}={}", places.link(id)?));
        }
        Ok(places)
    }

    /// The switch between namespaces, if there is one.
    #[must_use]
    pub fn switch(&self) -> Option<Arc<Switch>> {
        self.switch.clone()
    }

    /// The nodes that clients do not reach.
    #[must_use]
    pub fn clients_cut(&self) -> Arc<ClientsCut> {
        self.clients_cut.clone()
    }

    /// `--peers` of the founders.
    #[must_use]
    pub fn peers(&self) -> String {
        self.peers.join(",")
    }

    /// The program of the nodes, unless they run another build.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The secret of the cluster.
    #[must_use]
    pub fn secret(&self) -> &Path {
        &self.secret
    }

    /// Why a fault of this kind cannot be had; None if it can.
    #[must_use]
    pub fn why_not(&self, kind: Kind) -> Option<String> {
        if kind.is_of_disk() {
            return self.no_disk.clone();
        }
        // Clients are cut off in this process.
        let lacks = |(lane, _): &&(Lane, String)| *lane == kind.lane() && kind != Kind::ClientsCut;
        let lacks = self.missing.iter().find(lacks);
        lacks.map(|(_, why)| why.clone())
    }

    fn link(&self, id: NodeId) -> anyhow::Result<String> {
        if self.switch.is_some() {
            let address = address(id).context("an address for each node")?;
            return Ok(format!("{address}:{LINK_PORT}"));
        }
        let at = usize::try_from(id.0)?;
        let port = match self.ports.get(2 * at - 2) {
            Some(port) => *port,
            None => cameo_harness::free_ports(1)?[0],
        };
        Ok(format!("127.0.0.1:{port}"))
    }

    fn http(&self, id: NodeId) -> anyhow::Result<SocketAddr> {
        let at = usize::try_from(id.0)?;
        let port = match (&self.switch, self.ports.get(2 * at - 1)) {
            (Some(_), _) => API_PORT,
            (None, Some(port)) => *port,
            (None, None) => cameo_harness::free_ports(1)?[0],
        };
        Ok(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// A founder, not started.
    ///
    /// # Errors
    /// When its place cannot be made.
    pub fn founder(&self, id: NodeId) -> anyhow::Result<Member> {
        let link = self.link(id)?;
        self.member(id, link, self.peers(), Vec::new())
    }

    /// A node that joins as a worker, not started.
    ///
    /// # Errors
    /// When its place cannot be made.
    pub fn worker(&self, id: NodeId) -> anyhow::Result<Member> {
        let link = self.link(id)?;
        let peers = format!("{},{id}={link}", self.peers());
        self.member(id, link, peers, vec!["--worker".into()])
    }

    fn member(
        &self,
        id: NodeId,
        link: String,
        peers: String,
        mut flags: Vec<OsString>,
    ) -> anyhow::Result<Member> {
        let folder = self.folder.join(format!("node-{id}"));
        std::fs::create_dir_all(&folder)?;
        flags.extend(["--snapshot-after".into(), SNAPSHOT_AFTER.into()]);
        let place = self.place(id, &folder)?;
        flags.extend(["--http-url".into(), place.relay.url().into()]);
        let mut environment = vec![(VARIABLE.into(), self.owner.mark().into())];
        environment.extend(place.clock.iter().flat_map(Clock::environment));
        let node = Node {
            id,
            http: place.http.to_string(),
            link,
            wrapper: wrapper(place.namespace.as_ref(), place.disk.as_ref(), &folder)?,
            folder,
            program: self.program.clone(),
            peers,
            secret: self.secret.clone(),
            flags,
            log_filter: None,
            environment,
            log_by: LogBy::Pipe,
            process: None,
        };
        Ok(Member::new(node, place))
    }

    fn place(&self, id: NodeId, folder: &Path) -> anyhow::Result<Place> {
        let namespace = match &self.switch {
            Some(switch) => {
                let namespace = Namespace::create(self.owner.name(id))?;
                switch.attach(id, &namespace)?;
                Some(namespace)
            }
            None => None,
        };
        let dialer = match &namespace {
            Some(namespace) => Dialer::inside(namespace)?,
            None => Dialer::here(),
        };
        let clock = self
            .library
            .map(|library| Clock::create(folder.join("clock"), library));
        let disk = if self.disks {
            let below = folder.join("disk");
            let at = folder.join("data");
            Some(Disk::mount(
                &below,
                &at,
                &self.owner.name(format!("disk{id}")),
            )?)
        } else {
            None
        };
        let http = self.http(id)?;
        let relay = Relay::start(id, dialer.clone(), http, self.clients_cut.clone())?;
        Ok(Place {
            dialer,
            http,
            relay,
            clock: clock.transpose()?,
            disk,
            namespace,
        })
    }
}

/// A switch, if namespaces and interfaces can be had: that is tried once.
fn switch(owner: &Owner, seed: u64) -> anyhow::Result<Switch> {
    let switch = Switch::start(seed)?;
    let namespace = Namespace::create(owner.name("probe"))?;
    switch.attach(NodeId(254), &namespace)?;
    Dialer::inside(&namespace)?;
    drop(switch);
    Ok(Switch::start(seed)?)
}

/// A node on a disk of its own has a boot of its own, which a power failure ends: it reads its name
/// from a file of ours.
fn wrapper(
    namespace: Option<&Namespace>,
    disk: Option<&Disk>,
    folder: &Path,
) -> anyhow::Result<Vec<OsString>> {
    let mut words = namespace.map(Namespace::wrapper).unwrap_or_default();
    if disk.is_some() {
        let file = boot_file(folder);
        new_boot(&file)?;
        if words.is_empty() {
            words.extend(["unshare", "--mount"].map(OsString::from));
        }
        let run = format!("mount --bind \"$0\" {BOOT_ID} && exec \"$@\"");
        words.extend(["sh".into(), "-c".into(), run.into(), file.into()]);
    }
    Ok(words)
}

/// The file with the name of a node's boot.
#[must_use]
pub fn boot_file(folder: &Path) -> PathBuf {
    folder.join("boot_id")
}

/// Begins another boot of the node whose file this is.
///
/// # Errors
/// When the file cannot be written.
pub fn new_boot(file: &Path) -> std::io::Result<()> {
    // A kernel gives a new one at each read.
    let name = std::fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    std::fs::write(file, name)
}

async fn make_secret(program: &Path, path: &Path) -> anyhow::Result<()> {
    let mut command = tokio::process::Command::new(program);
    let made = command.arg("secret").arg(path).output().await?;
    anyhow::ensure!(
        made.status.success(),
        "`{} secret` failed: {}",
        program.display(),
        String::from_utf8_lossy(&made.stderr)
    );
    Ok(())
}
