//! Sending of requests to owners.

use cameo_common::peer::{AskOutcome, PeerRefusal, PeerReply, PeerRequest};

use super::error::RequestError;
use crate::directory::{self, DirectoryError};
use crate::flows::context::Context;
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::serve::REQUESTS_PER_DEVICE;
use crate::peer::{CallError, Peers};
use crate::text::prefix::short;
use crate::vault::records::{Outgoing, OutgoingState, change};
use crate::vault::{Vault, VaultError};

/// Requests that are sent concurrently: fewer than an owner's agent accepts from one device.
pub const CONCURRENT_OUTGOING: usize = 4;
const _: () = assert!(CONCURRENT_OUTGOING < REQUESTS_PER_DEVICE);

/// This user's unanswered requests.
///
/// # Errors
/// When the vault cannot be read.
pub fn open_requests(vault: &Vault) -> Result<Vec<Outgoing>, VaultError> {
    let all = vault.list::<Outgoing>()?;
    Ok(all
        .into_iter()
        .map(|(_, outgoing)| outgoing)
        .filter(|outgoing| !outgoing.state.is_answered())
        .collect())
}

/// Sends a request to the owner and stores the answer. May be repeated.
///
/// # Errors
/// When the owner refuses it or does not answer.
pub async fn ask(
    ctx: &Context,
    peers: &Peers,
    outgoing: &Outgoing,
) -> Result<AskOutcome, RequestError> {
    let found = directory::look_up_active(&ctx.api, &ctx.vault, &outgoing.owner).await;
    if let Err(error @ DirectoryError::Retired(_)) = &found {
        end(ctx, outgoing, error)?;
    }
    let person = found?;
    let request = PeerRequest::Ask {
        request: outgoing.signed.clone(),
        note: outgoing.note.clone(),
    };
    let asked = match peers.ask(&person.reach, request, ACK_DEADLINE).await {
        Ok((PeerReply::Asked(outcome), _, _)) => Ok(outcome),
        Ok(_) => Err(CallError::WrongAnswer),
        Err(error) => Err(error),
    };
    store_answer(&ctx.vault, outgoing, &asked)?;
    Ok(asked.map_err(|error| error.of(&outgoing.owner))?)
}

/// Stores an owner's answer to a request. A denial ends it, so that it is not repeated for ever.
///
/// # Errors
/// When the vault cannot be written.
pub fn store_answer(
    vault: &Vault,
    outgoing: &Outgoing,
    asked: &Result<AskOutcome, CallError>,
) -> Result<(), VaultError> {
    let state = match asked {
        Ok(AskOutcome::Waiting) => OutgoingState::Waiting,
        Ok(AskOutcome::Preparing) => OutgoingState::Preparing,
        Ok(AskOutcome::Held(grant)) => OutgoingState::Denied(format!(
            "another request for this image was granted already ({}); look on your other device, \
             or ask {} to revoke it",
            short(grant),
            outgoing.owner
        )),
        Err(CallError::Refused {
            code: PeerRefusal::Closed | PeerRefusal::NoSuchImage,
            message,
        }) => OutgoingState::Denied(message.clone()),
        Err(_) => return Ok(()),
    };
    change::<Outgoing>(vault, &outgoing.request.to_string(), |kept| {
        if !kept.state.is_answered() {
            kept.state = state;
        }
    })?;
    Ok(())
}

/// Stores that a request is refused, because its owner is retired.
pub(super) fn end(
    ctx: &Context,
    outgoing: &Outgoing,
    why: &DirectoryError,
) -> Result<(), VaultError> {
    change::<Outgoing>(&ctx.vault, &outgoing.request.to_string(), |kept| {
        if !kept.state.is_answered() {
            kept.state = OutgoingState::Denied(why.to_string());
        }
    })?;
    Ok(())
}
