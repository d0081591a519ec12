//! Devices that have lately sent a command with a wrong signature. The node verifies their commands
//! before it proposes them, so that they cannot fill the log with entries that change nothing.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use cameo_common::keys::PublicKey;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Time for which a device's commands are verified first.
const SUSPICION: Duration = Duration::from_secs(600);
/// Devices that are remembered. While there are as many, every device counts as one of them.
const MAX_DEVICES: usize = 4_096;

/// The devices, and when each is forgotten.
#[derive(Default)]
pub struct WrongSigners(Mutex<HashMap<PublicKey, Instant>>);

impl WrongSigners {
    /// Whether this device's commands are to be verified before they are proposed.
    pub fn contains(&self, device: &PublicKey) -> bool {
        self.contains_at(device, Instant::now())
    }

    /// Records that a device has sent a wrong signature.
    pub fn add(&self, device: PublicKey) {
        self.add_at(device, Instant::now());
    }

    fn contains_at(&self, device: &PublicKey, now: Instant) -> bool {
        let mut devices = self.0.lock();
        forget_if_full(&mut devices, now);
        devices.len() >= MAX_DEVICES || devices.get(device).is_some_and(|until| *until > now)
    }

    fn add_at(&self, device: PublicKey, now: Instant) {
        let mut devices = self.0.lock();
        forget_if_full(&mut devices, now);
        if devices.len() < MAX_DEVICES || devices.contains_key(&device) {
            devices.insert(device, now + SUSPICION);
        }
    }
}

/// Makes room only when it is needed, because that reads the whole table.
fn forget_if_full(devices: &mut HashMap<PublicKey, Instant>, now: Instant) {
    if devices.len() >= MAX_DEVICES {
        devices.retain(|_, until| *until > now);
    }
}

impl fmt::Debug for WrongSigners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WrongSigners: {} devices", self.0.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(number: usize) -> PublicKey {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&number.to_le_bytes());
        PublicKey(key)
    }

    #[test]
    fn a_device_is_verified_first_for_some_minutes_after_a_wrong_signature() {
        let (signers, start) = (WrongSigners::default(), Instant::now());
        signers.add_at(device(1), start);
        assert!(signers.contains_at(&device(1), start));
        assert!(!signers.contains_at(&device(2), start));
        assert!(!signers.contains_at(&device(1), start + SUSPICION));
    }

    #[test]
    fn attack_many_wrong_signers_push_none_out_of_the_bounded_table() {
        // given a table that is full
        let (signers, start) = (WrongSigners::default(), Instant::now());
        for number in 0..2 * MAX_DEVICES {
            signers.add_at(device(number), start);
        }
        // then those that found no room are verified first, as all others are
        assert_eq!(signers.0.lock().len(), MAX_DEVICES);
        for number in [0, MAX_DEVICES, 3 * MAX_DEVICES] {
            assert!(signers.contains_at(&device(number), start));
        }
        // until the first ones are forgotten
        let later = start + SUSPICION;
        assert!(!signers.contains_at(&device(0), later));
        signers.add_at(device(5), later);
        assert!(signers.contains_at(&device(5), later));
        assert!(!signers.contains_at(&device(6), later));
    }
}
