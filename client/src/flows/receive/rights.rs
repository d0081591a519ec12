//! Rights that a viewer receives from the owner or from the ledger.
//!
//! Rights from the owner are provisional until the ledger has them. Of two statements with the same
//! version the ledger's is kept. A version never decreases.

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

/// Rights that were not accepted.
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

/// The effect of received rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RightsEffect {
    /// They are newer than the stored ones and replace them.
    Newer,
    /// The same or newer rights were stored already.
    Known,
    /// This home has no such grant.
    NoSuchGrant,
}

/// Stores rights received from the owner.
///
/// # Errors
/// When the owner did not sign them.
pub fn store_rights_of_owner(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
) -> Result<RightsEffect, ReceivedRightsError> {
    store(vault, grant, signed, false)
}

/// Stores rights received from the ledger. True if they have to be acknowledged.
///
/// # Errors
/// When the vault cannot be written.
pub fn store_rights_of_ledger(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
) -> Result<bool, VaultError> {
    match store(vault, grant, signed, true) {
        Ok(RightsEffect::NoSuchGrant) => Ok(false),
        Ok(_) => Ok(true),
        Err(ReceivedRightsError::NotTheOwner) => {
            tracing::warn!(%grant, "the ledger sent rights that the owner did not sign");
            Ok(false)
        }
        Err(ReceivedRightsError::Vault(error)) => Err(error),
    }
}

fn store(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
    confirmed: bool,
) -> Result<RightsEffect, ReceivedRightsError> {
    let rights = signed
        .verify()
        .map_err(|_| ReceivedRightsError::NotTheOwner)?;
    let mut effect = RightsEffect::NoSuchGrant;
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
        effect = if newer {
            RightsEffect::Newer
        } else {
            RightsEffect::Known
        };
        Ok(Some(held))
    })?;
    Ok(effect)
}

/// The signed acknowledgement of the newest rights.
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

/// Acknowledges the newest rights to the ledger, and records them there first if it does not have
/// them.
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
            record(ctx, &held).await?;
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

/// Records rights in the ledger that the owner could not record.
async fn record(ctx: &Context, held: &GrantHeld) -> Result<(), ClusterError> {
    match ctx.api.put_rights(&held.grant, held.rights.clone()).await {
        Err(ClusterError::Api(error)) if error.code == ErrorCode::StaleVersion => Ok(()),
        put => put.map(drop),
    }
}
