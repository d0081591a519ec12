//! Verification of the directory's answer about a user.

use std::net::SocketAddr;

use cameo_common::api::{DeviceInfo, UserInfo};
use cameo_common::identity::{DeviceRevocation, EndpointRecord, MAX_DEVICES, UserCard};
use cameo_common::ids::{Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::{Signed, StatementError};

use super::pin::{PinError, pin};
use super::seen::{SeenDevice, newest};
use crate::clock;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::{PeerAddress, Reach};
use crate::text::sanitize::sanitize;
use crate::vault::{Vault, VaultError};

/// A user from the directory, verified.
#[derive(Debug, Clone)]
pub struct ResolvedUser {
    pub name: UserName,
    pub card: UserCard,
    /// Where their devices can be reached.
    pub reach: Reach,
    pub devices: Vec<PublicKey>,
    /// Known only for listed users and counterparties of a grant.
    pub online: Option<bool>,
    pub epoch: Option<u64>,
    /// Whether this is the first contact.
    pub first_contact: bool,
    /// When the operator has retired them, as the node says that was asked.
    pub retired: Option<Millis>,
}

/// A look-up that failed, or whose answer is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The cluster has no user of this name.
    #[error(
        "{0} is not registered with this cluster; check the spelling, or have {0} run `cameo init \
         {0}`"
    )]
    NotRegistered(UserName),
    /// Nothing new begins with this user, for good.
    #[error(
        "the operator has retired {0}: {0} shows no gallery, answers no request, and gets and \
         opens nothing any more"
    )]
    Retired(UserName),
    #[error("the directory answers for {name} with {what}; try again, or through another node")]
    Dishonest { name: UserName, what: &'static str },
    /// An answer that is not accepted, and that too few other nodes give.
    #[error(
        "a node's answer about {name} is not believed, because too few others give it, and \
         nothing was changed in this home: {why}; try again"
    )]
    Unconfirmed {
        name: UserName,
        why: Box<DirectoryError>,
    },
    #[error(transparent)]
    Pin(#[from] PinError),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for DirectoryError {
    fn kind(&self) -> ErrorKind {
        match self {
            DirectoryError::NotRegistered(_) => ErrorKind::NotRegistered,
            DirectoryError::Retired(_) => ErrorKind::Retired,
            DirectoryError::Dishonest { .. } => ErrorKind::Other,
            DirectoryError::Unconfirmed { .. } => ErrorKind::ClusterAway,
            DirectoryError::Pin(error) => error.kind(),
            DirectoryError::Cluster(error) => error.kind(),
            DirectoryError::Statement(error) => error.kind(),
            DirectoryError::Vault(error) => error.kind(),
        }
    }
}

/// Verifies the directory's answer about a user, and pins their key at first contact.
pub(super) fn accept(
    vault: &Vault,
    name: &UserName,
    info: &UserInfo,
) -> Result<ResolvedUser, DirectoryError> {
    let card = info.card.verify()?;
    if card.name != *name {
        return Err(DirectoryError::Dishonest {
            name: name.clone(),
            what: "another user's card",
        });
    }
    let first_contact = pin(vault, &info.card, &card)?;
    let now = clock::now();
    let (mut reach, mut devices) = (Reach::default(), Vec::new());
    let (newest, changed) = newest(vault, name, verified_devices(&card, info))?;
    for device in newest {
        let certificate = device.certificate.unverified()?;
        if now >= certificate.not_after || device.revocation.is_some() {
            continue;
        }
        devices.push(certificate.device);
        let Some(endpoint) = &device.endpoint else {
            continue;
        };
        let (direct, unreadable) = parse(&endpoint.unverified()?.addresses);
        for address in unreadable {
            // Once for each address, not at every look-up.
            if changed {
                tracing::warn!(%name, %address, "this version cannot read the address");
            }
            reach.unreadable.push(address);
        }
        if !direct.is_empty() {
            reach.addresses.push(PeerAddress {
                device: certificate.device.0,
                direct,
            });
        }
    }
    Ok(ResolvedUser {
        name: name.clone(),
        card,
        reach,
        devices,
        online: info.online,
        epoch: info.epoch,
        first_contact,
        retired: info.retired,
    })
}

/// The addresses that can be parsed, and the texts of the others.
fn parse(texts: &[String]) -> (Vec<SocketAddr>, Vec<String>) {
    let (mut direct, mut unreadable) = (Vec::new(), Vec::new());
    for text in texts {
        match text.parse() {
            Ok(address) => direct.push(address),
            Err(_) => unreadable.push(sanitize(text)),
        }
    }
    (direct, unreadable)
}

/// The devices in the directory's answer whose statements verify.
fn verified_devices(card: &UserCard, info: &UserInfo) -> Vec<SeenDevice> {
    let devices = info.devices.iter().take(MAX_DEVICES);
    let valid = devices.filter_map(|device| {
        let certificate = device.certificate.verify().ok()?;
        let belongs =
            |endpoint: &EndpointRecord| endpoint.device == certificate.device && endpoint.fits();
        let endpoint = device
            .endpoint
            .clone()
            .filter(|signed| signed.verify().is_ok_and(|endpoint| belongs(&endpoint)));
        (certificate.user == card.key).then(|| SeenDevice {
            device: certificate.device,
            certificate: device.certificate.clone(),
            endpoint,
            revocation: revocation(card, device),
        })
    });
    valid.collect()
}

/// A device's revocation, if the user has signed it. The cluster that it names is not compared: a
/// device that its user has revoked anywhere is refused.
fn revocation(card: &UserCard, device: &DeviceInfo) -> Option<Signed<DeviceRevocation>> {
    let signed = device.revocation.as_ref()?;
    let revoked = signed.verify().ok()?;
    let certified = device.certificate.unverified().ok()?;
    (revoked.user == card.key && revoked.device == certified.device).then(|| signed.clone())
}
