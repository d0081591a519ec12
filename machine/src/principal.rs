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

impl Principal {
    /// The same, unless the operator has retired the user.
    pub fn if_active(self, draft: &Draft<'_>) -> Result<Self, Refusal> {
        check_active(draft, &self.name)?;
        Ok(self)
    }
}
