//! The directory: users, their keys, their devices, and who is there.

use cameo_common::identity::{DeviceCertificate, EndpointRecord, UserCard};
use cameo_common::ids::{Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};

use super::{Kind, Row, content};

/// A user's newest card. The row is never removed: a name is bound for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub card: Signed<UserCard>,
    pub registered: Millis,
}

impl User {
    /// What the card says.
    pub fn card(&self) -> UserCard {
        content(&self.card)
    }
}

impl Row for User {
    const KIND: Kind = Kind::User;
    type Key = UserName;
}

/// The name of an identity key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyOwner(pub UserName);

impl Row for KeyOwner {
    const KIND: Kind = Kind::KeyOwner;
    type Key = PublicKey;
}

/// For whom a device speaks, on the strength of which certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub user: UserName,
    pub certificate: Signed<DeviceCertificate>,
}

impl Device {
    /// What the certificate says.
    pub fn certificate(&self) -> DeviceCertificate {
        content(&self.certificate)
    }
}

impl Row for Device {
    const KIND: Kind = Kind::Device;
    type Key = PublicKey;
}

/// The devices of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceOf;

impl Row for DeviceOf {
    const KIND: Kind = Kind::DeviceOf;
    type Key = (UserName, PublicKey);
}

/// A device's newest session, running or ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub user: UserName,
    pub epoch: u64,
    pub online: bool,
    /// Whether the user wants to show up among those online.
    pub listed: bool,
    pub endpoint: Signed<EndpointRecord>,
    /// When it began, or ended.
    pub since: Millis,
}

impl Row for Session {
    const KIND: Kind = Kind::Session;
    type Key = PublicKey;
}

/// The last epoch given to a session of a user. Counted over all his devices, so that an epoch
/// names one session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    pub last: u64,
}

impl Row for Epochs {
    const KIND: Kind = Kind::Epochs;
    type Key = UserName;
}

/// The sessions that are online and listed, by user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed;

impl Row for Listed {
    const KIND: Kind = Kind::Listed;
    type Key = (UserName, PublicKey);
}
