//! Presence: leases in the leader's memory, starts and ends of sessions in the log.
//!
//! Keep-alives never become entries. The node that gets them forwards them to the leader in
//! batches. The leader keeps the leases, and writes an entry when sessions end. A new leader starts
//! with an empty table and gives every running session a full lease (the grace).

mod leases;
mod probe;
mod renewals;
mod sweep;

use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::raft::Replica;
use cameo_machine::{StateView, read};
use leases::Leases;

pub use probe::{PresenceAnswers, probe};
pub use renewals::{BATCH_DELAY, MAX_BATCH, RenewError, Renewals};

/// How long a session that was reported offline has to renew its lease.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The leases, at the leader; empty at every other node.
#[derive(Debug)]
pub struct Presence {
    node: NodeId,
    leases: Mutex<Option<Leases>>,
    /// The term in which this node keeps leases.
    led: watch::Sender<Option<u64>>,
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
            led: watch::Sender::new(None),
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
        self.led.send_replace(Some(term));
    }

    /// Drops all leases: another node leads.
    pub fn follow(&self) {
        *self.leases() = None;
        self.led.send_replace(None);
    }

    /// At the leader: renews sessions' leases, and returns which of the sessions still run. `None`
    /// when this node does not lead.
    pub fn renew(&self, replica: &dyn Replica, sessions: &[(PublicKey, u64)]) -> Option<Vec<bool>> {
        let runs: Vec<bool> = {
            let view = replica.view();
            let runs = |(device, epoch): &(PublicKey, u64)| Self::runs(&*view, device, *epoch);
            sessions.iter().map(runs).collect()
        };
        let now = Instant::now();
        let mut leases = self.leases();
        let table = leases.as_mut()?;
        for (&(device, epoch), _) in sessions.iter().zip(&runs).filter(|(_, runs)| **runs) {
            table.renew((device, epoch), now);
        }
        drop(leases);
        self.renewed.send_modify(|count| *count += 1);
        Some(runs)
    }

    fn runs(view: &dyn StateView, device: &PublicKey, epoch: u64) -> bool {
        read::session(view, device).is_some_and(|session| session.online && session.epoch == epoch)
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
}
