//! Cameo, as three nodes on this machine.

mod address_book;
mod away;
mod calls;
mod connection;
mod control;
mod crowd;
mod grant;
mod patient;
mod people;
mod photo;
mod replacement;
mod sessions;
mod writer;

pub use address_book::AddressBook;
pub use crowd::GROUP;
pub use patient::Patient;
pub use people::Person;
pub use photo::Photo;
pub use replacement::Household;
pub use sessions::{FILES_OF_ONE, LinkEnd};
pub use writer::Writer;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use cameo_common::api::{ClusterInfo, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, NodeId};
use cameo_harness::{Binaries, Cluster, Process};

use super::caller::Caller;
use calls::{Requests, WholeView};
use connection::Connection;
use grant::Grant;

/// Nodes of the cluster, as many as etcd has members.
const NODES: u64 = 3;
/// Bytes of what a command adds to the log beside its operation: device, cluster, request,
/// not-after, hash and signature.
pub const AUTHORIZATION_BYTES: usize = 210;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    Write,
    Debit,
    LookUp,
    View,
}

/// A running cluster with its users.
#[derive(Debug)]
pub struct Ours {
    cluster: Cluster,
    id: ClusterId,
    descriptor: Descriptor,
    owner: Arc<Person>,
    viewers: Vec<Arc<Person>>,
}

impl Ours {
    /// Starts a fresh cluster in this folder, with this many viewers and one owner. Its nodes have
    /// these flags beyond those of every node.
    pub async fn start(folder: &Path, viewers: usize, flags: &[&str]) -> anyhow::Result<Self> {
        let binaries = Binaries::build()?;
        let mut cluster = Cluster::prepare(&binaries, folder, NODES).await?;
        for node in &mut cluster.nodes {
            node.flags.extend(flags.iter().map(Into::into));
        }
        cluster.start_all().await?;
        cluster.leader().await?;
        let owner = Arc::new(Person::new("owner".parse()?));
        let mut connection = Connection::open(&owner.device, address(&cluster, 0)?).await?;
        let info = connection.get(paths::CLUSTER)?;
        let info: ClusterInfo = connection.ask(info).await?;
        let descriptor = info.descriptors.newest().clone();
        let mut ours = Self {
            cluster,
            id: info.cluster,
            descriptor,
            owner,
            viewers: Vec::new(),
        };
        ours.owner.register(&mut connection, ours.id).await?;
        for at in 0..viewers {
            let viewer = Person::new(format!("viewer-{at}").parse()?);
            let mut connection = ours.connection(&viewer, at).await?;
            viewer.register(&mut connection, ours.id).await?;
            ours.viewers.push(Arc::new(viewer));
        }
        Ok(ours)
    }

    /// Its processes.
    pub fn processes(&self) -> anyhow::Result<Vec<u32>> {
        let nodes = self.cluster.nodes.iter();
        let ids = nodes.map(|node| node.process().and_then(Process::id).context("a node runs"));
        ids.collect()
    }

    /// Clients that call it, spread evenly over the nodes.
    pub async fn callers(&self, count: usize, call: Call) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let all: Vec<_> = (0..self.cluster.nodes.len()).collect();
        self.callers_by(&all, count, call).await
    }

    /// The same, spread over these nodes.
    async fn callers_by(
        &self,
        nodes: &[usize],
        count: usize,
        call: Call,
    ) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let first = nodes.first().context("a cluster has nodes")?;
        let first = address(&self.cluster, *first)?;
        let mut owner = Connection::open(&self.owner.device, first).await?;
        let mut callers = Vec::new();
        for (viewer, node) in self.viewers.iter().take(count).zip(nodes.iter().cycle()) {
            callers.push(self.caller(viewer, *node, call, &mut owner).await?);
        }
        ensure!(callers.len() == count, "as many viewers as clients");
        Ok(callers)
    }

    async fn caller(
        &self,
        viewer: &Arc<Person>,
        at: usize,
        call: Call,
        owner: &mut Connection,
    ) -> anyhow::Result<Box<dyn Caller>> {
        let connection = self.connection(viewer, at).await?;
        Ok(match call {
            Call::Write => Box::new(Requests::writes(connection, self.id, viewer.clone())),
            Call::LookUp => Box::new(Requests::look_ups(connection, &viewer.name)),
            Call::Debit => {
                let grant = self.grant(viewer, owner).await?;
                Box::new(Requests::debits(connection, grant, viewer.clone()))
            }
            Call::View => {
                let mut nodes = Vec::new();
                for further in 0..self.cluster.nodes.len() {
                    let node = self.node(at + further)?;
                    nodes.push((node, self.connection(viewer, at + further).await?));
                }
                Box::new(WholeView {
                    viewer: viewer.clone(),
                    grant: self.grant(viewer, owner).await?,
                    nodes,
                    ready: VecDeque::new(),
                })
            }
        })
    }

    async fn grant(&self, viewer: &Person, owner: &mut Connection) -> anyhow::Result<Grant> {
        Grant::create(self.id, &self.descriptor, &self.owner, viewer, owner).await
    }

    fn node(&self, at: usize) -> anyhow::Result<NodeId> {
        let nodes = &self.cluster.nodes;
        let node = nodes.get(at % nodes.len().max(1));
        Ok(node.context("a cluster has nodes")?.id)
    }

    /// A connection of a person to the node with this number, counted round.
    async fn connection(&self, person: &Person, at: usize) -> anyhow::Result<Connection> {
        Connection::open(&person.device, address(&self.cluster, at)?).await
    }
}

fn address(cluster: &Cluster, at: usize) -> anyhow::Result<SocketAddr> {
    let node = cluster.nodes.get(at % cluster.nodes.len().max(1));
    Ok(node.context("a cluster has nodes")?.http.parse()?)
}
