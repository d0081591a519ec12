//! Leases of sessions, in the leader's memory. They are not replicated.

use std::collections::HashMap;

use cameo_common::api::SESSION_LEASE;
use cameo_common::keys::PublicKey;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    epoch: u64,
    renewed_at: Instant,
}

/// The leases of one term. A session that is not in the table gets a full lease (the grace).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Leases {
    pub term: u64,
    by_device: HashMap<PublicKey, Lease>,
}

impl Leases {
    /// The empty table of a new leader.
    pub fn new(term: u64) -> Self {
        Self {
            term,
            by_device: HashMap::new(),
        }
    }

    /// Renews a session's lease.
    pub fn renew(&mut self, device: PublicKey, epoch: u64, now: Instant) {
        self.by_device.insert(
            device,
            Lease {
                epoch,
                renewed_at: now,
            },
        );
    }

    /// When this session's lease was last renewed, or added to the table.
    pub fn renewed_at(&self, device: &PublicKey, epoch: u64) -> Option<Instant> {
        self.by_device
            .get(device)
            .filter(|lease| lease.epoch == epoch)
            .map(|lease| lease.renewed_at)
    }

    /// Renews all leases, after a pause of this node itself.
    pub fn renew_all(&mut self, now: Instant) {
        for lease in self.by_device.values_mut() {
            lease.renewed_at = now;
        }
    }

    /// Compares the table with the sessions that run by the state. Adds missing ones, drops ended
    /// ones, and returns those whose lease has run out.
    pub fn sweep(&mut self, running: &[(PublicKey, u64)], now: Instant) -> Vec<(PublicKey, u64)> {
        let mut kept = HashMap::with_capacity(running.len());
        let mut expired = Vec::new();
        for &(device, epoch) in running {
            let renewed_at = self.renewed_at(&device, epoch).unwrap_or(now);
            kept.insert(device, Lease { epoch, renewed_at });
            if now.saturating_duration_since(renewed_at) >= SESSION_LEASE {
                expired.push((device, epoch));
            }
        }
        self.by_device = kept;
        expired
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ADA: PublicKey = PublicKey([1; 32]);
    const BOB: PublicKey = PublicKey([2; 32]);

    #[test]
    fn a_new_session_gets_a_full_lease() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        let almost = start + SESSION_LEASE - Duration::from_millis(1);
        assert_eq!(leases.sweep(&[(ADA, 1)], start), vec![]);
        assert_eq!(leases.sweep(&[(ADA, 1)], almost), vec![]);
        assert_eq!(
            leases.sweep(&[(ADA, 1)], start + SESSION_LEASE),
            vec![(ADA, 1)]
        );
    }

    #[test]
    fn a_renewal_counts_for_its_own_epoch_only() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        leases.sweep(&[(ADA, 1), (BOB, 1)], start);
        leases.renew(ADA, 1, start + SESSION_LEASE / 2);
        let running = [(ADA, 1), (BOB, 1)];
        assert_eq!(
            leases.sweep(&running, start + SESSION_LEASE),
            vec![(BOB, 1)]
        );
        assert_eq!(leases.renewed_at(&ADA, 2), None);
    }

    #[test]
    fn an_ended_session_is_dropped() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        leases.sweep(&[(ADA, 1)], start);
        leases.sweep(&[], start);
        assert_eq!(leases, Leases::new(1));
    }

    #[test]
    fn no_session_expires_after_a_pause_of_the_leader() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        leases.sweep(&[(ADA, 1)], start);
        let back = start + 10 * SESSION_LEASE;
        leases.renew_all(back);
        assert_eq!(leases.sweep(&[(ADA, 1)], back), vec![]);
    }
}
