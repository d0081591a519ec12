//! From a carrier to the photo: everything that can fail without a charge is done before the charge.
//!
//! `prepare` reads the carrier, checks it against the owner's manifest and opens the viewer's own
//! share. `charge` keeps the one-time secret, then debits: the same request id until the photo has
//! been shown. `parts` collects from t nodes, drops liars and asks others.

mod parts;
mod prepare;

use cameo_common::api::{Debited, ErrorCode};
use cameo_common::ids::Millis;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{Opened, combine, open_photo};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, ViewRequest};

use crate::clock;
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::exit::Failure;
use crate::vault::Vault;
use crate::vault::records::{GrantHeld, Identity, PendingView, Secret, change};

pub use prepare::{Prepared, prepare, prepare_from};

/// A photo that was opened, and what it cost.
#[derive(Debug)]
pub struct Viewed {
    pub photo: Opened,
    pub number: u32,
    pub used: u32,
    pub left: u32,
    /// Whether a view that had been charged before was taken up again.
    pub resumed: bool,
}

/// The view of this grant that was begun and not shown, if there is one.
///
/// # Errors
/// When the vault cannot be read.
pub fn pending(vault: &Vault, grant: &GrantHeld) -> Result<Option<PendingView>, Failure> {
    Ok(vault.get::<PendingView>(&grant.grant.to_string())?)
}

/// Charges one view, or takes up the one that was begun, and opens the photo. Call [`shown`] once
/// the person has it.
///
/// # Errors
/// Exit 4 when the rights are revoked or have expired, 5 when no view is left, 7 without a quorum.
pub async fn open(
    vault: &Vault,
    api: &ClusterApi,
    me: &Identity,
    prepared: &Prepared,
) -> Result<Viewed, Failure> {
    let grant = &prepared.grant;
    let begun = pending(vault, grant)?;
    let resumed = begun.is_some();
    let view = match begun {
        Some(view) => view,
        None => begin(vault, me, grant)?,
    };
    let debited = charge(vault, api, &view).await?;
    keep_count(vault, grant, debited.used)?;
    let deal = checked_deal(grant, &debited.deal)?;
    let secret = SealingSecret::from_bytes(*view.one_time.expose());
    let collected = parts::collect(api, &view, debited.index, &deal, &secret).await;
    if let Err(error) = &collected
        && error.code() == Some(ErrorCode::NotDebited)
    {
        vault.delete::<PendingView>(&grant.grant.to_string())?;
        return Err(Failure::other(
            "view_lapsed",
            format!(
                "view {} was charged but not shown in time, and cannot be taken up any more; run `cameo view` again to use another one",
                debited.number
            ),
        ));
    }
    let share = combine(&deal, &collected?)?;
    let commitment = prepared.manifest.key_commitment;
    let photo = open_photo(
        &grant.grant,
        &prepared.payload,
        &commitment,
        &prepared.viewer_share,
        &share,
    )?;
    Ok(Viewed {
        photo,
        number: debited.number,
        used: debited.used,
        left: debited.left,
        resumed,
    })
}

/// The person has the photo: the next view is a new one.
///
/// # Errors
/// When the vault cannot be written.
pub fn shown(vault: &Vault, grant: &GrantHeld) -> Result<(), Failure> {
    vault.delete::<PendingView>(&grant.grant.to_string())?;
    Ok(())
}

/// On disk before anything is asked.
fn begin(vault: &Vault, me: &Identity, grant: &GrantHeld) -> Result<PendingView, Failure> {
    let one_time = Secret::new(clock::random());
    let request = clock::request_id();
    let device = me.device_key();
    let signed = Signed::new(
        &device,
        ViewRequest {
            device: device.public(),
            cluster: me.cluster,
            grant: grant.grant,
            request,
            one_time: SealingSecret::from_bytes(*one_time.expose()).public(),
        },
    );
    let begun: Millis = clock::now();
    let view = PendingView {
        grant: grant.grant,
        request,
        signed,
        one_time,
        begun,
    };
    vault.put(&grant.grant.to_string(), &view)?;
    Ok(view)
}

/// Debits the view. A definite no ends it; anything else leaves it to be taken up again.
async fn charge(vault: &Vault, api: &ClusterApi, view: &PendingView) -> Result<Debited, Failure> {
    match api.debit(&view.grant, view.signed.clone()).await {
        Ok(debited) => Ok(debited),
        Err(error) => {
            if let ClusterError::Api(no) = &error
                && is_definite(no.code)
            {
                vault.delete::<PendingView>(&view.grant.to_string())?;
            }
            Err(error.into())
        }
    }
}

/// Whether the ledger has said that this view is not and will not be charged.
fn is_definite(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Revoked
            | ErrorCode::Expired
            | ErrorCode::UsedUp
            | ErrorCode::NotFound
            | ErrorCode::Forbidden
            | ErrorCode::RequestReused
            | ErrorCode::Mismatch
    )
}

fn keep_count(vault: &Vault, grant: &GrantHeld, used: u32) -> Result<(), Failure> {
    change::<GrantHeld>(vault, &grant.grant.to_string(), |kept| {
        kept.used = kept.used.max(used);
    })?;
    Ok(())
}

/// A deal is the owner's word; a node's alone counts for nothing.
fn checked_deal(grant: &GrantHeld, signed: &Signed<Deal>) -> Result<Deal, Failure> {
    let deal = signed.verify()?;
    let manifest = grant.manifest.peek()?;
    let belongs = deal.owner == grant.owner_key
        && deal.viewer == manifest.viewer
        && deal.cluster == manifest.cluster
        && deal.grant == grant.grant;
    if belongs {
        return Ok(deal);
    }
    Err(Failure::other(
        "bad_deal",
        "the cluster answered with a deal of another grant: nothing is lost; run it again, and have the nodes looked at",
    ))
}

#[cfg(test)]
mod tests;
