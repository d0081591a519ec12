//! The newest statements seen of each device of a user.

use cameo_common::identity::{DeviceCertificate, DeviceRevocation, EndpointRecord, MAX_DEVICES};
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use cameo_common::signed::{Signed, Statement};
use serde::{Deserialize, Serialize};

use crate::vault::{Older, Record, Vault, VaultError};

/// Bound on the stored devices of one user; the oldest are removed.
const MAX_SEEN: usize = 4 * MAX_DEVICES;

/// A device's newest statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenDevice {
    pub device: PublicKey,
    pub certificate: Signed<DeviceCertificate>,
    pub endpoint: Option<Signed<EndpointRecord>>,
    /// Once seen, the device is refused for good, whatever the directory says later.
    pub revocation: Option<Signed<DeviceRevocation>>,
}

/// The devices of a user that this home has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SeenDevices(Vec<SeenDevice>);

impl Record for SeenDevices {
    const KIND: &'static str = "seen-devices";
    const VERSION: u16 = 2;
    const OLDER: &'static [Older<Self>] = &[Older::of::<SeenDevicesV1>()];
}

/// A device without a revocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeenDeviceV1 {
    device: PublicKey,
    certificate: Signed<DeviceCertificate>,
    endpoint: Option<Signed<EndpointRecord>>,
}

/// The first version of [`SeenDevices`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeenDevicesV1(Vec<SeenDeviceV1>);

impl Record for SeenDevicesV1 {
    const KIND: &'static str = SeenDevices::KIND;
    const VERSION: u16 = 1;
}

impl From<SeenDevicesV1> for SeenDevices {
    fn from(old: SeenDevicesV1) -> Self {
        let devices = old.0.into_iter().map(|old| SeenDevice {
            device: old.device,
            certificate: old.certificate,
            endpoint: old.endpoint,
            revocation: None,
        });
        Self(devices.collect())
    }
}

/// Whether this home has seen a user's revocation of their device.
pub fn is_revoked(vault: &Vault, name: &UserName, device: &PublicKey) -> Result<bool, VaultError> {
    let seen = vault.get::<SeenDevices>(name.as_str())?.unwrap_or_default();
    let mut devices = seen.0.iter();
    Ok(devices.any(|seen| seen.device == *device && seen.revocation.is_some()))
}

/// Merges the reported devices into the stored ones. Returns the reported devices with their newest
/// statements, and whether anything was new.
pub(super) fn newest(
    vault: &Vault,
    name: &UserName,
    reported: Vec<SeenDevice>,
) -> Result<(Vec<SeenDevice>, bool), VaultError> {
    let mut kept = vault.get::<SeenDevices>(name.as_str())?.unwrap_or_default();
    let before = kept.clone();
    let mut devices = kept.merge(reported.clone());
    let changed = kept != before;
    if changed {
        vault.update::<SeenDevices, VaultError>(name.as_str(), |found| {
            let mut kept = found.unwrap_or_default();
            devices = kept.merge(reported);
            Ok(Some(kept))
        })?;
    }
    Ok((devices, changed))
}

impl SeenDevices {
    /// Stores newer statements, and returns the reported devices with the newest ones. A device
    /// reported without an endpoint record has none now; an older record is still refused later.
    fn merge(&mut self, reported: Vec<SeenDevice>) -> Vec<SeenDevice> {
        let mut devices = Vec::with_capacity(reported.len());
        for mut device in reported {
            let at = self.0.iter().position(|seen| seen.device == device.device);
            let mut seen = device.clone();
            if let Some(at) = at {
                let before = self.0.remove(at);
                seen.certificate = newer(before.certificate, seen.certificate, |statement| {
                    statement.sequence
                });
                seen.endpoint = match (before.endpoint, seen.endpoint) {
                    (Some(before), Some(now)) => {
                        Some(newer(before, now, |statement| statement.sequence))
                    }
                    (before, now) => now.or(before),
                };
                seen.revocation = before.revocation.or(seen.revocation);
            } else if self.0.len() >= MAX_SEEN {
                self.0.remove(0);
            }
            device.certificate = seen.certificate.clone();
            device.endpoint = device.endpoint.and(seen.endpoint.clone());
            device.revocation = seen.revocation.clone();
            self.0.insert(at.unwrap_or(self.0.len()), seen);
            devices.push(device);
        }
        devices
    }
}

/// The statement with the higher sequence; of equal ones the one seen first.
fn newer<T: Statement>(
    before: Signed<T>,
    now: Signed<T>,
    sequence: impl Fn(&T) -> u64,
) -> Signed<T> {
    match (before.unverified(), now.unverified()) {
        (Ok(first), Ok(second)) if sequence(&second) <= sequence(&first) => before,
        _ => now,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn attack_the_number_of_stored_devices_is_bounded() {
        let mut seen = SeenDevices::default();
        let device = |at: usize| SeenDevice {
            device: PublicKey([u8::try_from(at).unwrap(); 32]),
            certificate: Signed::from_bytes(vec![1]),
            endpoint: None,
            revocation: None,
        };
        seen.merge((0..MAX_SEEN + 3).map(device).collect());
        assert_eq!(seen.0.len(), MAX_SEEN);
        assert_eq!(seen.0[0], device(3));
    }

    #[test]
    fn the_bytes_of_seen_devices_are_pinned() {
        let seen = SeenDevices(vec![SeenDevice {
            device: PublicKey([0xaa; 32]),
            certificate: Signed::from_bytes(vec![0xbb; 2]),
            endpoint: Some(Signed::from_bytes(vec![0xcc; 3])),
            revocation: Some(Signed::from_bytes(vec![0xdd])),
        }]);
        // the bytes of version 1, and present flag, length and bytes of the revocation
        let expected = [FIRST.concat().as_slice(), &[1, 1, 0xdd]].concat();
        assert_eq!(SeenDevices::VERSION, 2);
        assert_eq!(cameo_common::wire::encode(&seen), expected);
    }

    /// Count, device, length and bytes of the certificate, present flag and the same of the
    /// endpoint.
    const FIRST: [&[u8]; 4] = [
        &[1],
        &[0xaa; 32],
        &[2, 0xbb, 0xbb],
        &[1, 3, 0xcc, 0xcc, 0xcc],
    ];

    #[test]
    fn devices_of_the_first_version_are_not_revoked() {
        let old: SeenDevicesV1 = cameo_common::wire::decode(&FIRST.concat()).unwrap();
        assert_eq!(SeenDevicesV1::VERSION, 1);
        let seen = SeenDevices::from(old);
        assert_eq!(seen.0[0].device, PublicKey([0xaa; 32]));
        assert_eq!(seen.0[0].revocation, None);
    }
}
