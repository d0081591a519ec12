//! Another agent on this device's key, which is there when a home was copied: each of the two ends
//! the other's session.
//!
//! It is noticed by an endpoint record that this device's key has signed and this agent has not: no
//! node can forge one. The agent whose session was ended waits, longer each time, and asks
//! meanwhile whether the other has stopped. So the log grows by fewer and fewer entries. It does
//! not wait for ever: one node's word must not keep it offline.

use std::collections::VecDeque;
use std::time::Duration;

use cameo_common::identity::EndpointRecord;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use tokio::time::{Instant, sleep};

use super::Core;
use crate::clock;
use crate::flows::notices::Notice;
use crate::vault::VaultError;
use crate::vault::records::{Identity, OtherAgent, change};

/// The first wait after another agent has ended this one's session; doubled each time.
pub(super) const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait, and the length of a session after which the next wait is the first again.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// Interval at which a waiting agent asks whether the other has stopped.
const POLL: Duration = Duration::from_secs(2);
/// Records that this agent remembers as its own.
const MAX_OWN_RECORDS: usize = 16;

/// What this agent has published, and how often another one has ended its session.
#[derive(Debug, Default)]
pub(super) struct OwnSessions {
    records: VecDeque<Signed<EndpointRecord>>,
    newest: u64,
    ended_by_other: u32,
}

/// The directory's state of this device, of another agent's making.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Other {
    sequence: u64,
    runs: bool,
}

impl OwnSessions {
    /// Remembers a record that this agent has signed.
    pub fn publish(&mut self, sequence: u64, record: Signed<EndpointRecord>) {
        if self.records.len() == MAX_OWN_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
        self.newest = sequence;
    }

    /// Counts another session that this agent lost, after this time, and returns the wait: between
    /// one and one and a half of its doubled length, so that two agents do not keep in step.
    fn next_wait(&mut self, held: Duration) -> Duration {
        if held >= LONGEST_WAIT {
            self.ended_by_other = 0;
        }
        let wait = wait_after(self.ended_by_other);
        self.ended_by_other = self.ended_by_other.saturating_add(1);
        let [jitter] = clock::random::<1>();
        wait + wait * u32::from(jitter) / 512
    }

    /// Whether this record was made by another agent on the same key, at or after this one's last.
    fn is_others(&self, device: &PublicKey, record: &Signed<EndpointRecord>) -> Option<u64> {
        let content = record.verify().ok()?;
        let other = content.device == *device
            && content.sequence >= self.newest
            && !self.records.contains(record);
        other.then_some(content.sequence)
    }
}

/// The wait after so many sessions that were ended before.
fn wait_after(ended: u32) -> Duration {
    let doubled = 2u32.saturating_pow(ended);
    FIRST_WAIT.saturating_mul(doubled).min(LONGEST_WAIT)
}

/// After a session of this agent has ended, or could not start: waits if another agent has ended
/// it, until that one has stopped or the wait is over. `held` is how long the session ran.
pub(super) async fn give_way(core: &Core, own: &mut OwnSessions, held: Duration) {
    let Some(other) = look(core, own).await else {
        return;
    };
    if let Err(error) = note(core, other.sequence) {
        tracing::warn!(%error, "the home cannot be written");
    }
    own.newest = own.newest.max(other.sequence);
    if !other.runs {
        return;
    }
    let wait = own.next_wait(held);
    core.notices.publish(Notice::Trouble {
        what_failed: "the session was ended by another agent".into(),
        why: format!(
            "{}; trying again in {} s, or when the other stops",
            OtherAgent::SENTENCE,
            wait.as_secs()
        ),
    });
    let end = Instant::now() + wait;
    while Instant::now() < end {
        sleep(POLL.min(end - Instant::now())).await;
        // A node that does not answer says nothing.
        if look(core, own).await.is_some_and(|other| !other.runs) {
            own.ended_by_other = 0;
            forget(core);
            return;
        }
    }
}

/// After a session that ran undisturbed for longer than another agent would wait.
pub(super) fn forget(core: &Core) {
    let forgotten = core.ctx.vault.delete::<OtherAgent>(OtherAgent::ID);
    if let Err(error) = forgotten {
        tracing::warn!(%error, "the home cannot be written");
    }
}

/// Remembers that there is another agent, and signs above its sequence from now on.
fn note(core: &Core, sequence: u64) -> Result<(), VaultError> {
    let noticed = clock::now();
    core.ctx
        .vault
        .put(OtherAgent::ID, &OtherAgent { noticed })?;
    change::<Identity>(&core.ctx.vault, Identity::ID, |me| {
        me.endpoint_sequence = me.endpoint_sequence.max(sequence);
    })?;
    Ok(())
}

async fn look(core: &Core, own: &OwnSessions) -> Option<Other> {
    let device = core.ctx.me.device_key().public();
    let info = core.ctx.api.user(&core.ctx.me.name).await.ok()?;
    info.devices.iter().find_map(|known| {
        let sequence = own.is_others(&device, known.endpoint.as_ref()?)?;
        Some(Other {
            sequence,
            runs: known.epoch.is_some(),
        })
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cameo_common::keys::SigningKey;

    fn record(key: &SigningKey, sequence: u64, address: &str) -> Signed<EndpointRecord> {
        let content = EndpointRecord {
            device: key.public(),
            sequence,
            addresses: vec![address.to_owned()],
            relay: None,
        };
        Signed::new(key, content)
    }

    #[test]
    fn waits_double_up_to_the_ceiling_and_begin_again_after_a_long_session() {
        assert_eq!(wait_after(0), FIRST_WAIT);
        assert_eq!(wait_after(1), 2 * FIRST_WAIT);
        assert_eq!(wait_after(40), LONGEST_WAIT);
        let mut own = OwnSessions::default();
        for expected in [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT] {
            let wait = own.next_wait(Duration::ZERO);
            assert!(wait >= expected && wait < expected * 3 / 2, "{wait:?}");
        }
        assert!(own.next_wait(LONGEST_WAIT) < 2 * FIRST_WAIT);
    }

    #[test]
    fn only_a_newer_record_of_this_device_that_this_agent_has_not_signed_is_anothers() {
        let key = SigningKey::from_seed([1; 32]);
        let (device, other) = (key.public(), SigningKey::from_seed([2; 32]));
        let mut own = OwnSessions::default();
        own.publish(4, record(&key, 4, "10.0.0.1:1"));
        own.publish(5, record(&key, 5, "10.0.0.1:1"));
        // its own, the one of the process before, and one that a node has made up
        for harmless in [
            record(&key, 5, "10.0.0.1:1"),
            record(&key, 3, "10.0.0.9:9"),
            record(&other, 9, "10.0.0.9:9"),
            Signed::from_bytes(vec![1; 80]),
        ] {
            assert_eq!(own.is_others(&device, &harmless), None);
        }
        // a copy's, with the next sequence or with the same one
        for (sequence, address) in [(6, "10.0.0.1:1"), (5, "10.0.0.2:2")] {
            let copys = record(&key, sequence, address);
            assert_eq!(own.is_others(&device, &copys), Some(sequence));
        }
    }
}
