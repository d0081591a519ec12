//! Who is who, and who is there.

use cameo_common::api::{DeviceInfo, UserInfo};
use cameo_common::identity::{DeviceCertificate, EndpointRecord};
use cameo_common::ids::{Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;

use crate::limits::MAX_DEVICES_PER_USER;
use crate::rows::{self, Acquainted, Device, DeviceOf, Listed, Session, User};
use crate::state_view::StateView;

/// Sessions looked at in one go while the online ones are picked out.
const PAGE: usize = 256;

/// For whom a device speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerInfo {
    pub user: UserName,
    /// The user's identity key.
    pub key: PublicKey,
    pub device: PublicKey,
    pub certificate: Signed<DeviceCertificate>,
    /// When the certificate ends.
    pub not_after: Millis,
}

/// For whom a device speaks; none when it is not registered. Whether its certificate has ended is
/// for the caller to see, and for `decide` to refuse.
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
    })
}

/// A user's keys and devices; whether he is there, if the asker may know. None: not registered.
#[must_use]
pub fn user_info(
    view: &dyn StateView,
    name: &UserName,
    asker: Option<&UserName>,
) -> Option<UserInfo> {
    let user = rows::get::<User>(view, name)?;
    let devices = devices_of(view, name);
    let sessions: Vec<_> = devices
        .iter()
        .filter_map(|(key, _)| rows::get::<Session>(view, key))
        .collect();
    let running = sessions.iter().filter(|session| session.online);
    let epoch = running.map(|session| session.epoch).max();
    let told = sessions.iter().any(|session| session.listed)
        || asker.is_some_and(|asker| asker == name || is_counterparty(view, asker, name));
    let devices = devices.into_iter().map(|(key, device)| DeviceInfo {
        certificate: device.certificate,
        endpoint: rows::get::<Session>(view, &key).map(|session| session.endpoint),
    });
    Some(UserInfo {
        card: user.card,
        devices: devices.collect(),
        online: told.then_some(epoch.is_some()),
        epoch: epoch.filter(|_| told),
    })
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
    rows::get::<Acquainted>(view, &(one.clone(), other.clone())).is_some()
}

/// Users online who chose to be listed, in order of name.
#[must_use]
pub fn online_listed(
    view: &dyn StateView,
    after: Option<&UserName>,
    limit: usize,
) -> Vec<UserName> {
    // Above every device of `after`: a scan goes on behind the key that it is given.
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
    /// When it began, or ended.
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

/// The user's session of an epoch, if no later one of the same device has taken its place.
#[must_use]
pub fn session_of_epoch(view: &dyn StateView, user: &UserName, epoch: u64) -> Option<SessionInfo> {
    let devices = rows::scan::<DeviceOf>(view, user, None, MAX_DEVICES_PER_USER);
    devices
        .into_iter()
        .filter_map(|((_, device), _)| session(view, &device))
        .find(|session| session.epoch == epoch)
}

/// Sessions that are online, in order of device key, from the first behind `after` on.
#[must_use]
pub fn online_sessions(
    view: &dyn StateView,
    after: Option<&PublicKey>,
    limit: usize,
) -> Vec<SessionInfo> {
    let mut online = Vec::new();
    let mut last = after.copied();
    loop {
        let page = rows::scan::<Session>(view, &(), last.as_ref(), PAGE);
        let Some((end, _)) = page.last() else {
            return online;
        };
        last = Some(*end);
        for (device, session) in page {
            if online.len() == limit {
                return online;
            }
            if session.online {
                online.push(SessionInfo::of(device, session));
            }
        }
    }
}
