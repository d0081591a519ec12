//! Asking an owner for an image.

use cameo_common::peer::{AskOutcome, PeerRefusal, PeerReply, PeerRequest};

use super::error::RequestError;
use crate::directory;
use crate::flows::context::Context;
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::serve::REQUESTS_PER_DEVICE;
use crate::peer::{Peers, TalkError};
use crate::text::prefix::short;
use crate::vault::records::{Outgoing, OutgoingState, change};
use crate::vault::{Vault, VaultError};

/// Requests that are sent at one time: fewer than an owner's agent takes from one device.
pub const ASKED_AT_ONCE: usize = 4;
const _: () = assert!(ASKED_AT_ONCE < REQUESTS_PER_DEVICE);

/// Requests of this user that no answer has come to.
///
/// # Errors
/// When the vault cannot be read.
pub fn open_requests(vault: &Vault) -> Result<Vec<Outgoing>, VaultError> {
    let all = vault.list::<Outgoing>()?;
    Ok(all
        .into_iter()
        .map(|(_, outgoing)| outgoing)
        .filter(|outgoing| !outgoing.state.is_over())
        .collect())
}

/// Asks an owner for an image; the same request however often. Keeps what the owner says.
///
/// # Errors
/// By the owner's answer, or when there is none.
pub async fn ask(
    ctx: &Context,
    peers: &Peers,
    outgoing: &Outgoing,
) -> Result<AskOutcome, RequestError> {
    let person = directory::look_up(&ctx.api, &ctx.vault, &outgoing.owner).await?;
    let request = PeerRequest::Ask {
        request: outgoing.signed.clone(),
        note: outgoing.note.clone(),
    };
    let asked = match peers.ask(&person.reach, request, ACK_DEADLINE).await {
        Ok((PeerReply::Asked(outcome), _, _)) => Ok(outcome),
        Ok(_) => Err(TalkError::Strange),
        Err(error) => Err(error),
    };
    answered(&ctx.vault, outgoing, &asked)?;
    Ok(asked.map_err(|error| error.of(&outgoing.owner))?)
}

/// Keeps what an owner says to a request. A denial is its end, or it would wait for ever.
///
/// # Errors
/// When the vault cannot be written.
pub fn answered(
    vault: &Vault,
    outgoing: &Outgoing,
    asked: &Result<AskOutcome, TalkError>,
) -> Result<(), VaultError> {
    let state = match asked {
        Ok(AskOutcome::Waiting) => OutgoingState::Waiting,
        Ok(AskOutcome::Preparing) => OutgoingState::Preparing,
        Ok(AskOutcome::Held(grant)) => OutgoingState::Denied(format!(
            "another request for this image was granted already ({}); look on your other device, or ask {} to revoke it",
            short(grant),
            outgoing.owner
        )),
        Err(TalkError::Refused {
            code: PeerRefusal::Closed | PeerRefusal::NoSuchImage,
            message,
        }) => OutgoingState::Denied(message.clone()),
        Err(_) => return Ok(()),
    };
    change::<Outgoing>(vault, &outgoing.request.to_string(), |kept| {
        if !kept.state.is_over() {
            kept.state = state;
        }
    })?;
    Ok(())
}
