//! The viewer's side: rights that come, by whichever way, and wishes that wait for an answer.
//!
//! Rights that come straight from the owner are provisional until the ledger has them; of two
//! statements with one version the ledger's wins. A version never goes down.

use std::sync::PoisonError;

use cameo_common::api::ErrorCode;
use cameo_common::ids::GrantId;
use cameo_common::peer::{AskOutcome, PeerRefusal, PeerReply, PeerRequest};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::RightsAck;
use futures_util::{StreamExt, stream};
use tokio::task::spawn_blocking;

use super::{Core, open_requests};
use crate::cli::exit::Failure;
use crate::cluster_api::ClusterError;
use crate::directory;
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::client::TalkError;
use crate::peer::serve::REQUESTS_PER_DEVICE;
use crate::text::prefix::short;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState, change};
use crate::vault::{Vault, VaultError};

/// Wishes that are asked again at the start of a session.
const MAX_ASKED_AGAIN: usize = 32;
/// Wishes that are told at one time: fewer than an owner's agent takes from one device.
pub const ASKED_AT_ONCE: usize = 4;
const _: () = assert!(ASKED_AT_ONCE < REQUESTS_PER_DEVICE);

/// What came of rights that were offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// They are the newest now.
    Newer,
    /// These or newer ones were known.
    Known,
    /// This home holds no such grant.
    NoSuchGrant,
}

/// Takes rights that came straight from the owner.
///
/// # Errors
/// When they are not the owner's.
pub fn take(vault: &Vault, grant: &GrantId, signed: &Signed<Rights>) -> Result<Taken, Failure> {
    fold(vault, grant, signed, false)
}

/// Takes rights that the ledger has. True when there is something to acknowledge.
///
/// # Errors
/// When the vault cannot be written.
pub fn confirm(ctx: &Context, grant: &GrantId, signed: &Signed<Rights>) -> Result<bool, Failure> {
    match fold(&ctx.vault, grant, signed, true) {
        Ok(Taken::NoSuchGrant) => Ok(false),
        Ok(_) => Ok(true),
        Err(error) if error.code == "not_the_owner" => {
            tracing::warn!(%grant, "the ledger told rights that the owner did not sign");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

fn fold(
    vault: &Vault,
    grant: &GrantId,
    signed: &Signed<Rights>,
    confirmed: bool,
) -> Result<Taken, Failure> {
    let rights = signed.verify().map_err(|_| not_the_owner())?;
    let mut taken = Taken::NoSuchGrant;
    vault.update::<GrantHeld, Failure>(&grant.to_string(), |held| {
        let Some(mut held) = held else {
            return Ok(None);
        };
        if rights.owner != held.owner_key || rights.grant != held.grant {
            return Err(not_the_owner());
        }
        let newer = rights.version > held.version;
        let wins = confirmed && rights.version == held.version;
        if newer || wins {
            held.rights = signed.clone();
            held.version = rights.version;
        }
        if confirmed {
            held.confirmed = held.confirmed.max(rights.version);
        }
        taken = if newer { Taken::Newer } else { Taken::Known };
        Ok(Some(held))
    })?;
    Ok(taken)
}

/// Whether the carrier of a grant is here, whole. One that cannot be read is as good as lost.
///
/// # Errors
/// When the home cannot be used.
pub async fn has_carrier(vault: &Vault, held: &GrantHeld) -> Result<bool, Failure> {
    let path = vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
    let read = spawn_blocking(move || {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(std::fs::File::open(path)?)?;
        Ok::<_, std::io::Error>(*hasher.finalize().as_bytes())
    });
    let read = read.await.map_err(std::io::Error::other)?;
    Ok(read.is_ok_and(|found| found == held.carrier.0))
}

fn not_the_owner() -> Failure {
    Failure::denied("these rights are not signed by the owner of the grant").coded("not_the_owner")
}

/// This user's word that the newest rights known here arrived.
pub fn acknowledgement(ctx: &Context, held: &GrantHeld) -> Signed<RightsAck> {
    let key = ctx.me.identity_key();
    Signed::new(
        &key,
        RightsAck {
            viewer: key.public(),
            grant: held.grant,
            version: held.version,
        },
    )
}

/// Tells the ledger that the newest rights arrived; what does not work now waits in the outbox.
pub(super) async fn acknowledge(core: &Core, grant: &GrantId) {
    if let Err(error) = try_acknowledge(&core.ctx, grant).await {
        tracing::info!(%grant, %error, "rights are not acknowledged yet");
        core.wake.notify_one();
    }
    if let Ok(Some(held)) = core.ctx.vault.get::<GrantHeld>(&grant.to_string()) {
        let (version, confirmed) = (held.version, held.confirmed >= held.version);
        if is_news(core, grant, (version, confirmed)) {
            core.notices.tell(Notice::Rights {
                grant: *grant,
                version,
                confirmed,
            });
        }
    }
}

/// The same rights come from their owner and from the ledger; the person is told once.
fn is_news(core: &Core, grant: &GrantId, now: (u64, bool)) -> bool {
    let mut told = core.told.lock().unwrap_or_else(PoisonError::into_inner);
    let news = told.get(grant).is_none_or(|before| *before < now);
    if news {
        told.insert(*grant, now);
    }
    news
}

/// Acknowledges; where the ledger does not have the rights yet, carries them there first.
///
/// # Errors
/// When the ledger refuses or cannot be reached.
pub async fn try_acknowledge(ctx: &Context, grant: &GrantId) -> Result<(), Failure> {
    let id = grant.to_string();
    let Some(held) = ctx.vault.get::<GrantHeld>(&id)? else {
        return Ok(());
    };
    if held.acknowledged >= held.version {
        return Ok(());
    }
    let ack = acknowledgement(ctx, &held);
    match ctx.api.ack_rights(grant, ack.clone()).await {
        Err(ClusterError::Api(error)) if error.code == ErrorCode::Mismatch => {
            carry(ctx, &held).await?;
            ctx.api.ack_rights(grant, ack).await?;
        }
        acknowledged => {
            acknowledged?;
        }
    }
    change::<GrantHeld>(&ctx.vault, &id, |kept| {
        kept.acknowledged = kept.acknowledged.max(held.version);
        kept.confirmed = kept.confirmed.max(held.version);
    })?;
    Ok(())
}

/// Carries rights to the ledger that the owner could not bring there himself.
async fn carry(ctx: &Context, held: &GrantHeld) -> Result<(), Failure> {
    match ctx.api.put_rights(&held.grant, held.rights.clone()).await {
        Err(ClusterError::Api(error)) if error.code == ErrorCode::StaleVersion => Ok(()),
        put => put.map(drop).map_err(Failure::from),
    }
}

/// Asks again for everything that no answer has come to: an owner whose carrier found nobody at
/// home learns that we are back.
pub(super) async fn ask_again(core: &Core) {
    let Ok(waiting) = open_requests(&core.ctx) else {
        return;
    };
    let core = core.clone();
    tokio::spawn(async move {
        let again = stream::iter(waiting.into_iter().take(MAX_ASKED_AGAIN));
        let ask_one = async |outgoing: Outgoing| {
            if let Err(error) = ask(&core.ctx, &core.peers, &outgoing).await {
                tracing::info!(owner = %outgoing.owner, %error, "not asked again yet");
            }
        };
        again.for_each_concurrent(ASKED_AT_ONCE, ask_one).await;
    });
}

/// Asks an owner for an image; the same request however often. Keeps what he says.
///
/// # Errors
/// Exit 3, 4 or 6, by the owner's answer.
pub async fn ask(
    ctx: &Context,
    peers: &crate::peer::client::Peers,
    outgoing: &Outgoing,
) -> Result<AskOutcome, Failure> {
    let person = directory::look_up(&ctx.api, &ctx.vault, &outgoing.owner).await?;
    let request = PeerRequest::Ask {
        request: outgoing.signed.clone(),
        note: outgoing.note.clone(),
    };
    let asked = match peers.ask(&person, request, ACK_DEADLINE).await {
        Ok((PeerReply::Asked(outcome), _, _)) => Ok(outcome),
        Ok(_) => Err(TalkError::Strange),
        Err(error) => Err(error),
    };
    answered(&ctx.vault, outgoing, &asked)?;
    asked.map_err(|error| error.failure(outgoing.owner.as_str()))
}

/// Keeps what an owner says to a wish. His no is its end, or it would wait for ever.
pub(super) fn answered(
    vault: &Vault,
    outgoing: &Outgoing,
    asked: &Result<AskOutcome, TalkError>,
) -> Result<(), VaultError> {
    let state = match asked {
        Ok(AskOutcome::Waiting) => OutgoingState::Waiting,
        Ok(AskOutcome::Preparing) => OutgoingState::Preparing,
        Ok(AskOutcome::Held(grant)) => OutgoingState::Denied(format!(
            "another wish for this image was granted already ({}); look on your other device, or ask {} to revoke it",
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
