//! What the handle, the service and the tasks of one node have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cameo_common::ids::{Millis, NodeId};
use openraft::async_runtime::WatchReceiver;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::client::read::Reader;
use super::engine::consensus::Consensus;
use super::engine::runtime::RaftThread;
use super::engine::status::Leadership;
use super::members::member_view::Membership;
use super::ports::{Stamp, WallClock};
use super::time::clock::{Clocks, LogTime};
use crate::link::{Links, Server};

/// For a stopping leader to see another one.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(1);
/// Between looks at the leader's own clock.
const CLOCK_CHECK_PAUSE: Duration = Duration::from_millis(500);

/// What handle, service and tasks have in common.
pub(super) struct Shared {
    pub id: NodeId,
    pub consensus: Arc<dyn Consensus>,
    pub membership: Arc<Membership>,
    pub links: Links,
    pub clocks: Arc<Clocks>,
    pub wall: Arc<dyn WallClock>,
    pub stamp: Arc<dyn Stamp>,
    pub leadership: watch::Receiver<Leadership>,
    pub applied: watch::Receiver<u64>,
    pub readers: mpsc::Sender<Reader>,
    pub stopping: AtomicBool,
    pub address: SocketAddr,
    pub running: Mutex<Option<Running>>,
}

/// What ends when the node stops.
pub(super) struct Running {
    pub server: Server,
    pub tasks: Vec<JoinHandle<()>>,
    pub runtime: Handle,
    pub thread: Option<RaftThread>,
}

impl Shared {
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    fn voters(&self) -> BTreeSet<NodeId> {
        let metrics = self.consensus.metrics();
        let metrics = metrics.borrow_watched();
        metrics.membership_config.voter_ids().collect()
    }

    pub(super) fn log_time(&self) -> Option<LogTime> {
        let own = self.wall.unix_millis();
        self.clocks.log_time(self.id, own, &self.voters())
    }

    /// Hands leadership over while this node's clock is off.
    pub(super) async fn watch_own_clock(&self) {
        loop {
            sleep(CLOCK_CHECK_PAUSE).await;
            if !self.leadership.borrow().here {
                continue;
            }
            if !self.log_time().is_some_and(|time| time.hand_over) {
                continue;
            }
            let others = self.clocks.others(self.id, &self.voters());
            if let Some(successor) = middle(others) {
                tracing::warn!(
                    successor = successor.0,
                    "this node's clock is off; handing over"
                );
                self.consensus.hand_over(successor).await;
            }
        }
    }

    /// The voter to hand over to: the one whose log is furthest.
    fn successor(&self) -> Option<NodeId> {
        let voters = self.voters();
        let metrics = self.consensus.metrics();
        let metrics = metrics.borrow_watched();
        let replication = metrics.replication.as_ref()?;
        replication
            .iter()
            .filter(|(node, _)| **node != self.id && voters.contains(node))
            .max_by_key(|(_, matching)| matching.as_ref().map(|id| id.index()))
            .map(|(node, _)| *node)
    }

    pub(super) async fn hand_over(&self) {
        let mut leadership = self.leadership.clone();
        if !leadership.borrow().here {
            return;
        }
        let Some(successor) = self.successor() else {
            return;
        };
        self.consensus.hand_over(successor).await;
        let gone = leadership.wait_for(|now| !now.here && now.leader.is_some());
        if timeout(HANDOVER_TIMEOUT, gone).await.is_err() {
            tracing::warn!(
                successor = successor.0,
                "nobody took over in time; stopping all the same"
            );
        }
    }
}

/// The node with the middle one of these clocks.
fn middle(clocks: BTreeMap<NodeId, Millis>) -> Option<NodeId> {
    let mut clocks: Vec<(Millis, NodeId)> =
        clocks.into_iter().map(|(node, at)| (at, node)).collect();
    clocks.sort_unstable();
    let middle = clocks.len().checked_sub(1)? / 2;
    clocks.get(middle).map(|(_, node)| *node)
}
