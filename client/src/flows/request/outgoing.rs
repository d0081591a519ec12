//! The records of this user's requests: at most one open request for an image.

use cameo_common::ids::{GrantId, ImageId, RequestId};
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;

use super::ask::open_requests;
use super::error::RequestError;
use crate::clock;
use crate::directory::ResolvedUser;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::vault::VaultError;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState, change};

/// Handles a request that could not be sent: removes it if it can never be granted, keeps it if the
/// owner is offline.
pub fn not_sent(
    ctx: &Context,
    person: &ResolvedUser,
    outgoing: &Outgoing,
    error: RequestError,
) -> RequestError {
    let kind = error.kind();
    if kind.is_absence() || kind.is_denial() {
        forget(ctx, outgoing);
    }
    if kind == ErrorKind::PeerOffline {
        return RequestError::OwnerOffline {
            owner: person.name.clone(),
            request: outgoing.request,
        };
    }
    error
}

/// The newest live grant of this image, whether or not its carrier is complete.
///
/// # Errors
/// When the vault cannot be read.
pub fn held(
    ctx: &Context,
    person: &ResolvedUser,
    image: &ImageId,
) -> Result<Option<GrantHeld>, RequestError> {
    let now = ctx.api.cluster_now();
    let mut newest: Option<GrantHeld> = None;
    for (_, held) in ctx.vault.list::<GrantHeld>()? {
        let rights = held.rights.unverified()?;
        let live = !rights.revoked && rights.expires.is_none_or(|expires| now < expires);
        let same = held.owner_key == person.card.key && held.image == *image;
        let newer = newest
            .as_ref()
            .is_none_or(|newest| newest.received < held.received);
        if same && live && newer {
            newest = Some(held);
        }
    }
    Ok(newest)
}

/// Opens the request of a grant again, so that its lost carrier is sent again.
///
/// # Errors
/// When the request is not in the home any more.
pub fn reopen(ctx: &Context, held: &GrantHeld) -> Result<Outgoing, RequestError> {
    let kept = change::<Outgoing>(&ctx.vault, &held.request_id.to_string(), |outgoing| {
        outgoing.state = OutgoingState::Signed;
    })?;
    kept.ok_or_else(|| RequestError::RequestLost {
        owner: held.owner.clone(),
        grant: held.grant,
    })
}

/// Removes a request that was refused, or restores its state if it was granted before.
fn forget(ctx: &Context, outgoing: &Outgoing) {
    let request = outgoing.request;
    let forgotten = find_grant(ctx, &request).and_then(|grant| {
        let id = request.to_string();
        match grant {
            Some(grant) => change::<Outgoing>(&ctx.vault, &id, |outgoing| {
                outgoing.state = OutgoingState::Arrived(grant);
            })
            .map(drop),
            None => ctx.vault.delete::<Outgoing>(&id).map(drop),
        }
    });
    if let Err(error) = forgotten {
        tracing::warn!(%request, %error, "a refused request could not be removed");
    }
}

/// The grant of a request, if any.
fn find_grant(ctx: &Context, request: &RequestId) -> Result<Option<GrantId>, VaultError> {
    let all = ctx.vault.list::<GrantHeld>()?;
    let mut held = all.into_iter().map(|(_, held)| held);
    Ok(held
        .find(|held| held.request_id == *request)
        .map(|held| held.grant))
}

/// Handles an answer that names a grant which this home does not have.
pub fn held_elsewhere(
    ctx: &Context,
    person: &ResolvedUser,
    outgoing: &Outgoing,
    grant: GrantId,
) -> RequestError {
    forget(ctx, outgoing);
    RequestError::HeldElsewhere {
        owner: person.name.clone(),
        grant,
    }
}

/// The open request for an image, or a new one.
///
/// # Errors
/// When the vault cannot be used.
pub fn request(
    ctx: &Context,
    person: &ResolvedUser,
    image: ImageId,
    title: String,
    note: &str,
) -> Result<Outgoing, RequestError> {
    for outgoing in open_requests(&ctx.vault)? {
        let same = outgoing.image == image && outgoing.owner_key == person.card.key;
        // A request whose grant has ended cannot get another grant.
        if same && find_grant(ctx, &outgoing.request)?.is_none() {
            return Ok(outgoing);
        }
    }
    let key = ctx.me.identity_key();
    let request = clock::request_id();
    let signed = Signed::new(
        &key,
        PhotoRequest {
            viewer: key.public(),
            owner: person.card.key,
            image,
            request,
            asked_at: clock::now(),
        },
    );
    let outgoing = Outgoing {
        request,
        owner: person.name.clone(),
        owner_key: person.card.key,
        image,
        title,
        signed,
        note: note.to_owned(),
        asked_at: clock::now(),
        state: OutgoingState::Signed,
    };
    ctx.vault.put(&request.to_string(), &outgoing)?;
    Ok(outgoing)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cameo_common::ids::{Hash, Millis};

    use super::*;
    use crate::agent::tests::{IMAGE, ME, OTHER, World, alone, key, rights, somebody};
    use crate::flows::receive::has_carrier;
    use crate::vault::records::Secret;

    const CARRIER: &[u8] = b"a carrier";

    /// A home with a request and its grant.
    fn given() -> (World, GrantHeld) {
        let world = alone();
        let ctx = &world.core.ctx;
        let outgoing = request(ctx, &somebody("ada"), IMAGE, String::new(), "").unwrap();
        let grant = GrantId([21; 32]);
        let held = GrantHeld {
            grant,
            image: IMAGE,
            owner: "ada".parse().unwrap(),
            owner_key: key(OTHER).public(),
            request_id: outgoing.request,
            title: String::new(),
            manifest: Signed::from_bytes(vec![1]),
            codec_key: Secret::new([4; 32]),
            carrier: Hash::of(CARRIER),
            rights: rights(OTHER, grant, 1),
            version: 1,
            confirmed: 1,
            acknowledged: 1,
            used: 0,
            received: Millis(1),
            media_type: None,
        };
        ctx.vault.put(&grant.to_string(), &held).unwrap();
        ctx.vault
            .put_blob(GrantHeld::CARRIERS, &held.blob(), CARRIER)
            .unwrap();
        forget(ctx, &outgoing);
        (world, held)
    }

    #[tokio::test]
    async fn an_altered_or_missing_carrier_is_detected() {
        let (world, held) = given();
        let vault = world.vault();
        assert!(has_carrier(vault, &held).await.unwrap());
        vault
            .put_blob(GrantHeld::CARRIERS, &held.blob(), b"A carrier")
            .unwrap();
        assert!(!has_carrier(vault, &held).await.unwrap());
        vault
            .delete_blob(GrantHeld::CARRIERS, &held.blob())
            .unwrap();
        assert!(!has_carrier(vault, &held).await.unwrap());
    }

    #[tokio::test]
    async fn a_lost_carrier_is_requested_by_the_original_request() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        ctx.vault
            .delete_blob(GrantHeld::CARRIERS, &grant.blob())
            .unwrap();
        let found = held(ctx, &somebody("ada"), &IMAGE).unwrap().unwrap();
        let again = reopen(ctx, &found).unwrap();
        assert_eq!(again.request, grant.request_id);
        assert_eq!(again.signed.verify().unwrap().viewer, key(ME).public());
        // It is open until the carrier arrives: the agent repeats it.
        assert_eq!(world.outgoing(again.request).state, OutgoingState::Signed);
    }

    #[tokio::test]
    async fn a_denial_of_a_repeated_request_keeps_the_request_of_the_grant() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        let again = reopen(ctx, &grant).unwrap();
        let _ = held_elsewhere(ctx, &somebody("ada"), &again, GrantId([8; 32]));
        let kept = world.outgoing(grant.request_id);
        assert_eq!(kept.state, OutgoingState::Arrived(grant.grant));
    }

    #[tokio::test]
    async fn a_granted_request_is_not_reused_for_another_grant() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        reopen(ctx, &grant).unwrap();
        let new = request(ctx, &somebody("ada"), IMAGE, String::new(), "").unwrap();
        assert_ne!(new.request, grant.request_id);
        let same = request(ctx, &somebody("ada"), IMAGE, String::new(), "").unwrap();
        assert_eq!(same.request, new.request);
    }
}
