//! Who somebody is, and where: what the directory tells, checked against what this home knows.
//!
//! First contact is trust on first use: the key is pinned, and another key under the same name is
//! refused from then on, as is a card older than one that was seen. Of a device's certificate and
//! address the newest that was seen holds, whatever the directory tells later.

mod seen;

use std::net::SocketAddr;

use cameo_common::api::{ErrorCode, UserInfo};
use cameo_common::identity::{EndpointRecord, UserCard};
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;

use self::seen::{SeenDevice, newest};
use crate::cli::exit::{Exit, Failure};
use crate::clock;
use crate::cluster_api::ClusterApi;
use crate::peer::PeerAddress;
use crate::text::sanitize::tidy;
use crate::vault::records::Contact;
use crate::vault::{Vault, VaultError};

/// Devices of one user that are tried.
const MAX_DEVICES: usize = 16;

/// Somebody, as the directory has him and this home accepts him.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: UserName,
    pub card: UserCard,
    /// Where his devices can be reached, if any said so.
    pub addresses: Vec<PeerAddress>,
    /// What they told as their addresses and this version cannot read.
    pub unread: Vec<String>,
    pub devices: Vec<PublicKey>,
    /// Told to those who share a grant with him, or to all if he is listed.
    pub online: Option<bool>,
    pub epoch: Option<u64>,
    /// Whether this is the first contact.
    pub newly_met: bool,
}

/// Why a card is not taken for somebody.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    /// Another key under a known name.
    #[error(
        "{0}'s key is not the one this home has known since you first met: somebody may stand between you. Nothing was sent; ask {0} in person and compare safety phrases (`cameo who {0}`) before you trust anything new"
    )]
    Changed(UserName),
    /// An older card than one that was seen.
    #[error(
        "the directory gives an older card of {0} than this home has seen: it is out of date or dishonest. Try again, or through another node"
    )]
    WentBack(UserName),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl From<PinError> for Failure {
    fn from(error: PinError) -> Self {
        let message = error.to_string();
        match error {
            PinError::Changed(_) => Failure::identity_changed(message),
            PinError::WentBack(_) => Failure::new(Exit::IdentityChanged, "went_back", message),
            PinError::Vault(error) => error.into(),
        }
    }
}

/// Looks somebody up.
///
/// # Errors
/// Exit 3 when nobody registered that name, 8 when the key is another than the known one.
pub async fn look_up(api: &ClusterApi, vault: &Vault, name: &UserName) -> Result<Person, Failure> {
    let info = api.user(name).await.map_err(|error| match error.code() {
        Some(ErrorCode::NotRegistered | ErrorCode::NotFound) => not_registered(name),
        _ => error.into(),
    })?;
    accept(vault, name, &info)
}

/// The exact answer of case 1 of the design.
#[must_use]
pub fn not_registered(name: &UserName) -> Failure {
    Failure::new(
        Exit::NotFound,
        "not_registered",
        format!(
            "{name} is not registered with this cluster; check the spelling, or have {name} run `cameo init {name}`"
        ),
    )
}

fn accept(vault: &Vault, name: &UserName, info: &UserInfo) -> Result<Person, Failure> {
    let card = info.card.verify()?;
    if card.name != *name {
        return Err(dishonest(name, "another user's card"));
    }
    let newly_met = pin(vault, &info.card, &card)?;
    let now = clock::now();
    let (mut addresses, mut unread, mut devices) = (Vec::new(), Vec::new(), Vec::new());
    let (newest, news) = newest(vault, name, told(&card, info))?;
    for device in newest {
        let certificate = device.certificate.peek()?;
        if now >= certificate.not_after {
            continue;
        }
        devices.push(certificate.device);
        let Some(endpoint) = &device.endpoint else {
            continue;
        };
        let (direct, strange) = parse(&endpoint.peek()?.addresses);
        for address in strange {
            // Once for each address, not at every look.
            if news {
                tracing::warn!(%name, %address, "this is no address that this version can read");
            }
            unread.push(address);
        }
        if !direct.is_empty() {
            addresses.push(PeerAddress {
                device: certificate.device.0,
                direct,
            });
        }
    }
    Ok(Person {
        name: name.clone(),
        card,
        addresses,
        unread,
        devices,
        online: info.online,
        epoch: info.epoch,
        newly_met,
    })
}

/// The addresses that can be read, and the words of the others.
fn parse(texts: &[String]) -> (Vec<SocketAddr>, Vec<String>) {
    let (mut direct, mut strange) = (Vec::new(), Vec::new());
    for text in texts {
        match text.parse() {
            Ok(address) => direct.push(address),
            Err(_) => strange.push(tidy(text)),
        }
    }
    (direct, strange)
}

/// The devices that the directory tells of, as far as their statements are right.
fn told(card: &UserCard, info: &UserInfo) -> Vec<SeenDevice> {
    let devices = info.devices.iter().take(MAX_DEVICES);
    let right = devices.filter_map(|told| {
        let certificate = told.certificate.verify().ok()?;
        let belongs =
            |endpoint: &EndpointRecord| endpoint.device == certificate.device && endpoint.fits();
        let endpoint = told
            .endpoint
            .clone()
            .filter(|signed| signed.verify().is_ok_and(|endpoint| belongs(&endpoint)));
        (certificate.user == card.key).then(|| SeenDevice {
            device: certificate.device,
            certificate: told.certificate.clone(),
            endpoint,
        })
    });
    right.collect()
}

fn dishonest(name: &UserName, what: &str) -> Failure {
    Failure::other(
        "protocol",
        format!("the directory answers for {name} with {what}; try again, or through another node"),
    )
}

/// Pins a verified card. True on first contact.
///
/// # Errors
/// See [`PinError`].
pub fn pin(vault: &Vault, signed: &Signed<UserCard>, card: &UserCard) -> Result<bool, PinError> {
    let known = vault.get::<Contact>(card.name.as_str())?;
    match &known {
        Some(contact) if contact.key == card.key && contact.card == *signed => return Ok(false),
        Some(contact) => judge(contact, card)?,
        None => {}
    }
    let mut newly_met = false;
    vault.update::<Contact, PinError>(card.name.as_str(), |found| {
        newly_met = found.is_none();
        if let Some(contact) = &found {
            judge(contact, card)?;
        }
        Ok(Some(Contact {
            name: card.name.clone(),
            key: card.key,
            card: signed.clone(),
            sequence: card.sequence,
            first_met: found.map_or_else(clock::now, |contact| contact.first_met),
        }))
    })?;
    Ok(newly_met)
}

fn judge(contact: &Contact, card: &UserCard) -> Result<(), PinError> {
    if contact.key != card.key {
        Err(PinError::Changed(card.name.clone()))
    } else if card.sequence < contact.sequence {
        Err(PinError::WentBack(card.name.clone()))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::vault::{Home, Passphrase};
    use cameo_common::identity::DeviceCertificate;
    use cameo_common::ids::Millis;
    use cameo_common::keys::{SealingPublic, SigningKey};

    fn card(seed: u8, sequence: u64) -> (Signed<UserCard>, UserCard) {
        let key = SigningKey::from_seed([seed; 32]);
        let card = UserCard {
            name: "bob".parse().unwrap(),
            key: key.public(),
            sealing: SealingPublic([1; 32]),
            sequence,
        };
        (Signed::new(&key, card.clone()), card)
    }

    fn vault() -> (tempfile::TempDir, Vault) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
        (folder, vault)
    }

    #[test]
    fn another_key_under_a_known_name_is_refused_for_good() {
        let (_folder, vault) = vault();
        let (signed, first) = card(1, 1);
        assert!(pin(&vault, &signed, &first).unwrap());
        assert!(!pin(&vault, &signed, &first).unwrap());
        let (forged, other) = card(2, 9);
        let refused = pin(&vault, &forged, &other).unwrap_err();
        assert!(matches!(refused, PinError::Changed(_)));
        assert_eq!(Failure::from(refused).exit, Exit::IdentityChanged);
        let kept = vault.get::<Contact>("bob").unwrap().unwrap();
        assert_eq!(kept.key, first.key);
    }

    #[test]
    fn a_card_never_goes_back() {
        let (_folder, vault) = vault();
        let (new, newer) = card(1, 5);
        pin(&vault, &new, &newer).unwrap();
        let (old, older) = card(1, 4);
        assert!(matches!(
            pin(&vault, &old, &older),
            Err(PinError::WentBack(_))
        ));
        let (next, latest) = card(1, 6);
        assert!(!pin(&vault, &next, &latest).unwrap());
        assert_eq!(vault.get::<Contact>("bob").unwrap().unwrap().sequence, 6);
    }

    /// What the directory tells of bob's one device: its certificate, and its address if any.
    fn telling(certified: u64, endpoint: Option<(u64, &str)>) -> UserInfo {
        let (user, device) = (
            SigningKey::from_seed([1; 32]),
            SigningKey::from_seed([2; 32]),
        );
        let certificate = DeviceCertificate {
            user: user.public(),
            device: device.public(),
            sequence: certified,
            // Only the first has not expired: the one to go back to.
            not_after: if certified > 1 {
                Millis(1)
            } else {
                Millis::MAX
            },
        };
        let endpoint = endpoint.map(|(sequence, address)| EndpointRecord {
            device: device.public(),
            sequence,
            addresses: vec![address.to_owned()],
            relay: None,
        });
        UserInfo {
            card: card(1, 1).0,
            devices: vec![cameo_common::api::DeviceInfo {
                certificate: Signed::new(&user, certificate),
                endpoint: endpoint.map(|endpoint| Signed::new(&device, endpoint)),
            }],
            online: None,
            epoch: None,
        }
    }

    fn reached(vault: &Vault, info: &UserInfo) -> Vec<String> {
        let person = accept(vault, &"bob".parse().unwrap(), info).unwrap();
        let direct = person.addresses.iter().flat_map(|at| &at.direct);
        direct.map(ToString::to_string).collect()
    }

    #[test]
    fn a_devices_address_never_goes_back() {
        let (_folder, vault) = vault();
        let (old, new) = ("10.0.0.1:1", "10.0.0.2:2");
        assert_eq!(reached(&vault, &telling(1, Some((4, old)))), [old]);
        assert_eq!(reached(&vault, &telling(1, Some((5, new)))), [new]);
        assert_eq!(reached(&vault, &telling(1, Some((4, old)))), [new]);
        // Also when none was told in between.
        assert!(reached(&vault, &telling(1, None)).is_empty());
        assert_eq!(reached(&vault, &telling(1, Some((4, old)))), [new]);
    }

    #[test]
    fn an_address_that_cannot_be_read_is_told() {
        let (_folder, vault) = vault();
        let info = telling(1, Some((1, "no\nwhere")));
        let person = accept(&vault, &"bob".parse().unwrap(), &info).unwrap();
        assert!(person.addresses.is_empty());
        assert_eq!(person.unread, ["nowhere"]);
    }

    #[test]
    fn a_devices_certificate_never_goes_back() {
        let (_folder, vault) = vault();
        let bob = "bob".parse().unwrap();
        let devices = |sequence| {
            let person = accept(&vault, &bob, &telling(sequence, None)).unwrap();
            person.devices.len()
        };
        assert_eq!(devices(1), 1);
        assert_eq!(devices(2), 0);
        assert_eq!(devices(1), 0);
    }
}
