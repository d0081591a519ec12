//! Presence: which devices are there. Signs of life do not pass here, only comings and goings.
//!
//! Each start takes the user's next epoch; whoever ends a session names the epoch, so that a late
//! report cannot end a later session.

use cameo_common::identity::EndpointRecord;
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::{MAX_DEVICES_PER_USER, MAX_EXPIRED_PER_ENTRY};
use super::mailbox;
use super::rows::{Acquainted, DeviceOf, Epochs, Listed, Session, User, content};
use super::sequence::newer;
use super::speaker::Speaker;

/// A device is there. Its user's mail is put in front of it again.
pub fn start(
    draft: &mut Draft<'_>,
    speaker: &Speaker,
    endpoint: &Signed<EndpointRecord>,
    listed: bool,
) -> Result<Done, Refusal> {
    let record = endpoint.peek().map_err(|_| Refusal::Malformed)?;
    if record.device != speaker.device {
        return Err(Refusal::Mismatch("the endpoint is another device's".into()));
    }
    if !record.fits() {
        return Err(Refusal::Limit("addresses of an endpoint".into()));
    }
    if let Some(before) = draft.get::<Session>(&speaker.device) {
        let sequence = content(&before.endpoint).sequence;
        newer(sequence, &before.endpoint, record.sequence, endpoint)?;
    }
    let epoch = next_epoch(draft, &speaker.name);
    let session = Session {
        user: speaker.name.clone(),
        epoch,
        online: true,
        listed,
        endpoint: endpoint.clone(),
        since: draft.time(),
    };
    put(draft, &speaker.device, &session);
    mailbox::renew(draft, &speaker.name);
    Ok(Done::SessionStarted { epoch })
}

/// A device says goodbye. What it wants is that the session is over, so it may say so twice.
pub fn end(draft: &mut Draft<'_>, speaker: &Speaker, epoch: u64) -> Result<Done, Refusal> {
    end_epoch(draft, &speaker.device, epoch);
    Ok(Done::Nothing)
}

/// A counterparty found that a user does not answer.
pub fn report_offline(
    draft: &mut Draft<'_>,
    speaker: &Speaker,
    user: &UserName,
    epoch: u64,
) -> Result<Done, Refusal> {
    if draft.get::<User>(user).is_none() {
        return Err(Refusal::NotRegistered(user.clone()));
    }
    let pair = (speaker.name.clone(), user.clone());
    if draft.get::<Acquainted>(&pair).is_none() {
        return Err(Refusal::Forbidden(
            "other party to one of the user's grants".into(),
        ));
    }
    for ((_, device), DeviceOf) in draft.scan::<DeviceOf>(user, MAX_DEVICES_PER_USER) {
        end_epoch(draft, &device, epoch);
    }
    // An epoch that was never given out has not ended: the report is about nothing.
    let given = draft.get::<Epochs>(user).unwrap_or_default().last;
    let offline = (1..=given).contains(&epoch);
    Ok(Done::Offline { offline })
}

/// The leader heard nothing of these for a session's life.
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

/// A device is no more.
pub fn remove(draft: &mut Draft<'_>, device: &PublicKey) {
    if let Some(session) = draft.get::<Session>(device) {
        end_epoch(draft, device, session.epoch);
        draft.delete::<Session>(device);
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

/// Writes a session, and keeps the list of those online in step with it.
fn put(draft: &mut Draft<'_>, device: &PublicKey, session: &Session) {
    draft.put(device, session);
    let listed = (session.user.clone(), *device);
    if session.online && session.listed {
        draft.put(&listed, &Listed);
    } else {
        draft.delete::<Listed>(&listed);
    }
    draft.touch(&session.user);
}

fn next_epoch(draft: &mut Draft<'_>, user: &UserName) -> u64 {
    let before = draft.get::<Epochs>(user).unwrap_or_default();
    let last = before.last + 1;
    draft.put(user, &Epochs { last });
    last
}
