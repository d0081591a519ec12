//! The user and the device that a command comes from.

use cameo_common::ids::UserName;
use cameo_common::keys::PublicKey;

use super::command::Refusal;
use super::draft::Draft;
use super::rows::Device;

/// The user on whose behalf a command comes, and the device that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Speaker {
    pub name: UserName,
    pub device: PublicKey,
}

/// For whom a device speaks at the log's time.
pub fn speaker(draft: &Draft<'_>, device: &PublicKey) -> Result<Speaker, Refusal> {
    let row = draft.get::<Device>(device).ok_or(Refusal::UnknownDevice)?;
    if draft.time() >= row.certificate().not_after {
        return Err(Refusal::CertificateExpired);
    }
    Ok(Speaker {
        name: row.user,
        device: *device,
    })
}
