//! Recording of a grant and of its receipt in the ledger.

use cameo_common::api::{CreateGrant, ErrorCode};
use cameo_common::sealing::Share;

use super::assemble::first_deal;
use super::error::ShareError;
use crate::cluster_api::ClusterError;
use crate::directory;
use crate::flows::absent_grant::is_absent;
use crate::flows::context::Context;
use crate::vault::VaultError;
use crate::vault::records::{GrantOwned, Stage, change};

/// Records a grant in the ledger. May be repeated after a crash.
///
/// # Errors
/// When the ledger refuses it, or cannot be reached.
pub async fn record(ctx: &Context, mut owned: GrantOwned) -> Result<GrantOwned, ShareError> {
    let mut created = create(ctx, &owned).await;
    if is_no(&created, ErrorCode::BadDeal) {
        // The nodes have changed since the deal was made; no node has accepted it yet. All are
        // asked for the present ones: the one that told them for the deal may be behind.
        let descriptor = match ctx.api.newest_descriptor().await {
            Some(newest) => newest,
            None => ctx.api.descriptor().await?,
        };
        let share = Share::from_bytes(*owned.cluster_share.expose());
        owned.deal = first_deal(ctx, &owned.manifest, &share, &descriptor)?;
        ctx.vault.put(&owned.grant.to_string(), &owned)?;
        created = create(ctx, &owned).await;
    }
    if is_no(&created, ErrorCode::GrantExists) {
        // The ledger may have this grant, if an earlier answer was lost, or another live one. Only
        // nodes that lack this one, more than may lie, prove the latter.
        let found = ctx.api.grant(&owned.grant).await.map(drop);
        if !is_no(&found, ErrorCode::NotFound) {
            created = found;
        } else if is_absent(&ctx.api, &owned.grant).await {
            forget(ctx, &owned)?;
        } else {
            created = Err(ClusterError::OutcomeUnknown);
        }
    }
    if let Err(error) = created {
        let parties = [&ctx.me.name, &owned.viewer];
        created = Err(directory::believed(&ctx.api, &parties, error).await);
    }
    if is_no(&created, ErrorCode::Retired) {
        forget(ctx, &owned)?;
    }
    created?;
    advance_to(ctx, owned, Stage::Recorded, |owned| {
        owned.recorded_version = owned.recorded_version.max(1);
    })
}

fn is_no(answer: &Result<(), ClusterError>, code: ErrorCode) -> bool {
    matches!(answer, Err(error) if error.code() == Some(code))
}

/// Removes a grant that the ledger refuses, so that it does not count as one that the viewer has.
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

/// Records the viewer's receipt in the ledger.
///
/// # Errors
/// When the ledger cannot be reached.
pub async fn settle(ctx: &Context, owned: GrantOwned) -> Result<GrantOwned, ShareError> {
    let receipt = owned.receipt.clone().ok_or(ShareError::NoReceipt)?;
    let put = ctx.api.put_receipt(&owned.grant, receipt).await;
    // Then the ledger has a newer one.
    if !matches!(&put, Err(error) if error.code() == Some(ErrorCode::StaleVersion)) {
        put?;
    }
    advance_to(ctx, owned, Stage::Settled, |owned| {
        owned.acknowledged = owned.acknowledged.max(1);
    })
}

/// Stores a stage that was reached. Another process may have reached a later one meanwhile.
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
