//! One node of a real cluster: its process, and what surrounds it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_harness::{Node, ProcessError};
use parking_lot::Mutex as SyncMutex;
use tokio::sync::Mutex;

use super::clock::Clock;
use super::disk::Disk;
use super::http;
use super::may_end::MayEnd;
use super::network::{Dialer, Links, Namespace};
use super::relay::Relay;

/// Longest wait for a node's word about itself.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);

/// Lines of its log that are shown of a node in trouble.
const LAST_LINES: usize = 6;

/// A node. Its process is the only part that changes.
#[derive(Debug)]
pub struct Member {
    pub id: NodeId,
    pub folder: PathBuf,
    log: PathBuf,
    /// The way to its API.
    pub dialer: Dialer,
    /// Where its API listens, seen from the dialer.
    pub http: SocketAddr,
    /// Where it serves health and metrics, seen from the dialer.
    metrics: SocketAddr,
    pub clock: Option<Clock>,
    /// The program that it runs next.
    pub program: SyncMutex<PathBuf>,
    pub node: Mutex<Node>,
    pub may_end: MayEnd,
    /// Starts of its process so far.
    starts: AtomicU64,
    links: Option<Links>,
    // The order is the one in which they are dropped, after the process.
    pub disk: Option<Disk>,
    _namespace: Option<Namespace>,
    /// The way to its API for programs on this machine.
    pub relay: Relay,
}

/// The surroundings of a new member.
#[derive(Debug)]
pub struct Place {
    pub dialer: Dialer,
    pub http: SocketAddr,
    pub metrics: SocketAddr,
    pub clock: Option<Clock>,
    pub disk: Option<Disk>,
    pub namespace: Option<Namespace>,
    pub links: Option<Links>,
    pub relay: Relay,
}

impl Member {
    /// A member that is not started.
    #[must_use]
    pub fn new(node: Node, place: Place) -> Self {
        Self {
            id: node.id,
            dialer: place.dialer,
            http: place.http,
            metrics: place.metrics,
            clock: place.clock,
            program: SyncMutex::new(node.program.clone()),
            log: node.folder.join("node.log"),
            folder: node.folder.clone(),
            node: Mutex::new(node),
            may_end: MayEnd::default(),
            starts: AtomicU64::new(0),
            disk: place.disk,
            _namespace: place.namespace,
            links: place.links,
            relay: place.relay,
        }
    }

    /// Starts its process, unless it runs.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn launch(&self) -> Result<(), ProcessError> {
        let mut node = self.node.lock().await;
        if node
            .process
            .as_mut()
            .is_some_and(|process| process.ended().is_none())
        {
            return Ok(());
        }
        node.program.clone_from(&self.program.lock());
        // Before the process answers: what it says belongs to this start.
        self.starts.fetch_add(1, Ordering::SeqCst);
        let mut start = || {
            node.launch()?;
            Ok(node.process().and_then(cameo_harness::Process::id))
        };
        match &self.links {
            Some(links) => links.launch(self.id, start),
            None => start().map(|_| ()),
        }
    }

    /// The number of starts so far.
    #[must_use]
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::SeqCst)
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_end(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Its process id, while it runs.
    pub async fn process_id(&self) -> Option<u32> {
        let node = self.node.lock().await;
        node.process().and_then(cameo_harness::Process::id)
    }

    /// What it answers in the clear to a `GET`, decoded; None without a good answer.
    pub async fn ask<T: serde::de::DeserializeOwned>(&self, path: &str) -> Option<T> {
        let asked = http::get_plain(&self.dialer, self.metrics, path);
        let body = tokio::time::timeout(ANSWER_WITHIN, asked).await.ok()??;
        serde_json::from_slice(&body).ok()
    }
}
