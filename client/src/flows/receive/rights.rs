//! Rights that come to the viewer, by whichever way.
//!
//! Rights that come straight from the owner are provisional until the ledger has them; of two
//! statements with one version the ledger's wins. A version never goes down.

use cameo_common::api::ErrorCode;
use cameo_common::ids::GrantId;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::RightsAck;

use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::vault::records::{GrantHeld, change};
use crate::vault::{Vault, VaultError};

/// Why rights are not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceivedRightsError {
    #[error("these rights are not signed by the owner of the grant")]
    NotTheOwner,
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for ReceivedRightsError {
    fn kind(&self) -> ErrorKind {
        match self {
            ReceivedRightsError::NotTheOwner => ErrorKind::Forbidden,
            ReceivedRightsError::Vault(error) => error.kind(),
        }
    }
}

/// What came of rights that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// They are the newest now.
    Newer,
    /// These or newer ones were known.
    Known,
    /// This home holds no such grant.
    NoSuchGrant,
}

/// Takes rights that came straight from the owner.
///
/// # Errors
/// When they are not the owner's.
pub fn take(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
) -> Result<Taken, ReceivedRightsError> {
    fold(vault, grant, signed, false)
}

/// Takes rights that the ledger has. True when there is something to acknowledge.
///
/// # Errors
/// When the vault cannot be written.
pub fn confirm(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
) -> Result<bool, VaultError> {
    match fold(vault, grant, signed, true) {
        Ok(Taken::NoSuchGrant) => Ok(false),
        Ok(_) => Ok(true),
        Err(ReceivedRightsError::NotTheOwner) => {
            tracing::warn!(%grant, "the ledger told rights that the owner did not sign");
            Ok(false)
        }
        Err(ReceivedRightsError::Vault(error)) => Err(error),
    }
}

fn fold(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
    confirmed: bool,
) -> Result<Taken, ReceivedRightsError> {
    let rights = signed
        .verify()
        .map_err(|_| ReceivedRightsError::NotTheOwner)?;
    let mut taken = Taken::NoSuchGrant;
    vault.update::<GrantHeld, ReceivedRightsError>(&grant.to_string(), |held| {
        let Some(mut held) = held else {
            return Ok(None);
        };
        if rights.owner != held.owner_key || rights.grant != held.grant {
            return Err(ReceivedRightsError::NotTheOwner);
        }
        let newer = rights.version > held.version;
        let wins = confirmed && rights.version == held.version;
        if newer || wins {
            held.rights = signed.clone();
            held.version = rights.version;
        }
        if confirmed {
            held.confirmed = held.confirmed.max(rights.version);
        }
        taken = if newer { Taken::Newer } else { Taken::Known };
        Ok(Some(held))
    })?;
    Ok(taken)
}

/// This user's word that the newest rights known here arrived.
pub fn acknowledgement(ctx: &Context, held: &GrantHeld) -> Signed<RightsAck> {
    let key = ctx.me.identity_key();
    Signed::new(
        &key,
        RightsAck {
            viewer: key.public(),
            grant: held.grant,
            version: held.version,
        },
    )
}

/// Acknowledges; where the ledger does not have the rights yet, carries them there first.
///
/// # Errors
/// When the ledger refuses or cannot be reached.
pub async fn acknowledge(ctx: &Context, grant: &GrantId) -> Result<(), LedgerError> {
    let id = grant.to_string();
    let Some(held) = ctx.vault.get::<GrantHeld>(&id)? else {
        return Ok(());
    };
    if held.acknowledged >= held.version {
        return Ok(());
    }
    let ack = acknowledgement(ctx, &held);
    match ctx.api.ack_rights(grant, ack.clone()).await {
        Err(ClusterError::Api(error)) if error.code == ErrorCode::Mismatch => {
            carry(ctx, &held).await?;
            ctx.api.ack_rights(grant, ack).await?;
        }
        acknowledged => {
            acknowledged?;
        }
    }
    change::<GrantHeld>(&ctx.vault, &id, |kept| {
        kept.acknowledged = kept.acknowledged.max(held.version);
        kept.confirmed = kept.confirmed.max(held.version);
    })?;
    Ok(())
}

/// Carries rights to the ledger that the owner could not bring there.
async fn carry(ctx: &Context, held: &GrantHeld) -> Result<(), ClusterError> {
    match ctx.api.put_rights(&held.grant, held.rights.clone()).await {
        Err(ClusterError::Api(error)) if error.code == ErrorCode::StaleVersion => Ok(()),
        put => put.map(drop),
    }
}
