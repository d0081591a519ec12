//! Leases of sessions, in the leader's memory. They are not replicated.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cameo_common::api::SESSION_LEASE;
use cameo_common::keys::PublicKey;
use cameo_machine::SessionChange;
use tokio::time::Instant;

/// A device and the epoch of its session.
pub(super) type Session = (PublicKey, u64);

#[derive(Debug, Clone, Copy)]
struct Lease {
    epoch: u64,
    renewed_at: Instant,
    /// When it is looked at; not after its end.
    due: Instant,
}

/// The leases of one term: of each session that runs, as far as this node has heard of it.
#[derive(Debug)]
pub(super) struct Leases {
    pub term: u64,
    by_device: HashMap<PublicKey, Lease>,
    /// Each lease of the table, by when it is due.
    due: BTreeSet<(Instant, PublicKey)>,
}

impl Leases {
    /// The empty table of a new leader.
    pub fn new(term: u64) -> Self {
        Self {
            term,
            by_device: HashMap::new(),
            due: BTreeSet::new(),
        }
    }

    /// Renews a session's lease, unless the device has a later session.
    pub fn renew(&mut self, (device, epoch): Session, now: Instant) {
        match self.by_device.get_mut(&device) {
            // It is looked at when it was due before, and again when it is due then.
            Some(lease) if lease.epoch == epoch => lease.renewed_at = now,
            Some(lease) if lease.epoch > epoch => {}
            _ => self.insert((device, epoch), now),
        }
    }

    /// Gives a session that runs a full lease (the grace), unless it has one, or the device has a
    /// later session.
    pub fn add(&mut self, (device, epoch): Session, now: Instant) {
        let known = self.by_device.get(&device);
        if known.is_none_or(|known| known.epoch < epoch) {
            self.insert((device, epoch), now);
        }
    }

    fn insert(&mut self, (device, epoch): Session, now: Instant) {
        let due = now + SESSION_LEASE;
        let lease = Lease {
            epoch,
            renewed_at: now,
            due,
        };
        if let Some(before) = self.by_device.insert(device, lease) {
            self.due.remove(&(before.due, device));
        }
        self.due.insert((due, device));
    }

    /// Follows changes of sessions, in the order of the log. Some may be older than what the table
    /// has.
    pub fn follow(&mut self, changes: &[SessionChange], now: Instant) {
        for change in changes {
            let session = (change.device, change.epoch);
            match change.runs {
                true => self.add(session, now),
                false => self.remove(session),
            }
        }
    }

    /// Forgets a session that has ended.
    pub fn remove(&mut self, (device, epoch): Session) {
        let lease = self.by_device.get(&device);
        if let Some(due) = lease
            .filter(|lease| lease.epoch == epoch)
            .map(|lease| lease.due)
        {
            self.by_device.remove(&device);
            self.due.remove(&(due, device));
        }
    }

    /// Keeps the leases of these sessions alone, and adds those that are missing.
    pub fn correct(&mut self, running: &BTreeMap<PublicKey, u64>, now: Instant) {
        let table = self.by_device.iter();
        let table = table.map(|(device, lease)| (*device, lease.epoch));
        let gone: Vec<_> = table
            .filter(|(device, epoch)| running.get(device) != Some(epoch))
            .collect();
        for session in gone {
            self.remove(session);
        }
        for (&device, &epoch) in running {
            self.add((device, epoch), now);
        }
    }

    /// When this session's lease was last renewed, or added to the table.
    pub fn renewed_at(&self, device: &PublicKey, epoch: u64) -> Option<Instant> {
        self.by_device
            .get(device)
            .filter(|lease| lease.epoch == epoch)
            .map(|lease| lease.renewed_at)
    }

    /// Whether this session's lease has run out.
    pub fn has_run_out(&self, (device, epoch): Session, now: Instant) -> bool {
        let renewed_at = self.renewed_at(&device, epoch);
        renewed_at.is_some_and(|renewed_at| renewed_at + SESSION_LEASE <= now)
    }

    /// Renews all leases, after a pause of this node itself.
    pub fn renew_all(&mut self, now: Instant) {
        for lease in self.by_device.values_mut() {
            lease.renewed_at = now;
        }
    }

    /// Sessions whose lease has run out. Until they are removed, each further sweep has them too.
    /// Looks at those that are due.
    pub fn sweep(&mut self, now: Instant) -> Vec<Session> {
        let mut due = Vec::new();
        while let Some(first) = self.due.first().filter(|(due, _)| *due <= now).copied() {
            self.due.remove(&first);
            due.push(first.1);
        }
        let mut expired = Vec::new();
        for device in due {
            let Some(lease) = self.by_device.get_mut(&device) else {
                continue;
            };
            lease.due = lease.renewed_at + SESSION_LEASE;
            if lease.due <= now {
                expired.push((device, lease.epoch));
            }
            self.due.insert((lease.due, device));
        }
        expired
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const ADA: PublicKey = PublicKey([1; 32]);
    const BOB: PublicKey = PublicKey([2; 32]);

    fn change(device: PublicKey, epoch: u64, runs: bool) -> SessionChange {
        SessionChange {
            device,
            epoch,
            runs,
        }
    }

    fn began(sessions: &[Session], now: Instant) -> Leases {
        let mut leases = Leases::new(1);
        let changes = sessions
            .iter()
            .map(|(device, epoch)| change(*device, *epoch, true));
        leases.follow(&changes.collect::<Vec<_>>(), now);
        leases
    }

    #[test]
    fn a_new_session_gets_a_full_lease_and_is_found_until_it_has_ended() {
        let start = Instant::now();
        let mut leases = began(&[(ADA, 1)], start);
        let end = start + SESSION_LEASE;
        assert_eq!(leases.sweep(end - Duration::from_millis(1)), []);
        for _ in 0..3 {
            assert_eq!(leases.sweep(end), [(ADA, 1)]);
        }
        leases.follow(&[change(ADA, 1, false)], end);
        assert_eq!(leases.sweep(end), []);
        assert_eq!(leases.renewed_at(&ADA, 1), None);
    }

    #[test]
    fn a_renewal_counts_for_its_own_epoch_only() {
        let start = Instant::now();
        let half = start + SESSION_LEASE / 2;
        let mut leases = began(&[(ADA, 1), (BOB, 2)], start);
        leases.renew((ADA, 1), half);
        // of an earlier session, which came late
        leases.renew((BOB, 1), half);
        assert_eq!(leases.sweep(start + SESSION_LEASE), [(BOB, 2)]);
        assert_eq!(leases.renewed_at(&ADA, 2), None);
    }

    #[test]
    fn late_news_of_an_earlier_session_changes_nothing() {
        let start = Instant::now();
        let mut leases = began(&[(ADA, 2)], start);
        leases.follow(&[change(ADA, 1, true), change(ADA, 1, false)], start);
        assert_eq!(leases.renewed_at(&ADA, 2), Some(start));
    }

    #[test]
    fn no_session_expires_after_a_pause_of_the_leader() {
        let start = Instant::now();
        let mut leases = began(&[(ADA, 1)], start);
        let back = start + 10 * SESSION_LEASE;
        leases.renew_all(back);
        assert_eq!(leases.sweep(back), []);
        assert_eq!(leases.sweep(back + SESSION_LEASE), [(ADA, 1)]);
    }

    #[test]
    fn a_table_is_corrected_by_the_sessions_that_run() {
        let start = Instant::now();
        let later = start + SESSION_LEASE / 2;
        let mut leases = began(&[(ADA, 1)], start);
        leases.correct(&BTreeMap::from([(ADA, 1), (BOB, 3)]), later);
        assert_eq!(leases.renewed_at(&ADA, 1), Some(start), "keeps its lease");
        assert_eq!(leases.renewed_at(&BOB, 3), Some(later));
        leases.correct(&BTreeMap::from([(BOB, 4)]), later);
        assert_eq!(leases.renewed_at(&ADA, 1), None);
        assert_eq!(leases.renewed_at(&BOB, 4), Some(later));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Begins(u8),
        Ends(u8),
        Renews(u8),
        Corrected,
        Waits(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let device = || 0..4_u8;
        let step = prop_oneof![
            device().prop_map(Step::Begins),
            device().prop_map(Step::Ends),
            device().prop_map(Step::Renews),
            Just(Step::Corrected),
            (0..9_000_u64).prop_map(Step::Waits),
        ];
        prop::collection::vec(step, 0..80)
    }

    /// Sessions of the model whose lease has run out.
    fn ran_out(model: &HashMap<PublicKey, (u64, Instant)>, now: Instant) -> BTreeSet<Session> {
        let ran_out = model
            .iter()
            .filter(|(_, (_, renewed_at))| now.duration_since(*renewed_at) >= SESSION_LEASE);
        ran_out
            .map(|(device, (epoch, _))| (*device, *epoch))
            .collect()
    }

    proptest! {
        /// The model looks at every session.
        #[test]
        fn a_sweep_has_those_whose_lease_ran_out_and_no_others(steps in steps()) {
            let mut now = Instant::now();
            let mut leases = Leases::new(1);
            let mut model = HashMap::<PublicKey, (u64, Instant)>::new();
            let mut epochs = 0;
            for step in steps {
                match step {
                    Step::Begins(number) => {
                        epochs += 1;
                        let device = PublicKey([number; 32]);
                        leases.follow(&[change(device, epochs, true)], now);
                        model.insert(device, (epochs, now));
                    }
                    Step::Ends(number) => {
                        let device = PublicKey([number; 32]);
                        if let Some((epoch, _)) = model.remove(&device) {
                            leases.follow(&[change(device, epoch, false)], now);
                        }
                    }
                    Step::Renews(number) => {
                        let device = PublicKey([number; 32]);
                        if let Some((epoch, renewed_at)) = model.get_mut(&device) {
                            *renewed_at = now;
                            leases.renew((device, *epoch), now);
                        }
                    }
                    Step::Corrected => {
                        let running = model.iter().map(|(device, (epoch, _))| (*device, *epoch));
                        leases.correct(&running.collect(), now);
                    }
                    Step::Waits(millis) => now += Duration::from_millis(millis),
                }
                let found = leases.sweep(now);
                let found_once: BTreeSet<_> = found.iter().copied().collect();
                prop_assert_eq!(found.len(), found_once.len());
                prop_assert_eq!(found_once, ran_out(&model, now));
                prop_assert_eq!(leases.due.len(), leases.by_device.len());
            }
        }
    }
}
