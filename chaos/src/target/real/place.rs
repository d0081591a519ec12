//! The places of nodes: a namespace, a disk, a clock, as far as this machine has them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;
use cameo_common::ids::NodeId;
use cameo_harness::{Credential, LogBy, Node, TokenOrder};

use super::boot::Boots;
use super::clock::Clock;
use super::disk::Disk;
use super::member::{Member, Place};
use super::network::{Dialer, LINK_PORT, Links, Namespace, Network, NetworkBy, address};
use super::owner::{Owner, VARIABLE};
use super::port::ClientsCut;
use super::relay::Relay;
use crate::decisions;
use crate::faults::{Kind, Lane};

/// The port of each node's API on the loopback interface of its own namespace.
const API_PORT: u16 = 8000;
const METRICS_PORT: u16 = 8100;
/// Where nodes without namespaces listen: not where ports are given out to connections and proxies
/// meanwhile.
const NODES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Nodes have this many entries between two snapshots: some in each run.
const SNAPSHOT_AFTER: &str = "400";

/// Makes places, and remembers what cannot be had.
#[derive(Debug)]
pub struct Places {
    owner: Owner,
    folder: PathBuf,
    program: PathBuf,
    secret: PathBuf,
    /// File of the operator's key.
    operator: PathBuf,
    /// Addresses of the founders.
    founders: BTreeMap<NodeId, Address>,
    network: Network,
    clients_cut: Arc<ClientsCut>,
    library: Option<&'static str>,
    disks: bool,
    boots: Option<Boots>,
    no_clock: Option<String>,
    no_disk: Option<String>,
    no_boots: Option<String>,
}

/// Where a node is found.
#[derive(Debug, Clone)]
struct Address {
    /// Its own part of `--peers`.
    link: String,
    /// `--listen`, where that is another one.
    listen: Option<SocketAddr>,
    /// Its API, seen from its own network.
    http: SocketAddr,
    /// Its health and metrics, seen from there too.
    metrics: SocketAddr,
}

/// What places are made for.
#[derive(Debug)]
pub struct Wanted<'a> {
    pub folder: &'a Path,
    pub program: &'a Path,
    pub nodes: u64,
    pub seed: u64,
    pub kinds: &'a [Kind],
    pub network: NetworkBy,
}

impl Places {
    /// Finds out what this machine has of what the kinds need.
    ///
    /// # Errors
    /// When the cluster's secret cannot be made.
    pub async fn find(wanted: Wanted<'_>) -> anyhow::Result<Self> {
        let owner = Owner::this();
        let needs = |lane| wanted.kinds.iter().any(|kind| kind.lane() == lane);
        let network = Network::make(wanted.network, needs(Lane::Network), &owner, wanted.seed)?;
        let (library, no_clock) = had(needs(Lane::Clock), Clock::library);
        let of_disk = wanted.kinds.iter().any(|kind| kind.is_of_disk());
        let probe = || Disk::probe(wanted.folder, &owner.name("probe"));
        let (disk, no_disk) = had(of_disk, probe);
        let (boots, no_boots) = had(of_disk, || Boots::find(wanted.folder));
        let secret = wanted.folder.join("cluster.secret");
        make_secret(wanted.program, &secret).await?;
        let mut places = Self {
            owner,
            folder: wanted.folder.to_owned(),
            program: wanted.program.to_owned(),
            operator: wanted.folder.join("cluster.secret.operator"),
            secret,
            founders: BTreeMap::new(),
            network,
            clients_cut: Arc::default(),
            library,
            disks: disk.is_some(),
            boots,
            no_clock,
            no_disk,
            no_boots,
        };
        let ports = cameo_harness::free_ports(3 * usize::try_from(wanted.nodes)?)?;
        for (id, ports) in (1..=wanted.nodes).map(NodeId).zip(ports.chunks_exact(3)) {
            let address = places.address(id, [ports[0], ports[1], ports[2]])?;
            places.founders.insert(id, address);
        }
        Ok(places)
    }

    /// The network between the nodes.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The nodes that clients do not reach.
    #[must_use]
    pub fn clients_cut(&self) -> Arc<ClientsCut> {
        self.clients_cut.clone()
    }

    /// `--peers` of the founders.
    #[must_use]
    pub fn peers(&self) -> String {
        let peers = self.founders.iter();
        let peers = peers.map(|(id, address)| format!("{id}={}", address.link));
        peers.collect::<Vec<_>>().join(",")
    }

    /// The mark of this run, for the environment of each of its processes.
    #[must_use]
    pub fn mark(&self) -> (OsString, OsString) {
        (VARIABLE.into(), self.owner.mark().into())
    }

    /// The program of the nodes, unless they run another build.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// File of the operator's key.
    #[must_use]
    pub fn operator(&self) -> &Path {
        &self.operator
    }

    /// Why a fault of this kind cannot be had; None if it can.
    #[must_use]
    pub fn why_not(&self, kind: Kind) -> Option<String> {
        match kind {
            _ if kind.lane() == Lane::Lies => {
                Some("real nodes run our program, which does not lie: simulated ones".to_owned())
            }
            Kind::OldFolder => Some("only simulated disks are put back".to_owned()),
            _ if kind.lane() == Lane::Network => self.network.why_not(kind),
            _ if kind.lane() == Lane::Clock => self.no_clock.clone(),
            // Without another boot, a node would take for written what the failure has lost.
            Kind::PowerFailure | Kind::TornTail => {
                self.no_disk.clone().or_else(|| self.no_boots.clone())
            }
            _ if kind.is_of_disk() => self.no_disk.clone(),
            _ => None,
        }
    }

    /// Why nodes cannot go on as this build; None if they can.
    #[must_use]
    pub fn why_not_as(&self, build: &Path) -> Option<String> {
        if !matches!(self.network.links, Some(Links::Proxies(_))) {
            return None;
        }
        match Command::new(build).arg("--help").output() {
            Ok(help) if String::from_utf8_lossy(&help.stdout).contains("--listen") => None,
            Ok(_) => Some("the other build has no --listen, which a proxy needs".to_owned()),
            Err(why) => Some(format!("{}: {why}", build.display())),
        }
    }

    /// Addresses of a node for which these ports of this machine are free: of its links, and of its
    /// API.
    fn address(&self, id: NodeId, [link, http, metrics]: [u16; 3]) -> anyhow::Result<Address> {
        let here = |port| SocketAddr::from((NODES, port));
        Ok(match &self.network.links {
            Some(Links::Switch(_)) => {
                let address = address(id).context("an address for each node")?;
                Address {
                    link: format!("{address}:{LINK_PORT}"),
                    listen: None,
                    http: SocketAddr::from((Ipv4Addr::LOCALHOST, API_PORT)),
                    metrics: SocketAddr::from((Ipv4Addr::LOCALHOST, METRICS_PORT)),
                }
            }
            Some(Links::Proxies(proxies)) => Address {
                link: proxies.attach(id, here(link))?.to_string(),
                listen: Some(here(link)),
                http: here(http),
                metrics: here(metrics),
            },
            None => Address {
                link: here(link).to_string(),
                listen: None,
                http: here(http),
                metrics: here(metrics),
            },
        })
    }

    /// A founder, not started.
    ///
    /// # Errors
    /// When its place cannot be made.
    pub fn founder(&self, id: NodeId) -> anyhow::Result<Member> {
        let address = self.founders.get(&id).context("it is no founder")?;
        let secret = Credential::Secret(self.secret.clone());
        self.member(id, address, self.peers(), Vec::new(), secret)
    }

    /// A node that joins as a worker, not started. `cluster` is the cluster's address for the
    /// operator's commands.
    ///
    /// # Errors
    /// When its place cannot be made.
    pub fn worker(&self, id: NodeId, cluster: &str) -> anyhow::Result<Member> {
        let token = self.folder.join(format!("token-{id}"));
        let order = TokenOrder {
            program: &self.program,
            operator: &self.operator,
            cluster,
            peers: &self.peers(),
        };
        order.sign(&token)?;
        let ports = cameo_harness::free_ports(3)?;
        let address = self.address(id, [ports[0], ports[1], ports[2]])?;
        let peers = format!("{},{id}={}", self.peers(), address.link);
        let flags = vec!["--worker".into()];
        self.member(id, &address, peers, flags, Credential::Token(token))
    }

    fn member(
        &self,
        id: NodeId,
        address: &Address,
        peers: String,
        mut flags: Vec<OsString>,
        credential: Credential,
    ) -> anyhow::Result<Member> {
        let folder = self.folder.join(format!("node-{id}"));
        std::fs::create_dir_all(&folder)?;
        flags.extend(["--snapshot-after".into(), SNAPSHOT_AFTER.into()]);
        let decisions = decisions::file_of(&self.folder, id);
        flags.extend(["--decisions".into(), decisions.into()]);
        if let Some(listen) = address.listen {
            flags.extend(["--listen".into(), listen.to_string().into()]);
        }
        let place = self.place(id, address, &folder)?;
        flags.extend(["--http-url".into(), place.relay.url().into()]);
        let mut environment = vec![self.mark()];
        environment.extend(place.clock.iter().flat_map(Clock::environment));
        let node = Node {
            id,
            http: place.http.to_string(),
            metrics: place.metrics.to_string(),
            link: address.link.clone(),
            wrapper: self.wrapper(&place, &folder)?,
            folder,
            program: self.program.clone(),
            peers,
            credential,
            flags,
            log_filter: None,
            environment,
            log_by: LogBy::Pipe,
            process: None,
        };
        Ok(Member::new(node, place))
    }

    /// A node on a disk of its own has a boot of its own.
    fn wrapper(&self, place: &Place, folder: &Path) -> std::io::Result<Vec<OsString>> {
        let words = place.namespace.as_ref().map(Namespace::wrapper);
        let words = words.unwrap_or_default();
        match (&self.boots, &place.disk) {
            (Some(boots), Some(_)) => boots.wrapper(words, folder),
            _ => Ok(words),
        }
    }

    fn place(&self, id: NodeId, address: &Address, folder: &Path) -> anyhow::Result<Place> {
        let namespace = match &self.network.links {
            Some(Links::Switch(switch)) => {
                let namespace = Namespace::create(self.owner.name(id))?;
                switch.attach(id, &namespace)?;
                Some(namespace)
            }
            _ => None,
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
        let relay = Relay::start(id, dialer.clone(), address.http, self.clients_cut.clone())?;
        Ok(Place {
            dialer,
            http: address.http,
            metrics: address.metrics,
            links: self.network.links.clone(),
            relay,
            clock: clock.transpose()?,
            disk,
            namespace,
        })
    }
}

/// What is needed and can be had; if it cannot, why.
fn had<T, E: std::fmt::Display>(
    needed: bool,
    find: impl FnOnce() -> Result<T, E>,
) -> (Option<T>, Option<String>) {
    match needed.then(find) {
        Some(Ok(found)) => (Some(found), None),
        Some(Err(why)) => (None, Some(why.to_string())),
        None => (None, None),
    }
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
