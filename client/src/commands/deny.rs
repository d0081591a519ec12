//! `deny`: denies a request, and tells the viewer now or when they are back.

use cameo_common::peer::{MAX_NOTE, PeerReply, PeerRequest};
use clap::Args;

use super::error::{FindError, PeersError};
use super::find::incoming;
use super::peers::peers;
use crate::control;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::output::Report;
use crate::peer::PeerError;
use crate::peer::ask::ACK_DEADLINE;
use crate::vault::VaultError;
use crate::vault::records::{Attempts, Incoming, IncomingState, OutboxKey, RequestSubject, change};

/// Arguments of `deny`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The request's id, or its first digits; `cameo requests` lists them.
    #[arg(value_name = "ID")]
    id: String,
    /// A reason for the viewer, in one line.
    #[arg(long, default_value = "")]
    reason: String,
}

/// A request that was not denied.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a reason has at most {MAX_NOTE} bytes")]
    ReasonTooLong,
    #[error("this request was denied already")]
    DeniedBefore,
    #[error("this request was approved already; `cameo revoke` ends the grant")]
    ApprovedBefore,
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::ReasonTooLong | Error::DeniedBefore | Error::ApprovedBefore => ErrorKind::Usage,
            Error::Find(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

/// A denial that could not be sent to the viewer yet.
#[derive(Debug, thiserror::Error)]
enum DenialNotSent {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Peers(#[from] PeersError),
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    if arguments.reason.len() > MAX_NOTE {
        return Err(Error::ReasonTooLong);
    }
    let incoming = incoming(ctx, &arguments.id)?;
    match incoming.state {
        IncomingState::Waiting | IncomingState::Failed { .. } => {}
        IncomingState::Denied { .. } => return Err(Error::DeniedBefore),
        IncomingState::Approved(_) | IncomingState::Granted(_) => {
            return Err(Error::ApprovedBefore);
        }
    }
    // The viewer's home has no record of a request for more views: there is nothing to tell.
    let told = matches!(incoming.asked, RequestSubject::More(_));
    let id = incoming.request.to_string();
    change::<Incoming>(&ctx.vault, &id, |kept| {
        kept.state = IncomingState::Denied {
            reason: arguments.reason.clone(),
            told,
        };
    })?;
    // Earlier attempts were about another answer.
    Attempts::reset(&ctx.vault, OutboxKey::Denied(incoming.request))?;
    let reached = if told {
        Ok(())
    } else {
        send_denial(ctx, &incoming, &arguments.reason).await
    };
    let viewer = &incoming.viewer;
    let is_retired = matches!(
        &reached,
        Err(DenialNotSent::Directory(DirectoryError::Retired(_)))
    );
    let text = match &reached {
        Ok(()) => format!("The request of {viewer} is denied."),
        Err(_) if is_retired => format!(
            "The request is denied. {viewer} is not told: the operator has retired {viewer}."
        ),
        Err(error) => format!("Denied; {viewer} is told later: {error}"),
    };
    let report = Report::new(text)
        .with("request", incoming.request)
        .with("viewer", viewer)
        .with("viewer_retired", is_retired)
        .with("told", reached.is_ok());
    if reached.is_ok() || is_retired {
        return Ok(report);
    }
    control::wake(ctx.vault.home()).await;
    Ok(report.queued())
}

async fn send_denial(
    ctx: &Context,
    incoming: &Incoming,
    reason: &str,
) -> Result<(), DenialNotSent> {
    let person = directory::look_up_active(&ctx.api, &ctx.vault, &incoming.viewer).await?;
    let request = PeerRequest::Denied {
        request: incoming.request,
        reason: reason.to_owned(),
    };
    let peers = peers(ctx).await?;
    let asked = peers.ask(&person.reach, request, ACK_DEADLINE).await;
    let (reply, _, _) = asked.map_err(|error| error.of(&incoming.viewer))?;
    if matches!(reply, PeerReply::Noted) {
        change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
            if let IncomingState::Denied { told, .. } = &mut kept.state {
                *told = true;
            }
        })?;
    }
    Ok(())
}
