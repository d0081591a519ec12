//! Sessions: the presence of devices. The log holds their starts and ends; renewals of leases do
//! not pass through it.
//!
//! Each start takes the user's next epoch, and each end names an epoch, so that a late report
//! cannot end a later session.

use cameo_common::identity::EndpointRecord;
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_mutant::{Mutant, is_planted};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::{MAX_DEVICES_PER_USER, MAX_EXPIRED_PER_ENTRY};
use super::mailbox;
use super::principal::Principal;
use super::rows::{Counterparty, DeviceOf, Epochs, Listed, Session, User, content};
use super::statement_order::check_newer;

/// A session that began, or that ended. A beginning replaces the device's earlier session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionChange {
    pub device: PublicKey,
    pub epoch: u64,
    pub runs: bool,
}

/// Starts a session, in place of the device's earlier one.
pub fn start(
    draft: &mut Draft<'_>,
    principal: &Principal,
    endpoint: &Signed<EndpointRecord>,
    listed: bool,
) -> Result<Done, Refusal> {
    let record = draft.verify(endpoint)?;
    if record.device != principal.device {
        return Err(Refusal::Mismatch(
            "the endpoint belongs to another device".into(),
        ));
    }
    if !record.fits() {
        return Err(Refusal::Limit("addresses of an endpoint".into()));
    }
    if let Some(before) = draft.get::<Session>(&principal.device) {
        let sequence = content(&before.endpoint).sequence;
        check_newer(sequence, &before.endpoint, record.sequence, endpoint)?;
    }
    let epoch = next_epoch(draft, &principal.name);
    let session = Session {
        user: principal.name.clone(),
        epoch,
        online: true,
        listed,
        endpoint: endpoint.clone(),
        since: draft.time(),
    };
    put(draft, &principal.device, &session);
    if is_planted(Mutant::ReRegistrationDropsMailbox) {
        mailbox::drop_all(draft, &principal.name);
    }
    Ok(Done::SessionStarted { epoch })
}

/// Ends the device's own session of an epoch. Done also when that session has ended before.
pub fn end(draft: &mut Draft<'_>, principal: &Principal, epoch: u64) -> Result<Done, Refusal> {
    end_epoch(draft, &principal.device, epoch);
    Ok(Done::Nothing)
}

/// Ends a user's session of an epoch on a counterparty's report. The reply says whether the session
/// of that epoch has ended.
pub fn report_offline(
    draft: &mut Draft<'_>,
    principal: &Principal,
    user: &UserName,
    epoch: u64,
) -> Result<Done, Refusal> {
    if draft.get::<User>(user).is_none() {
        return Err(Refusal::NotRegistered(user.clone()));
    }
    let pair = (principal.name.clone(), user.clone());
    if draft.get::<Counterparty>(&pair).is_none() {
        return Err(Refusal::Forbidden(
            "other party to one of the user's grants".into(),
        ));
    }
    for ((_, device), DeviceOf) in draft.scan::<DeviceOf>(user, MAX_DEVICES_PER_USER) {
        if is_planted(Mutant::OfflineReportWithoutEpoch) {
            let newest = draft
                .get::<Session>(&device)
                .map_or(0, |session| session.epoch);
            end_epoch(draft, &device, newest);
        }
        end_epoch(draft, &device, epoch);
    }
    // An epoch that was never issued has not ended.
    let issued = draft.get::<Epochs>(user).unwrap_or_default().last;
    let offline = (1..=issued).contains(&epoch);
    Ok(Done::Offline { offline })
}

/// Ends sessions whose lease has run out, each if it is still the device's newest.
pub fn expire(draft: &mut Draft<'_>, sessions: &[(PublicKey, u64)]) -> Result<Done, Refusal> {
    if sessions.len() > MAX_EXPIRED_PER_ENTRY {
        return Err(Refusal::Limit(format!(
            "{MAX_EXPIRED_PER_ENTRY} sessions an entry"
        )));
    }
    for (device, epoch) in sessions {
        end_epoch(draft, device, *epoch);
    }
    Ok(Done::Nothing)
}

/// Ends and deletes the session of a device that is removed.
pub fn remove(draft: &mut Draft<'_>, device: &PublicKey) {
    if let Some(session) = draft.get::<Session>(device) {
        end_epoch(draft, device, session.epoch);
        draft.delete::<Session>(device);
    }
}

/// Ends a device's session, if one runs. Its row stays.
pub fn end_running(draft: &mut Draft<'_>, device: &PublicKey) {
    if let Some(session) = draft.get::<Session>(device) {
        end_epoch(draft, device, session.epoch);
    }
}

/// Ends a device's session if it is still the one of this epoch.
fn end_epoch(draft: &mut Draft<'_>, device: &PublicKey, epoch: u64) {
    let running = draft.get::<Session>(device);
    if let Some(session) = running.filter(|session| session.online && session.epoch == epoch) {
        let since = draft.time();
        let ended = Session {
            online: false,
            since,
            ..session
        };
        put(draft, device, &ended);
    }
}

/// Writes a session together with its row in the list of users online.
fn put(draft: &mut Draft<'_>, device: &PublicKey, session: &Session) {
    draft.put(device, session);
    let listed = (session.user.clone(), *device);
    if session.online && session.listed {
        draft.put(&listed, &Listed);
    } else {
        draft.delete::<Listed>(&listed);
    }
    draft.touch(&session.user);
    draft.session_changed(SessionChange {
        device: *device,
        epoch: session.epoch,
        runs: session.online,
    });
}

fn next_epoch(draft: &mut Draft<'_>, user: &UserName) -> u64 {
    let before = draft.get::<Epochs>(user).unwrap_or_default();
    let last = before.last + 1;
    draft.put(user, &Epochs { last });
    last
}
