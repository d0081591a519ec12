//! The authenticated origin of a command: a user at one of their devices.

use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;

use super::command::Refusal;
use super::draft::Draft;
use super::retirement::check_active;
use super::rows::Device;

/// A registered user and the device that sent the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    pub name: UserName,
    pub device: PublicKey,
}

/// The user that a device acts for at log time.
pub fn of(draft: &Draft<'_>, device: &PublicKey) -> Result<Principal, Refusal> {
    let row = draft.get::<Device>(device).ok_or(Refusal::UnknownDevice)?;
    if draft.time() >= row.certificate().not_after {
        return Err(Refusal::CertificateExpired);
    }
    Ok(Principal {
        name: row.user,
        device: *device,
    })
}

/// The same, and a user whom the operator has not retired.
pub fn active(draft: &Draft<'_>, device: &PublicKey) -> Result<Principal, Refusal> {
    let principal = of(draft, device)?;
    check_active(draft, &principal.name)?;
    Ok(principal)
}
