//! The steps before the charge of a view: reading and verifying the carrier.

use cameo_codec::{CodecKey, RevealError, reveal};
use cameo_common::ids::Hash;
use cameo_common::sealing::{Share, open_viewer_share};
use cameo_common::statements::Manifest;
use tokio::task::spawn_blocking;

use super::error::OpenError;
use crate::vault::Vault;
use crate::vault::records::{GrantHeld, Identity};

/// The contents of a carrier, verified against its grant.
#[derive(Debug)]
pub struct Prepared {
    pub grant: GrantHeld,
    pub manifest: Manifest,
    pub payload: Vec<u8>,
    pub viewer_share: Share,
}

/// Reads the grant's own carrier.
///
/// # Errors
/// When it is missing or altered.
pub async fn prepare(
    vault: &Vault,
    me: &Identity,
    grant: GrantHeld,
) -> Result<Prepared, OpenError> {
    let carrier = vault
        .get_blob(GrantHeld::CARRIERS, &grant.blob())?
        .ok_or_else(|| OpenError::CarrierMissing {
            owner: grant.owner.clone(),
            image: grant.image,
        })?;
    prepare_from(me, grant, carrier).await
}

/// Reads a carrier that is not in the home.
///
/// # Errors
/// As for [`prepare`].
pub async fn prepare_from(
    me: &Identity,
    grant: GrantHeld,
    carrier: Vec<u8>,
) -> Result<Prepared, OpenError> {
    let key = CodecKey::from_bytes(*grant.codec_key.expose());
    let payload = spawn_blocking(move || reveal(&carrier, &key))
        .await
        .map_err(|error| OpenError::Codec(error.to_string()))?
        .map_err(|error| unreadable(&grant, error))?;
    let manifest = grant.manifest.verify()?;
    if Hash::of(&payload) != manifest.payload || payload.len() as u64 != manifest.payload_length {
        return Err(unreadable(&grant, RevealError::Damaged));
    }
    let viewer_share = open_share(me, &grant, &payload)?;
    Ok(Prepared {
        grant,
        manifest,
        payload,
        viewer_share,
    })
}

fn unreadable(grant: &GrantHeld, error: RevealError) -> OpenError {
    OpenError::BadCarrier {
        error,
        owner: grant.owner.clone(),
        image: grant.image,
    }
}

/// Opens the viewer share with the sealing key of this user that it was sealed to.
pub(crate) fn open_share(
    me: &Identity,
    grant: &GrantHeld,
    payload: &[u8],
) -> Result<Share, OpenError> {
    let mut opened = me
        .sealing_secrets()
        .filter_map(|secret| open_viewer_share(&secret, &grant.grant, payload).ok());
    opened.next().ok_or(OpenError::ForSomebodyElse)
}
