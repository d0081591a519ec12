//! Reads of the directory: users, devices, sessions and presence.

use cameo_common::api::{DeviceInfo, UserInfo};
use cameo_common::identity::{DeviceCertificate, EndpointRecord};
use cameo_common::ids::{Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;

use crate::limits::MAX_DEVICES_PER_USER;
use crate::rows::{
    self, Counterparty, Device, DeviceOf, Listed, Retired, Revocation, Session, User,
};
use crate::state_view::StateView;

/// A registered device and its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerInfo {
    pub user: UserName,
    /// The user's identity key.
    pub key: PublicKey,
    pub device: PublicKey,
    pub certificate: Signed<DeviceCertificate>,
    /// When the certificate expires.
    pub not_after: Millis,
    /// Whether its user has revoked the device.
    pub revoked: bool,
}

/// A device and its user; `None` when the device is not registered. The certificate may have
/// expired, and the device may be revoked: that is for the caller to check, and for
/// [`crate::decide`] to refuse.
#[must_use]
pub fn caller(view: &dyn StateView, device: &PublicKey) -> Option<CallerInfo> {
    let row = rows::get::<Device>(view, device)?;
    let content = row.certificate();
    Some(CallerInfo {
        user: row.user,
        key: content.user,
        device: *device,
        certificate: row.certificate,
        not_after: content.not_after,
        revoked: rows::get::<Revocation>(view, device).is_some(),
    })
}

/// A user's keys and devices; `None` when the user is not registered. Presence is included if the
/// user is listed, or the asker is the user or a counterparty.
#[must_use]
pub fn user_info(
    view: &dyn StateView,
    name: &UserName,
    asker: Option<&UserName>,
) -> Option<UserInfo> {
    let user = rows::get::<User>(view, name)?;
    let devices: Vec<_> = devices_of(view, name)
        .into_iter()
        .map(|(key, device)| (key, device, rows::get::<Session>(view, &key)))
        .collect();
    let sessions = || {
        devices
            .iter()
            .filter_map(|(_, _, session)| session.as_ref())
    };
    let epoch = sessions().filter_map(running_epoch).max();
    let visible = sessions().any(|session| session.listed)
        || asker.is_some_and(|asker| asker == name || is_counterparty(view, asker, name));
    let devices = devices
        .into_iter()
        .map(|(key, device, session)| DeviceInfo {
            certificate: device.certificate,
            epoch: session.as_ref().and_then(running_epoch).filter(|_| visible),
            endpoint: session.map(|session| session.endpoint),
            revocation: rows::get::<Revocation>(view, &key).map(|row| row.0),
        });
    Some(UserInfo {
        card: user.card,
        devices: devices.collect(),
        online: visible.then_some(epoch.is_some()),
        epoch: epoch.filter(|_| visible),
        retired: retired(view, name),
    })
}

/// When the operator has retired a user.
#[must_use]
pub fn retired(view: &dyn StateView, name: &UserName) -> Option<Millis> {
    rows::get::<Retired>(view, name).map(|row| row.0)
}

fn running_epoch(session: &Session) -> Option<u64> {
    session.online.then_some(session.epoch)
}

fn devices_of(view: &dyn StateView, name: &UserName) -> Vec<(PublicKey, Device)> {
    rows::scan::<DeviceOf>(view, name, None, MAX_DEVICES_PER_USER)
        .into_iter()
        .map(|((_, key), _)| (key, rows::require::<Device>(view, &key)))
        .collect()
}

/// Whether two users share, or shared, a grant.
#[must_use]
pub fn is_counterparty(view: &dyn StateView, one: &UserName, other: &UserName) -> bool {
    rows::get::<Counterparty>(view, &(one.clone(), other.clone())).is_some()
}

/// Users online who chose to be listed, in order of name, from the first after `after`.
#[must_use]
pub fn online_listed(
    view: &dyn StateView,
    after: Option<&UserName>,
    limit: usize,
) -> Vec<UserName> {
    // Greater than every device of `after`: a scan continues after the key that it is given.
    let mut last = after.map(|name| (name.clone(), PublicKey([0xff; 32])));
    let mut users = Vec::new();
    while users.len() < limit {
        let Some((key, Listed)) = rows::scan(view, &(), last.as_ref(), 1).pop() else {
            break;
        };
        users.push(key.0.clone());
        last = Some((key.0, PublicKey([0xff; 32])));
    }
    users
}

/// A device's newest session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    pub user: UserName,
    pub device: PublicKey,
    pub epoch: u64,
    pub online: bool,
    pub listed: bool,
    /// When the session started or, if it is not online, ended.
    pub since: Millis,
    pub endpoint: Signed<EndpointRecord>,
}

impl SessionInfo {
    fn of(device: PublicKey, session: Session) -> Self {
        Self {
            user: session.user,
            device,
            epoch: session.epoch,
            online: session.online,
            listed: session.listed,
            since: session.since,
            endpoint: session.endpoint,
        }
    }
}

/// A device's newest session, running or ended.
#[must_use]
pub fn session(view: &dyn StateView, device: &PublicKey) -> Option<SessionInfo> {
    rows::get::<Session>(view, device).map(|session| SessionInfo::of(*device, session))
}

/// The user's session of an epoch, if no later one of the same device has replaced it.
#[must_use]
pub fn session_of_epoch(view: &dyn StateView, user: &UserName, epoch: u64) -> Option<SessionInfo> {
    let devices = rows::scan::<DeviceOf>(view, user, None, MAX_DEVICES_PER_USER);
    devices
        .into_iter()
        .filter_map(|((_, device), _)| session(view, &device))
        .find(|session| session.epoch == epoch)
}

/// The devices' newest sessions, running or ended, in order of device key, from the first after
/// `after`.
#[must_use]
pub fn sessions(view: &dyn StateView, after: Option<&PublicKey>, limit: usize) -> Vec<SessionInfo> {
    rows::scan::<Session>(view, &(), after, limit)
        .into_iter()
        .map(|(device, session)| SessionInfo::of(device, session))
        .collect()
}
