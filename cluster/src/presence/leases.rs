//! Who gave a sign of life, and when: the leader's own table, never replicated.

use std::collections::HashMap;

use cameo_common::api::SESSION_LIFE;
use cameo_common::keys::PublicKey;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lease {
    epoch: u64,
    seen: Instant,
}

/// The leases of one term. A session that is met for the first time gets one full life.
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

    /// A sign of life.
    pub fn renew(&mut self, device: PublicKey, epoch: u64, now: Instant) {
        self.by_device.insert(device, Lease { epoch, seen: now });
    }

    /// When this session last gave a sign of life, or was met.
    pub fn seen(&self, device: &PublicKey, epoch: u64) -> Option<Instant> {
        self.by_device
            .get(device)
            .filter(|lease| lease.epoch == epoch)
            .map(|lease| lease.seen)
    }

    /// Everyone gets a full life from now on: this node itself was away.
    pub fn grant_all(&mut self, now: Instant) {
        for lease in self.by_device.values_mut() {
            lease.seen = now;
        }
    }

    /// Compares the table with the sessions that run by the state, forgets the others, and tells
    /// which have outlived their lease.
    pub fn sweep(&mut self, running: &[(PublicKey, u64)], now: Instant) -> Vec<(PublicKey, u64)> {
        let mut kept = HashMap::with_capacity(running.len());
        let mut expired = Vec::new();
        for &(device, epoch) in running {
            let seen = self.seen(&device, epoch).unwrap_or(now);
            kept.insert(device, Lease { epoch, seen });
            if now.saturating_duration_since(seen) >= SESSION_LIFE {
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
    fn a_session_that_is_met_gets_a_full_life() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        let almost = start + SESSION_LIFE - Duration::from_millis(1);
        assert_eq!(leases.sweep(&[(ADA, 1)], start), vec![]);
        assert_eq!(leases.sweep(&[(ADA, 1)], almost), vec![]);
        assert_eq!(
            leases.sweep(&[(ADA, 1)], start + SESSION_LIFE),
            vec![(ADA, 1)]
        );
    }

    #[test]
    fn a_sign_of_life_counts_for_its_own_epoch_only() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        leases.sweep(&[(ADA, 1), (BOB, 1)], start);
        leases.renew(ADA, 1, start + SESSION_LIFE / 2);
        let running = [(ADA, 1), (BOB, 1)];
        assert_eq!(leases.sweep(&running, start + SESSION_LIFE), vec![(BOB, 1)]);
        assert_eq!(leases.seen(&ADA, 2), None);
    }

    #[test]
    fn an_ended_session_is_forgotten() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        leases.sweep(&[(ADA, 1)], start);
        leases.sweep(&[], start);
        assert_eq!(leases, Leases::new(1));
    }

    #[test]
    fn a_leader_that_was_away_expires_nobody() {
        let start = Instant::now();
        let mut leases = Leases::new(1);
        leases.sweep(&[(ADA, 1)], start);
        let back = start + 10 * SESSION_LIFE;
        leases.grant_all(back);
        assert_eq!(leases.sweep(&[(ADA, 1)], back), vec![]);
    }
}
