//! The clients' way to real nodes.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use cameo_common::ids::{Millis, NodeId};
use futures_util::future::BoxFuture;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::http;
use super::members::Members;
use crate::history::Micros;
use crate::workload::{CallFailed, Chunks, Port, Request, Response};

/// The nodes that clients do not reach, and how many calls that has met.
#[derive(Debug)]
pub struct ClientsCut {
    nodes: watch::Sender<BTreeSet<NodeId>>,
    met: AtomicU64,
}

impl Default for ClientsCut {
    fn default() -> Self {
        Self {
            nodes: watch::Sender::new(BTreeSet::new()),
            met: AtomicU64::new(0),
        }
    }
}

impl ClientsCut {
    /// From now on clients do not reach these.
    pub fn set(&self, nodes: impl IntoIterator<Item = NodeId>) {
        self.nodes.send_replace(nodes.into_iter().collect());
    }

    /// Calls that have met a cut so far.
    pub fn met(&self) -> u64 {
        self.met.load(Ordering::Relaxed)
    }

    /// Until clients do not reach the node.
    pub(super) async fn cut(&self, node: NodeId) {
        let mut watched = self.nodes.subscribe();
        // Its sender is this value, which is borrowed.
        let _cut = watched.wait_for(|nodes| nodes.contains(&node)).await;
        self.met.fetch_add(1, Ordering::Relaxed);
    }

    fn is_cut(&self, node: NodeId) -> bool {
        let cut = self.nodes.borrow().contains(&node);
        self.met.fetch_add(u64::from(cut), Ordering::Relaxed);
        cut
    }
}

/// Calls from outside the nodes' network. Each has a connection of its own.
#[derive(Debug)]
pub struct RealPort {
    members: Arc<Members>,
    /// The nodes that the cluster began with.
    founders: Vec<NodeId>,
    cut: Arc<ClientsCut>,
    began: Instant,
}

impl RealPort {
    /// A way to these nodes; time is counted from `began`.
    #[must_use]
    pub fn new(
        members: Arc<Members>,
        founders: Vec<NodeId>,
        cut: Arc<ClientsCut>,
        began: Instant,
    ) -> Self {
        Self {
            members,
            founders,
            cut,
            began,
        }
    }

    /// Sends a call, and waits for the head of its answer. What goes into a cut is never heard of
    /// again: the caller waits until its time is over.
    async fn send(
        &self,
        node: NodeId,
        request: Request,
        end: Instant,
    ) -> Result<hyper::Response<Incoming>, CallFailed> {
        let Some(member) = self.members.get(node) else {
            return Err(CallFailed::NotSent("there is no such node".to_owned()));
        };
        if self.cut.is_cut(node) {
            tokio::time::sleep_until(end).await;
            return Err(CallFailed::NotSent("the connection is cut".to_owned()));
        }
        let sent = http::send(&member.dialer, member.http, request);
        self.unless_cut(node, sent, end).await?
    }

    async fn unless_cut<T>(
        &self,
        node: NodeId,
        what: impl Future<Output = T>,
        end: Instant,
    ) -> Result<T, CallFailed> {
        tokio::select! {
            done = timeout_at(end, what) => {
                done.map_err(|_| CallFailed::Lost("no answer in time".to_owned()))
            }
            () = self.cut.cut(node) => {
                tokio::time::sleep_until(end).await;
                Err(CallFailed::Lost("the connection was cut".to_owned()))
            }
        }
    }
}

impl Port for RealPort {
    fn call(
        &self,
        node: NodeId,
        request: Request,
        within: Duration,
    ) -> BoxFuture<'_, Result<Response, CallFailed>> {
        Box::pin(async move {
            let end = Instant::now() + within;
            let answer = self.send(node, request, end).await?;
            let status = answer.status().as_u16();
            let body = self.unless_cut(node, answer.into_body().collect(), end);
            let body = body
                .await?
                .map_err(|why| CallFailed::Lost(why.to_string()))?;
            Ok(Response {
                status,
                body: body.to_bytes(),
            })
        })
    }

    fn open(
        &self,
        node: NodeId,
        request: Request,
        within: Duration,
    ) -> BoxFuture<'_, Result<(u16, Box<dyn Chunks>), CallFailed>> {
        Box::pin(async move {
            let answer = self.send(node, request, Instant::now() + within).await?;
            let status = answer.status().as_u16();
            let chunks = Body {
                node,
                cut: self.cut.clone(),
                body: answer.into_body(),
            };
            Ok((status, Box::new(chunks) as Box<dyn Chunks>))
        })
    }

    fn nodes(&self) -> Vec<NodeId> {
        self.founders.clone()
    }

    fn now_unix(&self) -> Millis {
        Millis(unix_now())
    }

    fn elapsed(&self) -> Micros {
        Micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// This machine's wall clock, in milliseconds.
pub(super) fn unix_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

struct Body {
    node: NodeId,
    cut: Arc<ClientsCut>,
    body: Incoming,
}

impl Chunks for Body {
    fn next(&mut self) -> BoxFuture<'_, Option<Bytes>> {
        Box::pin(async move {
            loop {
                let frame = tokio::select! {
                    frame = self.body.frame() => frame?.ok()?,
                    () = self.cut.cut(self.node) => return None,
                };
                if let Ok(data) = frame.into_data() {
                    return Some(data);
                }
            }
        })
    }
}
