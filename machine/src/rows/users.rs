//! Rows of the directory: users, their keys and devices, and sessions.

use cameo_common::identity::{DeviceCertificate, DeviceRevocation, EndpointRecord, UserCard};
use cameo_common::ids::{GrantId, Hash, Millis, UserName};
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
    /// The content of the card.
    pub fn card(&self) -> UserCard {
        content(&self.card)
    }
}

impl Row for User {
    const KIND: Kind = Kind::User;
    type Key = UserName;
}

/// The user name that an identity key is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyOwner(pub UserName);

impl Row for KeyOwner {
    const KIND: Kind = Kind::KeyOwner;
    type Key = PublicKey;
}

/// A device's user, and the certificate by which it acts for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub user: UserName,
    pub certificate: Signed<DeviceCertificate>,
}

impl Device {
    /// The content of the certificate.
    pub fn certificate(&self) -> DeviceCertificate {
        content(&self.certificate)
    }
}

impl Row for Device {
    const KIND: Kind = Kind::Device;
    type Key = PublicKey;
}

/// A certificate under which a view was debited, by the hash of its bytes. It is kept as long as
/// the view, whatever becomes of the device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate(pub Signed<DeviceCertificate>);

impl Row for Certificate {
    const KIND: Kind = Kind::Certificate;
    type Key = Hash;
}

/// A grant with a view that was debited under a certificate. The certificate goes with the last
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateOf;

impl Row for CertificateOf {
    const KIND: Kind = Kind::CertificateOf;
    type Key = (Hash, GrantId);
}

/// The revocation of a device. It is never removed, so that the device never comes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation(pub Signed<DeviceRevocation>);

impl Row for Revocation {
    const KIND: Kind = Kind::Revocation;
    type Key = PublicKey;
}

/// Index of the devices of a user.
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
    /// Whether the user appears in the list of users online.
    pub listed: bool,
    pub endpoint: Signed<EndpointRecord>,
    /// When it started or, if it is not online, ended.
    pub since: Millis,
}

impl Row for Session {
    const KIND: Kind = Kind::Session;
    type Key = PublicKey;
}

/// The newest epoch of a user's sessions. It is counted over all their devices, so that an epoch
/// identifies one session.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    pub last: u64,
}

impl Row for Epochs {
    const KIND: Kind = Kind::Epochs;
    type Key = UserName;
}

/// Index of the sessions that are online and listed, by user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed;

impl Row for Listed {
    const KIND: Kind = Kind::Listed;
    type Key = (UserName, PublicKey);
}

/// A user whom the operator has retired, and when. The user's own row stays: the name is bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired(pub Millis);

impl Row for Retired {
    const KIND: Kind = Kind::Retired;
    type Key = UserName;
}
