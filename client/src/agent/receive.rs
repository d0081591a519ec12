//! A carrier comes in: only what was asked for, only from whom it was asked, and signed for only
//! after it was read.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use cameo_codec::limits::MAX_CARRIER_BYTES;
use cameo_common::ids::{GrantId, Hash, RequestId};
use cameo_common::peer::{Delivery, PeerRefusal, PeerUser};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Manifest, Receipt};

use super::serve::Refusal;
use super::{Core, inbox};
use crate::cli::exit::Failure;
use crate::clock;
use crate::flows::notices::Notice;
use crate::flows::open;
use crate::peer::{Content, Partial, ReceivedBody, TransferError};
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState, Secret, change};

/// Carriers that are on their way at the same time, those whose sender has gone included.
pub(super) const MAX_PARTS: usize = 32;

/// How much of an offered carrier is here already.
pub(super) async fn wanted(
    core: &Core,
    from: &PeerUser,
    request: &RequestId,
    grant: &GrantId,
    content: Content,
) -> Result<u64, Refusal> {
    let outgoing = asked_for(core, from, request)?;
    answers(core, &outgoing, grant)?;
    if let Some(held) = core.ctx.vault.get::<GrantHeld>(&grant.to_string())? {
        if held.carrier.0 != content.hash {
            return Err(another_carrier());
        }
        if inbox::has_carrier(&core.ctx.vault, &held).await? {
            return Ok(content.length);
        }
    }
    Ok(partial(core, content)?.offset())
}

fn partial(core: &Core, content: Content) -> Result<Partial, Refusal> {
    let parts = core.ctx.vault.home().parts()?;
    let room = make_room(&parts, content).map_err(|error| Refusal::failed(error.to_string()))?;
    if !room {
        return Err(Refusal::new(
            PeerRefusal::TooMany,
            "too many carriers are on their way here; try again later",
        ));
    }
    Partial::open(&parts, content, MAX_CARRIER_BYTES as u64).map_err(|error| match error {
        TransferError::Oversized { .. } => Refusal::not_accepted(error.to_string()),
        error => Refusal::failed(error.to_string()),
    })
}

/// Offers must not fill the disk: the oldest parts that nobody is at go. False when all are busy.
fn make_room(parts: &Path, content: Content) -> io::Result<bool> {
    let own = format!("{}.part", blake3::Hash::from(content.hash).to_hex());
    let mut others = Vec::new();
    for entry in fs::read_dir(parts)? {
        let entry = entry?;
        // Earlier versions kept their locks here too.
        let is_part = entry.path().extension().is_some_and(|what| what == "part");
        if is_part && entry.file_name() != *own {
            others.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    others.sort();
    let mut excess = (others.len() + 1).saturating_sub(MAX_PARTS);
    for (_, path) in others {
        if excess == 0 {
            break;
        }
        let file = File::open(&path)?;
        if file.try_lock().is_ok() {
            fs::remove_file(&path)?;
            excess -= 1;
        }
    }
    Ok(excess == 0)
}

/// One wish is answered by one grant: no other takes its place later, and a no stays a no.
fn answers(core: &Core, outgoing: &Outgoing, grant: &GrantId) -> Result<(), Refusal> {
    let held = core.ctx.vault.list::<GrantHeld>()?;
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
        Err(Refusal::not_accepted(
            "this request has been answered already".into(),
        ))
    }
}

/// What was signed for stays as it is: the same carrier, the same key to it, the same manifest.
fn unchanged(held: &GrantHeld, delivery: &Delivery) -> Result<(), Refusal> {
    let same = held.carrier == delivery.carrier
        && *held.codec_key.expose() == delivery.codec_key
        && held.manifest == delivery.manifest;
    if same { Ok(()) } else { Err(another_carrier()) }
}

fn another_carrier() -> Refusal {
    Refusal::not_accepted("this grant came with another carrier before".into())
}

/// The wish of ours that this answers.
fn asked_for(core: &Core, from: &PeerUser, request: &RequestId) -> Result<Outgoing, Refusal> {
    core.ctx
        .vault
        .get::<Outgoing>(&request.to_string())?
        .filter(|outgoing| outgoing.owner_key == from.card.key)
        .ok_or_else(|| Refusal::not_accepted("nobody here has asked for this".into()))
}

/// Takes a carrier, checks it, keeps the grant, signs for it.
pub(super) async fn take(
    core: &Core,
    from: &PeerUser,
    delivery: &Delivery,
    body: Option<ReceivedBody>,
) -> Result<Signed<Receipt>, Refusal> {
    let outgoing = asked_for(core, from, &delivery.request)?;
    let (manifest, rights) = fitting(core, &outgoing, delivery)?;
    let grant = manifest.grant_id();
    let content = Content {
        length: delivery.carrier_length,
        hash: delivery.carrier.0,
    };
    answers(core, &outgoing, &grant)?;
    let known = core.ctx.vault.get::<GrantHeld>(&grant.to_string())?;
    let whole = match &known {
        Some(held) => {
            unchanged(held, delivery)?;
            inbox::take(&core.ctx.vault, &grant, &delivery.rights)?;
            inbox::has_carrier(&core.ctx.vault, held).await?
        }
        None => false,
    };
    if !whole {
        receive(core, &outgoing, grant, content, body).await?;
    }
    let held = GrantHeld {
        grant,
        image: manifest.image,
        owner: from.name.clone(),
        owner_key: manifest.owner,
        request_id: delivery.request,
        title: outgoing.title.clone(),
        manifest: delivery.manifest.clone(),
        codec_key: Secret::new(delivery.codec_key),
        carrier: delivery.carrier,
        rights: delivery.rights.clone(),
        version: rights.version,
        confirmed: 0,
        acknowledged: 0,
        used: 0,
        received: clock::now(),
    };
    if known.is_none() {
        let checked = open::prepare(&core.ctx.vault, &core.ctx.me, held.clone()).await;
        if let Err(error) = checked {
            let blob = held.blob();
            core.ctx.vault.delete_blob(GrantHeld::CARRIERS, &blob)?;
            // What only this home has no room or time for may be sent again.
            return Err(match error.code {
                "bad_carrier" | "statement" | "denied" => Refusal::not_accepted(error.message),
                _ => error.into(),
            });
        }
        keep(core, held)?;
    }
    arrived(core, &delivery.request, grant)?;
    core.wake.notify_one();
    Ok(receipt(core, grant, delivery.carrier))
}

/// Manifest and rights are the owner's, for us, for this wish and for this cluster.
fn fitting(
    core: &Core,
    outgoing: &Outgoing,
    delivery: &Delivery,
) -> Result<(Manifest, Rights), Refusal> {
    let not_accepted = |why: &str| Refusal::not_accepted(why.to_owned());
    let manifest = delivery
        .manifest
        .verify()
        .map_err(|_| not_accepted("the manifest is not signed"))?;
    let rights = delivery
        .rights
        .verify()
        .map_err(|_| not_accepted("the rights are not signed"))?;
    let me = &core.ctx.me;
    let my_key = me.identity_key().public();
    let fits = manifest.owner == outgoing.owner_key
        && manifest.viewer == my_key
        && manifest.cluster == me.cluster
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
            "manifest, rights and request do not belong together",
        ))
    }
}

async fn receive(
    core: &Core,
    outgoing: &Outgoing,
    grant: GrantId,
    content: Content,
    body: Option<ReceivedBody>,
) -> Result<(), Refusal> {
    let failed = |error: TransferError| Refusal::failed(error.to_string());
    let mut partial = partial(core, content)?;
    if let Some(body) = body {
        let tell = |received| {
            core.notices.tell(Notice::Arriving {
                request: outgoing.request,
                received,
                length: content.length,
            });
        };
        partial.receive(body, tell).await.map_err(failed)?;
    }
    let target = core
        .ctx
        .vault
        .blob_path(GrantHeld::CARRIERS, &format!("{grant}.png"))?;
    partial.finish(target).await.map_err(failed)
}

/// Rights may have come before the carrier did: the newest stay.
fn keep(core: &Core, held: GrantHeld) -> Result<(), Failure> {
    let id = held.grant.to_string();
    core.ctx
        .vault
        .update::<GrantHeld, Failure>(&id, |found| Ok(Some(found.unwrap_or(held))))?;
    Ok(())
}

fn arrived(core: &Core, request: &RequestId, grant: GrantId) -> Result<(), Failure> {
    change::<Outgoing>(&core.ctx.vault, &request.to_string(), |outgoing| {
        outgoing.state = OutgoingState::Arrived(grant);
    })?;
    core.notices.tell(Notice::Arrived {
        request: *request,
        grant,
    });
    Ok(())
}

fn receipt(core: &Core, grant: GrantId, carrier: Hash) -> Signed<Receipt> {
    let key = core.ctx.me.identity_key();
    Signed::new(
        &key,
        Receipt {
            viewer: key.public(),
            grant,
            carrier,
            received_at: clock::now(),
        },
    )
}
