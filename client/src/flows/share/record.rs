//! The ledger's part of a grant: recording it, and the receipt.

use cameo_common::api::{CreateGrant, ErrorCode};
use cameo_common::sealing::Share;

use super::assemble::first_deal;
use super::error::ShareError;
use crate::cluster_api::ClusterError;
use crate::flows::context::Context;
use crate::vault::VaultError;
use crate::vault::records::{GrantOwned, Stage, change};

/// Records a grant in the ledger. Asked again after a crash, it finds that it is there.
///
/// # Errors
/// When the ledger refuses it, or cannot be reached.
pub async fn record(ctx: &Context, mut owned: GrantOwned) -> Result<GrantOwned, ShareError> {
    let mut created = create(ctx, &owned).await;
    if is_no(&created, ErrorCode::BadDeal) {
        // The nodes have changed since it was dealt; nobody has seen this deal yet.
        let descriptor = ctx.api.descriptor().await?;
        let share = Share::from_bytes(*owned.cluster_share.expose());
        owned.deal = first_deal(ctx, &owned.manifest, &share, &descriptor)?;
        ctx.vault.put(&owned.grant.to_string(), &owned)?;
        created = create(ctx, &owned).await;
    }
    if is_no(&created, ErrorCode::GrantExists) {
        // Ours, by an answer that was lost? Else another one stands in the way.
        // Only a definite no says the latter.
        let found = ctx.api.grant(&owned.grant).await.map(drop);
        if is_no(&found, ErrorCode::NotFound) {
            forget(ctx, &owned)?;
        } else {
            created = found;
        }
    }
    created?;
    advance_to(ctx, owned, Stage::Recorded, |owned| {
        owned.recorded_version = owned.recorded_version.max(1);
    })
}

fn is_no(answer: &Result<(), ClusterError>, code: ErrorCode) -> bool {
    matches!(answer, Err(error) if error.code() == Some(code))
}

/// A grant that the ledger will never have must not pass for one that its viewer holds.
fn forget(ctx: &Context, owned: &GrantOwned) -> Result<(), VaultError> {
    ctx.vault.delete::<GrantOwned>(&owned.grant.to_string())?;
    ctx.vault
        .delete_blob(GrantOwned::CARRIERS, &owned.blob())
        .map(drop)
}

async fn create(ctx: &Context, owned: &GrantOwned) -> Result<(), ClusterError> {
    let create = CreateGrant {
        request: owned.request.clone(),
        manifest: owned.manifest.clone(),
        deal: owned.deal.clone(),
        rights: owned.rights.clone(),
    };
    ctx.api.create_grant(&create).await.map(|_| ())
}

/// Hands the viewer's receipt to the ledger.
///
/// # Errors
/// When the ledger cannot be reached.
pub async fn settle(ctx: &Context, owned: GrantOwned) -> Result<GrantOwned, ShareError> {
    let receipt = owned.receipt.clone().ok_or(ShareError::NoReceipt)?;
    ctx.api.put_receipt(&owned.grant, receipt).await?;
    advance_to(ctx, owned, Stage::Settled, |owned| {
        owned.acknowledged = owned.acknowledged.max(1);
    })
}

/// Keeps a stage that was reached; another process may have got further meanwhile.
pub(super) fn advance_to(
    ctx: &Context,
    owned: GrantOwned,
    stage: Stage,
    edit: impl FnOnce(&mut GrantOwned),
) -> Result<GrantOwned, ShareError> {
    let kept = change::<GrantOwned>(&ctx.vault, &owned.grant.to_string(), |kept| {
        kept.stage = kept.stage.max(stage);
        edit(kept);
    })?;
    Ok(kept.unwrap_or(owned))
}
