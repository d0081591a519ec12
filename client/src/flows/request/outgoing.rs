//! The records of this user's requests: one for each image, the same however often it is asked.

use cameo_common::ids::{GrantId, ImageId, RequestId};
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;

use super::ask::open_requests;
use super::error::RequestError;
use crate::clock;
use crate::directory::Person;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::vault::VaultError;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState, change};

/// What can never come is forgotten; what an absent owner has not heard is asked again.
pub fn unasked(
    ctx: &Context,
    person: &Person,
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

/// The newest live grant of this image, whether or not its carrier is whole.
///
/// # Errors
/// When the vault cannot be read.
pub fn held(
    ctx: &Context,
    person: &Person,
    image: &ImageId,
) -> Result<Option<GrantHeld>, RequestError> {
    let now = clock::now();
    let mut newest: Option<GrantHeld> = None;
    for (_, held) in ctx.vault.list::<GrantHeld>()? {
        let rights = held.rights.peek()?;
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

/// The request that a grant came of: asked again, it has the lost carrier sent again.
///
/// # Errors
/// When the request is not in the home any more.
pub fn once_more(ctx: &Context, held: &GrantHeld) -> Result<Outgoing, RequestError> {
    let kept = change::<Outgoing>(&ctx.vault, &held.request_id.to_string(), |outgoing| {
        outgoing.state = OutgoingState::Signed;
    })?;
    kept.ok_or_else(|| RequestError::RequestLost {
        owner: held.owner.clone(),
        grant: held.grant,
    })
}

/// A request that came to nothing: gone, unless a grant came of it before.
fn forget(ctx: &Context, outgoing: &Outgoing) {
    let request = outgoing.request;
    let forgotten = granted(ctx, &request).and_then(|grant| {
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
        tracing::warn!(%request, %error, "the request stays as it was");
    }
}

/// The grant that came of a request.
fn granted(ctx: &Context, request: &RequestId) -> Result<Option<GrantId>, VaultError> {
    let all = ctx.vault.list::<GrantHeld>()?;
    let mut held = all.into_iter().map(|(_, held)| held);
    Ok(held
        .find(|held| held.request_id == *request)
        .map(|held| held.grant))
}

/// The owner holds a grant that this home knows nothing of.
pub fn held_elsewhere(
    ctx: &Context,
    person: &Person,
    outgoing: &Outgoing,
    grant: GrantId,
) -> RequestError {
    forget(ctx, outgoing);
    RequestError::HeldElsewhere {
        owner: person.name.clone(),
        grant,
    }
}

/// The request for an image, signed when there is none yet.
///
/// # Errors
/// When the vault cannot be used.
pub fn request(
    ctx: &Context,
    person: &Person,
    image: ImageId,
    title: String,
    note: &str,
) -> Result<Outgoing, RequestError> {
    for outgoing in open_requests(&ctx.vault)? {
        let same = outgoing.image == image && outgoing.owner_key == person.card.key;
        // One that a grant came of, which has ended since, is no way to another.
        if same && granted(ctx, &outgoing.request)?.is_none() {
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

    /// A home that asked once, and was given a grant.
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
        };
        ctx.vault.put(&grant.to_string(), &held).unwrap();
        ctx.vault
            .put_blob(GrantHeld::CARRIERS, &held.blob(), CARRIER)
            .unwrap();
        forget(ctx, &outgoing);
        (world, held)
    }

    #[tokio::test]
    async fn a_carrier_is_here_only_while_it_is_the_one_that_came() {
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
    async fn a_lost_carrier_is_asked_for_by_the_request_that_it_came_of() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        ctx.vault
            .delete_blob(GrantHeld::CARRIERS, &grant.blob())
            .unwrap();
        let found = held(ctx, &somebody("ada"), &IMAGE).unwrap().unwrap();
        let again = once_more(ctx, &found).unwrap();
        assert_eq!(again.request, grant.request_id);
        assert_eq!(again.signed.verify().unwrap().viewer, key(ME).public());
        // It is open until the carrier is here: the agent asks again by itself.
        assert_eq!(world.outgoing(again.request).state, OutgoingState::Signed);
    }

    #[tokio::test]
    async fn a_denial_of_asking_again_leaves_the_grant_its_request() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        let again = once_more(ctx, &grant).unwrap();
        let _ = held_elsewhere(ctx, &somebody("ada"), &again, GrantId([8; 32]));
        let kept = world.outgoing(grant.request_id);
        assert_eq!(kept.state, OutgoingState::Arrived(grant.grant));
    }

    #[tokio::test]
    async fn a_request_that_a_grant_came_of_is_no_way_to_another() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        once_more(ctx, &grant).unwrap();
        let new = request(ctx, &somebody("ada"), IMAGE, String::new(), "").unwrap();
        assert_ne!(new.request, grant.request_id);
        let same = request(ctx, &somebody("ada"), IMAGE, String::new(), "").unwrap();
        assert_eq!(same.request, new.request);
    }
}
