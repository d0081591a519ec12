//! Users and their devices. A name belongs to the first key that registers it (law D2).

use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;
use cameo_common::registration::InviteUse;
use cameo_common::signed::Signed;
use cameo_mutant::{Mutant, is_planted};

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::limits::MAX_DEVICES_PER_USER;
use super::retirement::check_active;
use super::rows::{Device, DeviceOf, KeyOwner, Revocation, User};
use super::statement_order::check_newer;
use super::{registration, sessions};

/// A registered user's newest card.
pub fn card(draft: &Draft<'_>, name: &UserName) -> Result<UserCard, Refusal> {
    draft
        .get::<User>(name)
        .map(|user| user.card())
        .ok_or_else(|| Refusal::NotRegistered(name.clone()))
}

/// Registers a user, a further device of theirs, or newer statements about either.
pub fn register(
    draft: &mut Draft<'_>,
    caller: PublicKey,
    card: &Signed<UserCard>,
    certificate: &Signed<DeviceCertificate>,
    invite: Option<&Signed<InviteUse>>,
) -> Result<Done, Refusal> {
    let content = draft.verify(card)?;
    let certified = draft.verify(certificate)?;
    if certified.device != caller {
        return Err(Refusal::Forbidden("device of the certificate".into()));
    }
    if certified.user != content.key {
        return Err(Refusal::Mismatch(
            "card and certificate have two keys".into(),
        ));
    }
    if draft.time() >= certified.not_after {
        return Err(Refusal::CertificateExpired);
    }
    check_active(draft, &content.name)?;
    let new_user = put_card(draft, &content, card, invite)?;
    let new_device = put_device(draft, &content.name, &certified, certificate)?;
    let created = new_user || new_device;
    Ok(Done::Registered { created })
}

/// Binds name and key to each other, or stores a newer card of the key that has the name. Returns
/// whether the user is new.
fn put_card(
    draft: &mut Draft<'_>,
    content: &UserCard,
    card: &Signed<UserCard>,
    invite: Option<&Signed<InviteUse>>,
) -> Result<bool, Refusal> {
    let known = draft.get::<User>(&content.name);
    if is_planted(Mutant::LastWriterWinsName) {
        // Nothing is checked.
    } else if let Some(user) = &known {
        let before = user.card();
        if before.key != content.key {
            return Err(Refusal::NameTaken(content.name.clone()));
        }
        check_newer(before.sequence, &user.card, content.sequence, card)?;
    } else if draft.get::<KeyOwner>(&content.key).is_some() {
        return Err(Refusal::KeyTaken);
    } else {
        registration::admit_user(draft, content, invite)?;
    }
    let registered = known.as_ref().map_or(draft.time(), |user| user.registered);
    let card = card.clone();
    draft.put(&content.key, &KeyOwner(content.name.clone()));
    draft.put(&content.name, &User { card, registered });
    Ok(known.is_none())
}

/// Stores a device's certificate. Returns whether the device is new.
fn put_device(
    draft: &mut Draft<'_>,
    user: &UserName,
    content: &DeviceCertificate,
    certificate: &Signed<DeviceCertificate>,
) -> Result<bool, Refusal> {
    let known = draft.get::<Device>(&content.device);
    if let Some(device) = &known {
        if device.user != *user {
            return Err(Refusal::Mismatch(format!(
                "this device is registered for {}; a device has one user",
                device.user
            )));
        }
        let before = device.certificate().sequence;
        check_newer(before, &device.certificate, content.sequence, certificate)?;
    } else {
        make_room(draft, user)?;
    }
    draft.put(&(user.clone(), content.device), &DeviceOf);
    draft.put(
        &content.device,
        &Device {
            user: user.clone(),
            certificate: certificate.clone(),
        },
    );
    Ok(known.is_none())
}

/// Removes one device with an expired certificate when the user has as many devices as allowed. A
/// revoked one stays: without its row it could come back.
fn make_room(draft: &mut Draft<'_>, user: &UserName) -> Result<(), Refusal> {
    let devices = draft.scan::<DeviceOf>(user, MAX_DEVICES_PER_USER);
    if devices.len() < MAX_DEVICES_PER_USER {
        return Ok(());
    }
    let expired = devices.into_iter().find(|((_, device), _)| {
        draft.get::<Revocation>(device).is_none()
            && draft
                .get::<Device>(device)
                .is_some_and(|row| draft.time() >= row.certificate().not_after)
    });
    let Some((key, _)) = expired else {
        return Err(Refusal::TooManyDevices(user.clone()));
    };
    sessions::remove(draft, &key.1);
    draft.delete::<Device>(&key.1);
    draft.delete::<DeviceOf>(&key);
    Ok(())
}
