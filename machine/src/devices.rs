//! Revocation of devices: by the user's identity key, and for good.
//!
//! A revoked device keeps its row, which counts among the devices of its user. So it is refused
//! whatever certificate it shows, and its key never comes back as another device.

use cameo_common::identity::DeviceRevocation;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;

use super::command::{Done, Refusal};
use super::draft::Draft;
use super::principal::Principal;
use super::rows::{self, Device, Revocation};
use super::state_view::StateView;
use super::{cluster, sessions, users};

/// Refuses a revoked device, whatever it asks for.
pub fn check_not_revoked(view: &dyn StateView, device: &PublicKey) -> Result<(), Refusal> {
    match rows::get::<Revocation>(view, device) {
        Some(_) => Err(Refusal::DeviceRevoked),
        None => Ok(()),
    }
}

/// Revokes a device of the calling user, and ends its session. The first revocation stays; a
/// further one changes nothing.
pub fn revoke(
    draft: &mut Draft<'_>,
    principal: &Principal,
    revocation: &Signed<DeviceRevocation>,
) -> Result<Done, Refusal> {
    let content = draft.verify(revocation)?;
    if content.user != users::card(draft, &principal.name)?.key {
        return Err(Refusal::Forbidden("user of the device".into()));
    }
    if content.cluster != cluster::id(draft)? {
        return Err(Refusal::Mismatch(
            "the revocation is for another cluster".into(),
        ));
    }
    let device = draft
        .get::<Device>(&content.device)
        .filter(|device| device.user == principal.name)
        .ok_or(Refusal::NoSuchDevice)?;
    if draft.get::<Revocation>(&content.device).is_some() {
        return Ok(Done::Nothing);
    }
    if content.sequence <= device.certificate().sequence {
        return Err(Refusal::Stale);
    }
    draft.put(&content.device, &Revocation(revocation.clone()));
    sessions::remove(draft, &content.device);
    draft.touch(&principal.name);
    Ok(Done::Nothing)
}
