//! Direct delivery to the viewer: of the carrier, and of later rights.

use std::io::ErrorKind;
use std::time::Duration;

use cameo_common::ids::UserName;
use cameo_common::peer::{Delivery, PeerReply, PeerRequest};
use cameo_common::signed::Signed;
use cameo_common::statements::{Receipt, RightsAck};

use super::error::ShareError;
use super::record::advance_to;
use crate::directory::{self, ResolvedUser};
use crate::flows::context::Context;
use crate::flows::notices::{Notice, Notices};
use crate::peer::ask::{ACK_DEADLINE, WORK_DEADLINE};
use crate::peer::{AskError, CallError, Content, PeerAddress, Peers, Source};
use crate::vault::records::{GrantOwned, Image, Stage, change};

/// Bound on a viewer's acknowledgement of rights, after which the viewer counts as offline.
pub const RIGHTS_DEADLINE: Duration = Duration::from_secs(3);

/// Sends the carrier and stores the receipt.
///
/// # Errors
/// When the viewer is offline or refuses it.
pub async fn deliver(
    ctx: &Context,
    peers: &Peers,
    notices: &Notices,
    owned: GrantOwned,
) -> Result<GrantOwned, ShareError> {
    let person = reachable(ctx, &owned.viewer).await?;
    if person.card.key != owned.viewer_key {
        return Err(ShareError::GrantKeyChanged(owned.viewer));
    }
    notices.publish(Notice::Sharing {
        request: owned.request_id,
        step: format!("sending the carrier to {}", owned.viewer),
    });
    let sent = send(ctx, peers, &person, &owned).await;
    let receipt = sent.map_err(|error| error.of(&owned.viewer))?;
    check_receipt(&owned, &receipt)?;
    advance_to(ctx, owned, Stage::Delivered, |owned| {
        owned.receipt = Some(receipt);
    })
}

/// Requires that a receipt is signed by the viewer and for this grant's carrier.
///
/// # Errors
/// When it is not.
pub fn check_receipt(owned: &GrantOwned, receipt: &Signed<Receipt>) -> Result<(), ShareError> {
    let receipt = receipt.verify()?;
    let fits = receipt.viewer == owned.viewer_key
        && receipt.grant == owned.grant
        && receipt.carrier == owned.carrier;
    if !fits {
        return Err(ShareError::BadReceipt(owned.viewer.clone()));
    }
    Ok(())
}

async fn send(
    ctx: &Context,
    peers: &Peers,
    person: &ResolvedUser,
    owned: &GrantOwned,
) -> Result<Signed<Receipt>, CallError> {
    let (address, offset) = offer(peers, person, owned).await?;
    let source = carrier(ctx, owned).await?;
    if !source.content().may_start_at(offset) {
        return Err(CallError::WrongAnswer);
    }
    let body = source.body_from(offset).await.map_err(AskError::Body)?;
    let delivery = Delivery {
        manifest: owned.manifest.clone(),
        rights: owned.rights.clone(),
        codec_key: *owned.codec_key.expose(),
        carrier: owned.carrier,
        carrier_length: owned.carrier_length,
        offset,
        request: owned.request_id,
        media_type: media_type(ctx, owned),
    };
    let request = PeerRequest::Deliver(Box::new(delivery));
    match peers.ask_at(&address, request, body, WORK_DEADLINE).await? {
        (PeerReply::Received { receipt }, _) => Ok(receipt),
        _ => Err(CallError::WrongAnswer),
    }
}

/// The kind of the photo; empty when the image is gone, which keeps no carrier back.
fn media_type(ctx: &Context, owned: &GrantOwned) -> String {
    let image = ctx.vault.get::<Image>(&owned.image.to_string());
    image
        .ok()
        .flatten()
        .map_or_else(String::new, |image| image.media_type)
}

/// The carrier, read from the file while it is sent, so that concurrent deliveries need little
/// memory.
async fn carrier(ctx: &Context, owned: &GrantOwned) -> Result<Source, CallError> {
    let unreadable = |why: String| CallError::from(AskError::Body(std::io::Error::other(why)));
    let path = ctx
        .vault
        .blob_path(GrantOwned::CARRIERS, &owned.blob())
        .map_err(|error| unreadable(error.to_string()))?;
    let source = Source::open(path)
        .await
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => unreadable("the carrier is missing from the home".into()),
            _ => AskError::Body(error).into(),
        })?;
    let Content { length, hash } = source.content();
    if length != owned.carrier_length || hash != owned.carrier.0 {
        return Err(unreadable("the carrier in the home is damaged".into()));
    }
    Ok(source)
}

/// The device that accepts the carrier, and the offset from which it needs it.
async fn offer(
    peers: &Peers,
    person: &ResolvedUser,
    owned: &GrantOwned,
) -> Result<(PeerAddress, u64), CallError> {
    let request = PeerRequest::Offer {
        request: owned.request_id,
        grant: owned.grant,
        carrier: owned.carrier,
        carrier_length: owned.carrier_length,
    };
    match peers.ask(&person.reach, request, ACK_DEADLINE).await? {
        (PeerReply::Wanted { offset }, _, address) => Ok((address, offset)),
        _ => Err(CallError::WrongAnswer),
    }
}

/// Sends the newest rights and stores the acknowledgement.
///
/// # Errors
/// When the viewer is offline or refuses them.
pub async fn send_rights(
    ctx: &Context,
    peers: &Peers,
    owned: &GrantOwned,
) -> Result<Signed<RightsAck>, ShareError> {
    let person = reachable(ctx, &owned.viewer).await?;
    let request = PeerRequest::Rights {
        rights: owned.rights.clone(),
    };
    let viewer = &owned.viewer;
    let asked = peers.ask(&person.reach, request, RIGHTS_DEADLINE).await;
    let ack = match asked.map_err(|error| error.of(viewer))? {
        (PeerReply::RightsTaken { ack }, _, _) => ack,
        _ => return Err(CallError::WrongAnswer.of(viewer).into()),
    };
    let statement = ack.verify()?;
    let fits = statement.viewer == owned.viewer_key
        && statement.grant == owned.grant
        && statement.version >= owned.version;
    if !fits {
        return Err(CallError::WrongAnswer.of(viewer).into());
    }
    change::<GrantOwned>(&ctx.vault, &owned.grant.to_string(), |kept| {
        kept.acknowledged = kept.acknowledged.max(statement.version);
    })?;
    Ok(ack)
}

/// Looks up a user who is not retired, and not known to be offline.
async fn reachable(ctx: &Context, name: &UserName) -> Result<ResolvedUser, ShareError> {
    let person = directory::look_up_active(&ctx.api, &ctx.vault, name).await?;
    if person.online == Some(false) || person.reach.is_empty() {
        return Err(ShareError::ViewerOffline(name.clone()));
    }
    Ok(person)
}
