//! Replacement of nodes under load, and what clients need to follow it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use cameo_common::api::{ClusterInfo, EndSession, paths};
use cameo_common::ids::{ClusterId, NodeId, UserName};
use cameo_common::op::Op;
use tokio::time::sleep;

use super::address_book::AddressBook;
use super::connection::Connection;
use super::patient::Patient;
use super::people::Person;
use super::photo::Photo;
use super::{Ours, address};

/// Attempts at an order that a node refuses as long as the new one lacks entries: it goes on where
/// it was.
const ORDER_ATTEMPTS: usize = 20;
const ORDER_PAUSE: Duration = Duration::from_millis(500);

/// What a client of a cluster that changes has: the cluster's id, its nodes, and the people.
#[derive(Debug, Clone)]
pub struct Household {
    pub cluster: ClusterId,
    pub book: Arc<AddressBook>,
    pub owner: Arc<Person>,
    pub viewers: Vec<Arc<Person>>,
}

impl Household {
    /// A client of the viewer with this number, which calls the node of this number first.
    ///
    /// # Errors
    /// When there are not so many viewers.
    pub fn client(&self, number: usize) -> anyhow::Result<(Arc<Person>, Patient)> {
        let viewer = self.viewers.get(number).context("so many viewers")?.clone();
        let client = Patient::new(viewer.clone(), self.book.clone(), number);
        Ok((viewer, client))
    }

    /// Shares a photo of the owner with this viewer.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn share(&self, viewer: &Arc<Person>, client: &mut Patient) -> anyhow::Result<Photo> {
        let both = (self.owner.clone(), viewer.clone());
        Photo::share(self.cluster, both, client).await
    }

    /// The lightest write: the end of a session that never was. It is repeated under its request
    /// id.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn write(&self, person: &Person, client: &mut Patient) -> anyhow::Result<()> {
        let body = EndSession { epoch: 0 };
        let proof = person.authorize(self.cluster, &Op::from(&body));
        let call = |to: &Connection| to.post(paths::END_SESSION, Some(&proof), &body);
        client.call(&call).await.map(drop)
    }

    /// Looks a user up: a linearizable read.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn look_up(&self, name: &UserName, client: &mut Patient) -> anyhow::Result<()> {
        let path = paths::fill(paths::USER, name);
        client.call(&|to| to.get(&path)).await.map(drop)
    }
}

impl Ours {
    /// What clients need that go on while nodes are replaced.
    ///
    /// # Errors
    /// When a node has no address.
    pub fn household(&self) -> anyhow::Result<Household> {
        let book = AddressBook::new(self.places()?, self.descriptor.clone());
        Ok(Household {
            cluster: self.id,
            book: Arc::new(book),
            owner: self.owner.clone(),
            viewers: self.viewers.clone(),
        })
    }

    pub fn nodes(&self) -> usize {
        self.cluster.nodes.len()
    }

    /// Gives the place of the node that has been here longest to a new one: it joins as a worker
    /// and takes the other's vote by `cameod member replace`, and clients learn of it. The node
    /// that was replaced runs on until [`Ours::retire_first`].
    ///
    /// # Errors
    /// When the new node does not join, or the order fails.
    pub async fn replace_first(&mut self, book: &AddressBook) -> anyhow::Result<()> {
        let nodes = &self.cluster.nodes;
        let old = nodes.first().context("a cluster has nodes")?.id;
        let newest = nodes.iter().map(|node| node.id.0).max().unwrap_or_default();
        let new = NodeId(newest + 1);
        let flags = nodes.first().map(|node| node.flags.clone());
        let mut worker = self.cluster.worker(new)?;
        worker.flags.extend(flags.unwrap_or_default());
        worker.start().await?;
        self.cluster.nodes.push(worker);
        self.order_until_done(&["member", "replace", &old.to_string(), &new.to_string()])
            .await?;
        let last = self.cluster.nodes.len() - 1;
        let mut connection =
            Connection::open(&self.owner.device, address(&self.cluster, last)?).await?;
        let info: ClusterInfo = connection.ask(connection.get(paths::CLUSTER)?).await?;
        self.descriptor = info.descriptors.newest().clone();
        ensure!(
            self.descriptor.nodes.iter().all(|node| node.id != old),
            "node {old} was replaced, and the newest descriptor has it"
        );
        let places = self.places()?.into_iter().filter(|(node, _)| *node != old);
        book.change(places.collect(), self.descriptor.clone());
        Ok(())
    }

    /// Ends the node that was replaced by SIGTERM, and forgets it.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn retire_first(&mut self) -> anyhow::Result<()> {
        ensure!(!self.cluster.nodes.is_empty(), "a cluster has nodes");
        let mut old = self.cluster.nodes.remove(0);
        Ok(old.stop().await?)
    }

    async fn order_until_done(&self, order: &[&str]) -> anyhow::Result<()> {
        let mut last = None;
        for _ in 0..ORDER_ATTEMPTS {
            match self.cluster.order(order).await {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            sleep(ORDER_PAUSE).await;
        }
        Err(last.context("an attempt")?)
    }

    fn places(&self) -> anyhow::Result<Vec<(NodeId, std::net::SocketAddr)>> {
        let nodes = self.cluster.nodes.iter().enumerate();
        nodes
            .map(|(at, node)| Ok((node.id, address(&self.cluster, at)?)))
            .collect()
    }
}
