//! The owner's statements of a grant, and its record.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{GrantId, Hash, Millis};
use cameo_common::rights::Rights;
use cameo_common::sealing::{Dealing, Share, deal};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest, PhotoRequest};

use super::error::ShareError;
use super::place::Hidden;
use super::seal::Sealed;
use crate::clock;
use crate::flows::context::Context;
use crate::vault::records::{GrantOwned, Incoming, RequestSubject, Secret, Stage, Terms};

pub(super) fn assemble(
    ctx: &Context,
    cluster_now: Millis,
    incoming: &Incoming,
    terms: Terms,
    sealed: &Sealed,
    hidden: &Hidden,
    descriptor: &Descriptor,
) -> Result<GrantOwned, ShareError> {
    let RequestSubject::Photo(request) = &incoming.asked else {
        return Err(ShareError::NotAPhoto);
    };
    let key = ctx.me.identity_key();
    let manifest = manifest(ctx, incoming, request, sealed);
    assert_eq!(manifest.grant_id(), sealed.grant, "sealed for this grant");
    let expires = terms
        .expires_after_ms
        .map(|after| cluster_now.plus_millis(after));
    let rights = first_rights(ctx, sealed.grant, terms, expires);
    let manifest = Signed::new(&key, manifest);
    let share = &sealed.photo.cluster_share;
    Ok(GrantOwned {
        grant: sealed.grant,
        image: incoming.image,
        viewer: incoming.viewer.clone(),
        viewer_key: incoming.viewer_key,
        request: request.clone(),
        request_id: incoming.request,
        deal: first_deal(ctx, &manifest, share, descriptor)?,
        manifest,
        cluster_share: Secret::new(*share.expose()),
        rights: Signed::new(&key, rights),
        version: 1,
        recorded_version: 0,
        acknowledged: 0,
        revoked: false,
        expires,
        codec_key: sealed.codec_key.clone(),
        carrier: Hash::of(&hidden.png),
        carrier_length: hidden.png.len() as u64,
        worker: hidden.worker,
        leader: hidden.leader,
        stage: Stage::CarrierReady,
        receipt: None,
        created: clock::now(),
    })
}

fn manifest(
    ctx: &Context,
    incoming: &Incoming,
    request: &Signed<PhotoRequest>,
    sealed: &Sealed,
) -> Manifest {
    Manifest {
        owner: ctx.me.identity_key().public(),
        owner_name: ctx.me.name.clone(),
        viewer: incoming.viewer_key,
        viewer_name: incoming.viewer.clone(),
        viewer_sealing: sealed.viewer_sealing,
        cluster: ctx.me.cluster,
        image: incoming.image,
        nonce: sealed.nonce,
        request: request.hash(),
        payload: sealed.photo.payload_hash,
        payload_length: sealed.photo.payload.len() as u64,
        key_commitment: sealed.photo.key_commitment,
    }
}

/// The rights by the terms of the approval, as version 1.
fn first_rights(ctx: &Context, grant: GrantId, terms: Terms, expires: Option<Millis>) -> Rights {
    Rights {
        owner: ctx.me.identity_key().public(),
        grant,
        version: 1,
        permitted: terms.views,
        expires,
        revoked: false,
        may_save: terms.may_save,
        offline: 0,
    }
}

/// Deals the cluster share to the nodes of a descriptor, as deal number 1 of the grant.
pub(super) fn first_deal(
    ctx: &Context,
    manifest: &Signed<Manifest>,
    share: &Share,
    descriptor: &Descriptor,
) -> Result<Signed<Deal>, ShareError> {
    signed_deal(ctx, manifest, share, descriptor, 1, FirstFloor::NEW)
}

/// Deals the cluster share of a grant to the nodes of a descriptor, under this number.
///
/// # Errors
/// When the manifest cannot be read, or the descriptor has no nodes or too many.
pub fn signed_deal(
    ctx: &Context,
    manifest: &Signed<Manifest>,
    share: &Share,
    descriptor: &Descriptor,
    number: u64,
    first_floor: FirstFloor,
) -> Result<Signed<Deal>, ShareError> {
    let manifest = manifest.unverified()?;
    let dealing = Dealing {
        // That of the manifest, unless this one was restored from its backup.
        cluster: ctx.me.cluster,
        grant: manifest.grant_id(),
        owner: manifest.owner,
        viewer: manifest.viewer,
        number,
        first_floor,
    };
    let dealt = deal(&mut clock::rng(), &dealing, share, descriptor)?;
    Ok(Signed::new(&ctx.me.identity_key(), dealt))
}
