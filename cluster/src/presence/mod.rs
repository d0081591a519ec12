//! Presence: leases in the leader's memory, transitions in the log.
//!
//! Keep-alives never become entries. The node that gets one renews it with the leader, in batches;
//! the leader keeps the leases and writes only what changes: sessions that ended. A new leader
//! begins with an empty table and gives every session that the state has one full life.

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

/// How often the leader looks for sessions that have outlived their lease: what an end is late by.
pub const SWEEP: Duration = Duration::from_secs(1);
/// A sweep that comes this late tells that the leader itself was away, and not its users.
const AWAY: Duration = Duration::from_secs(3);
/// How long a session that was reported offline has for a sign of life.
pub const PROBE_WAIT: Duration = Duration::from_secs(2);
/// Sessions read at a time.
const PAGE: usize = 512;

/// The leader's table; empty on every other node.
#[derive(Debug)]
pub struct Presence {
    node: NodeId,
    leases: Mutex<Option<Leases>>,
    /// Counts renewals, for those who wait for one.
    renewed: watch::Sender<u64>,
}

impl Presence {
    /// A node that does not lead yet.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            leases: Mutex::new(None),
            renewed: watch::Sender::new(0),
        }
    }

    fn leases(&self) -> MutexGuard<'_, Option<Leases>> {
        // A panic in between leaves a table that is still whole: every step is one insert.
        self.leases.lock()
    }

    /// Begins to keep leases: this node leads, and its state is current.
    pub fn lead(&self, term: u64) {
        let mut leases = self.leases();
        if leases.as_ref().is_none_or(|leases| leases.term != term) {
            *leases = Some(Leases::new(term));
        }
    }

    /// Forgets all leases: another node leads.
    pub fn follow(&self) {
        *self.leases() = None;
    }

    /// At the leader: takes signs of life, and tells which of the sessions still run. None when
    /// this node does not lead.
    pub fn renew(&self, replica: &dyn Replica, signs: &[(PublicKey, u64)]) -> Option<Vec<bool>> {
        let runs: Vec<bool> = {
            let view = replica.view();
            let runs = |(device, epoch): &(PublicKey, u64)| {
                read::session(&*view, device)
                    .is_some_and(|session| session.online && session.epoch == *epoch)
            };
            signs.iter().map(runs).collect()
        };
        let now = Instant::now();
        let mut leases = self.leases();
        let table = leases.as_mut()?;
        for (&(device, epoch), _) in signs.iter().zip(&runs).filter(|(_, runs)| **runs) {
            table.renew(device, epoch, now);
        }
        drop(leases);
        self.renewed.send_modify(|count| *count += 1);
        Some(runs)
    }

    /// At the leader: whether the session gives a sign of life after `since`, within the wait.
    pub async fn sign_after(&self, device: PublicKey, epoch: u64, since: Instant) -> bool {
        let mut renewed = self.renewed.subscribe();
        let wait = async {
            loop {
                let seen = self
                    .leases()
                    .as_ref()
                    .and_then(|leases| leases.seen(&device, epoch));
                if seen.is_some_and(|seen| seen > since) || renewed.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::time::timeout_at(since + PROBE_WAIT, wait)
            .await
            .is_ok()
    }

    /// Whether this node keeps the leases.
    #[must_use]
    pub fn leads(&self) -> bool {
        self.leases().is_some()
    }

    /// Ends what has outlived its lease, again and again. To be dropped when the node stops.
    pub async fn sweep(&self, replica: &dyn Replica) {
        let mut last = Instant::now();
        loop {
            tokio::time::sleep(SWEEP).await;
            let now = Instant::now();
            if now.duration_since(last) > AWAY
                && let Some(leases) = self.leases().as_mut()
            {
                leases.grant_all(now);
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
        // A leader that was put aside without noticing must not end what others keep alive.
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
                Ok(_) => tracing::info!(
                    sessions = chunk.len(),
                    "ended sessions without a sign of life"
                ),
                // The next sweep finds them again.
                Err(error) => tracing::warn!(%error, "could not end sessions"),
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

/// All sessions that run by this node's state, page by page so that no view is held for long.
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
