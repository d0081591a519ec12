//! Checks that a delivery fits its request.

use cameo_common::ids::GrantId;
use cameo_common::peer::Delivery;
use cameo_common::rights::Rights;
use cameo_common::statements::Manifest;

use super::error::ReceiveError;
use crate::vault::Vault;
use crate::vault::records::{EarlierCluster, GrantHeld, Identity, Outgoing, OutgoingState};

/// Requires that a request has no other answer: one request has one grant, and a denial is final.
pub(super) fn answers(
    vault: &Vault,
    outgoing: &Outgoing,
    grant: &GrantId,
) -> Result<(), ReceiveError> {
    let held = vault.list::<GrantHeld>()?;
    let mut answer = held
        .iter()
        .map(|(_, held)| held)
        .filter(|held| held.request_id == outgoing.request)
        .peekable();
    let fits = match (&outgoing.state, answer.peek()) {
        (OutgoingState::Arrived(arrived), _) => arrived == grant,
        (_, Some(_)) => answer.any(|held| held.grant == *grant),
        (OutgoingState::Denied(_), None) => false,
        (_, None) => true,
    };
    if fits {
        Ok(())
    } else {
        Err(ReceiveError::not_accepted(
            "this request has been answered already",
        ))
    }
}

/// Requires that carrier, codec key and manifest of a known grant are unchanged.
pub(super) fn check_unchanged(held: &GrantHeld, delivery: &Delivery) -> Result<(), ReceiveError> {
    let same = held.carrier == delivery.carrier
        && *held.codec_key.expose() == delivery.codec_key
        && held.manifest == delivery.manifest;
    if same { Ok(()) } else { Err(another_carrier()) }
}

pub(super) fn another_carrier() -> ReceiveError {
    ReceiveError::not_accepted("this grant came with another carrier before")
}

/// Verifies that manifest and rights are by the owner, for this user, this request and this
/// cluster, or one from whose backup it was restored: a grant goes on there by the manifest of
/// before.
pub(super) fn fitting(
    me: &Identity,
    earlier: &[EarlierCluster],
    outgoing: &Outgoing,
    delivery: &Delivery,
) -> Result<(Manifest, Rights), ReceiveError> {
    let not_accepted = ReceiveError::not_accepted;
    let manifest = delivery
        .manifest
        .verify()
        .map_err(|_| not_accepted("the manifest is not signed"))?;
    let rights = delivery
        .rights
        .verify()
        .map_err(|_| not_accepted("the rights are not signed"))?;
    let my_key = me.identity_key().public();
    let mut clusters = earlier.iter().map(|before| before.cluster);
    let fits = manifest.owner == outgoing.owner_key
        && manifest.viewer == my_key
        && (manifest.cluster == me.cluster || clusters.any(|known| known == manifest.cluster))
        && manifest.image == outgoing.image
        && manifest.request == outgoing.signed.hash()
        && me
            .sealing_secrets()
            .any(|secret| secret.public() == manifest.viewer_sealing)
        && rights.owner == manifest.owner
        && rights.grant == manifest.grant_id();
    if fits {
        Ok((manifest, rights))
    } else {
        Err(not_accepted(
            "manifest, rights and request do not fit together",
        ))
    }
}
