//! Looking somebody up, and what this home accepts of the answer.

use std::net::SocketAddr;

use cameo_common::api::{ErrorCode, UserInfo};
use cameo_common::identity::{EndpointRecord, UserCard};
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use cameo_common::signed::StatementError;

use super::pin::{PinError, pin};
use super::seen::{MAX_DEVICES, SeenDevice, newest};
use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::error_kind::{Classified, ErrorKind};
use crate::peer::{PeerAddress, Reach};
use crate::text::sanitize::sanitize;
use crate::vault::{Vault, VaultError};

/// Somebody, as the directory has them and this home accepts them.
#[derive(Debug, Clone)]
pub struct Person {
    pub name: UserName,
    pub card: UserCard,
    /// Where their devices can be reached.
    pub reach: Reach,
    pub devices: Vec<PublicKey>,
    /// Told to those who share a grant with them, or to all if they are listed.
    pub online: Option<bool>,
    pub epoch: Option<u64>,
    /// Whether this is the first contact.
    pub newly_met: bool,
}

/// Why nobody was found, or nobody who can be accepted.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The exact answer of case 1 of the design.
    #[error(
        "{0} is not registered with this cluster; check the spelling, or have {0} run `cameo init {0}`"
    )]
    NotRegistered(UserName),
    #[error("the directory answers for {name} with {what}; try again, or through another node")]
    Dishonest { name: UserName, what: &'static str },
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
            DirectoryError::Dishonest { .. } => ErrorKind::Other,
            DirectoryError::Pin(error) => error.kind(),
            DirectoryError::Cluster(error) => error.kind(),
            DirectoryError::Statement(error) => error.kind(),
            DirectoryError::Vault(error) => error.kind(),
        }
    }
}

/// Looks somebody up, and pins their key on first contact.
///
/// # Errors
/// When nobody registered that name, or the key is another than the known one.
pub async fn look_up(
    api: &ClusterApi,
    vault: &Vault,
    name: &UserName,
) -> Result<Person, DirectoryError> {
    let info = api.user(name).await.map_err(|error| match error.code() {
        Some(ErrorCode::NotRegistered | ErrorCode::NotFound) => {
            DirectoryError::NotRegistered(name.clone())
        }
        _ => error.into(),
    })?;
    accept(vault, name, &info)
}

pub(super) fn accept(
    vault: &Vault,
    name: &UserName,
    info: &UserInfo,
) -> Result<Person, DirectoryError> {
    let card = info.card.verify()?;
    if card.name != *name {
        return Err(DirectoryError::Dishonest {
            name: name.clone(),
            what: "another user's card",
        });
    }
    let newly_met = pin(vault, &info.card, &card)?;
    let now = clock::now();
    let (mut reach, mut devices) = (Reach::default(), Vec::new());
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
            reach.unread.push(address);
        }
        if !direct.is_empty() {
            reach.addresses.push(PeerAddress {
                device: certificate.device.0,
                direct,
            });
        }
    }
    Ok(Person {
        name: name.clone(),
        card,
        reach,
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
            Err(_) => strange.push(sanitize(text)),
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
