//! Presence: leases in the leader's memory, starts and ends of sessions in the log.
//!
//! Keep-alives never become entries. The node that gets them forwards them to the leader in
//! batches. The leader keeps the leases, and writes an entry when sessions end. A new leader starts
//! with an empty table and gives every running session a full lease (the grace).

mod leases;
mod probe;
mod renewals;

use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::raft::{CALL_DEADLINE, Replica};
use cameo_machine::limits::MAX_EXPIRED_PER_ENTRY;
use cameo_machine::{Caller, Command, Op, read};
use leases::Leases;

pub use probe::{PresenceAnswers, probe};
pub use renewals::{RenewError, Renewals};

/// Interval at which the leader ends sessions whose lease has run out; an end is this late at most.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Delay of a sweep after which the leader itself must have been paused, and leases are renewed.
const LEADER_PAUSE: Duration = Duration::from_secs(3);
/// How long a session that was reported offline has to renew its lease.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// Sessions read at a time.
const PAGE: usize = 512;

/// The leases, at the leader; empty at every other node.
#[derive(Debug)]
pub struct Presence {
    node: NodeId,
    leases: Mutex<Option<Leases>>,
    /// Counts renewals, to wake those that wait for one.
    renewed: watch::Sender<u64>,
}

impl Presence {
    /// The presence of a node that does not lead yet.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            leases: Mutex::new(None),
            renewed: watch::Sender::new(0),
        }
    }

    fn leases(&self) -> MutexGuard<'_, Option<Leases>> {
        self.leases.lock()
    }

    /// Starts to keep leases: this node leads, and its state is current.
    pub fn lead(&self, term: u64) {
        let mut leases = self.leases();
        if leases.as_ref().is_none_or(|leases| leases.term != term) {
            *leases = Some(Leases::new(term));
        }
    }

    /// Drops all leases: another node leads.
    pub fn follow(&self) {
        *self.leases() = None;
    }

    /// At the leader: renews sessions' leases, and returns which of the sessions still run. `None`
    /// when this node does not lead.
    pub fn renew(&self, replica: &dyn Replica, sessions: &[(PublicKey, u64)]) -> Option<Vec<bool>> {
        let runs: Vec<bool> = {
            let view = replica.view();
            let runs = |(device, epoch): &(PublicKey, u64)| {
                read::session(&*view, device)
                    .is_some_and(|session| session.online && session.epoch == *epoch)
            };
            sessions.iter().map(runs).collect()
        };
        let now = Instant::now();
        let mut leases = self.leases();
        let table = leases.as_mut()?;
        for (&(device, epoch), _) in sessions.iter().zip(&runs).filter(|(_, runs)| **runs) {
            table.renew(device, epoch, now);
        }
        drop(leases);
        self.renewed.send_modify(|count| *count += 1);
        Some(runs)
    }

    /// At the leader: waits up to [`PROBE_TIMEOUT`] for a renewal after `since`.
    pub async fn renewed_after(&self, device: PublicKey, epoch: u64, since: Instant) -> bool {
        let mut renewed = self.renewed.subscribe();
        let wait = async {
            loop {
                let renewed_at = self
                    .leases()
                    .as_ref()
                    .and_then(|leases| leases.renewed_at(&device, epoch));
                if renewed_at.is_some_and(|renewed_at| renewed_at > since)
                    || renewed.changed().await.is_err()
                {
                    return;
                }
            }
        };
        tokio::time::timeout_at(since + PROBE_TIMEOUT, wait)
            .await
            .is_ok()
    }

    /// Whether this node keeps the leases.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leases().is_some()
    }

    /// Ends sessions whose lease has run out, in a loop. Dropped when the node stops.
    pub async fn sweep(&self, replica: &dyn Replica) {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(SWEEP_INTERVAL).await;
            let now = Instant::now();
            if now.duration_since(last) > LEADER_PAUSE
                && let Some(leases) = self.leases().as_mut()
            {
                leases.renew_all(now);
            }
            last = now;
            if self.leads() {
                self.end_expired(replica, now).await;
            }
        }
    }

    async fn end_expired(&self, replica: &dyn Replica, now: Instant) {
        let running = running(replica);
        let (term, expired) = match self.leases().as_mut() {
            Some(leases) => (leases.term, leases.sweep(&running, now)),
            None => return,
        };
        // A deposed leader that does not know it yet must not end sessions that another one renews.
        if expired.is_empty() || !still_leads(replica, self.node, term).await {
            return;
        }
        for chunk in expired.chunks(MAX_EXPIRED_PER_ENTRY) {
            let command = Command {
                caller: Caller::Node(self.node),
                op: Op::ExpireSessions(chunk.to_vec()),
            };
            let proposed = replica
                .propose(&command, Instant::now() + CALL_DEADLINE)
                .await;
            match proposed {
                Ok(_) => {
                    tracing::info!(sessions = chunk.len(), "ended sessions whose lease ran out")
                }
                // The next sweep tries again.
                Err(error) => tracing::warn!(%error, "could not end sessions; trying again"),
            }
        }
    }
}

async fn still_leads(replica: &dyn Replica, node: NodeId, term: u64) -> bool {
    let confirmed = replica
        .barrier(Instant::now() + CALL_DEADLINE)
        .await
        .is_ok();
    let status = replica.status();
    confirmed && status.leader == Some(node) && status.term == term
}

/// All sessions that run by this node's state, read page by page so that no view is held for long.
fn running(replica: &dyn Replica) -> Vec<(PublicKey, u64)> {
    let mut all: Vec<(PublicKey, u64)> = Vec::new();
    loop {
        let after = all.last().map(|(device, _)| *device);
        let page = read::online_sessions(&*replica.view(), after.as_ref(), PAGE);
        if page.is_empty() {
            return all;
        }
        all.extend(page.iter().map(|session| (session.device, session.epoch)));
    }
}
