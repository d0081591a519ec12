//! `deny`: denies a request, and tells the viewer now or when they are back.

use cameo_common::ids::GrantId;
use cameo_common::peer::{MAX_NOTE, PeerReply, PeerRequest};
use clap::Args;

use super::error::{FindError, PeersError};
use super::find::incoming;
use super::peers::peers;
use super::unsent::why_unsent;
use crate::control;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::Context;
use crate::flows::share;
use crate::output::Report;
use crate::peer::PeerError;
use crate::peer::ask::ACK_DEADLINE;
use crate::text::prefix::short;
use crate::vault::records::{Attempts, Incoming, IncomingState, OutboxKey, RequestSubject, change};
use crate::vault::{LocalError, VaultError, WorkLock};

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
    #[error("this request was approved already; `cameo revoke {}` ends the grant", short(.0))]
    ApprovedBefore(GrantId),
    #[error(
        "this request was approved already, and its carrier is being made at this moment: try \
         again, or end the grant with `cameo revoke` once `cameo shared` lists it"
    )]
    Sharing,
    #[error(transparent)]
    Find(#[from] FindError),
    #[error(transparent)]
    Local(#[from] LocalError),
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        LocalError::from(error).into()
    }
}

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::ReasonTooLong | Error::DeniedBefore | Error::ApprovedBefore(_) => {
                ErrorKind::Usage
            }
            Error::Sharing => ErrorKind::Busy,
            Error::Find(error) => error.kind(),
            Error::Local(error) => error.kind(),
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

impl Classified for DenialNotSent {
    fn kind(&self) -> ErrorKind {
        match self {
            DenialNotSent::Directory(error) => error.kind(),
            DenialNotSent::Peers(error) => error.kind(),
            DenialNotSent::Peer(error) => error.kind(),
            DenialNotSent::Vault(error) => error.kind(),
        }
    }
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Error> {
    if arguments.reason.len() > MAX_NOTE {
        return Err(Error::ReasonTooLong);
    }
    let incoming = incoming(ctx, &arguments.id)?;
    // Nobody makes the carrier of an approved request while it is denied.
    let sharing = OutboxKey::Share(incoming.request);
    let _alone = match incoming.state {
        IncomingState::Waiting | IncomingState::Failed { .. } => None,
        IncomingState::Denied { .. } => return Err(Error::DeniedBefore),
        IncomingState::Granted(grant) => return Err(Error::ApprovedBefore(grant)),
        IncomingState::Approved(_) => {
            let lock = WorkLock::try_on(ctx.vault.home(), sharing)?.ok_or(Error::Sharing)?;
            if let Some(owned) = share::grant_of(ctx, &incoming.request)? {
                return Err(Error::ApprovedBefore(owned.grant));
            }
            Some(lock)
        }
    };
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
    let telling = OutboxKey::Denied(incoming.request);
    Attempts::reset(&ctx.vault, telling)?;
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
    let is_left = reached.is_err() && !is_retired;
    let agent = is_left && control::wake(ctx.vault.home()).await;
    let text = match &reached {
        Ok(()) => format!("The request of {viewer} is denied."),
        Err(error) if is_retired => {
            Attempts::give_up(&ctx.vault, telling, error.to_string())?;
            format!(
                "The request is denied. {viewer} is not told: the operator has retired {viewer}."
            )
        }
        Err(error) => {
            let why = why_unsent(viewer, error);
            let then = match agent {
                true => format!("your agent tells {viewer} later"),
                false => format!("{viewer} is told when `cameo agent` runs here"),
            };
            format!("The request is denied, and {viewer} is not told yet ({why}): {then}.")
        }
    };
    let report = Report::new(text)
        .with("request", incoming.request)
        .with("viewer", viewer)
        .with("viewer_retired", is_retired)
        .with("told", reached.is_ok());
    Ok(if is_left { report.queued() } else { report })
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::Millis;

    use super::*;
    use crate::agent::tests::retirement::with_ada;
    use crate::agent::tests::{World, image, keep_request, owned};
    use crate::clock;
    use crate::commands::approve;
    use crate::flows::outbox::due;
    use crate::output::Output;
    use crate::vault::records::{Policy, Stage};

    /// The first digits of the only request.
    const PREFIX: &str = "0101";

    async fn denied(world: &World) -> Result<Report, Error> {
        let arguments = Arguments {
            id: PREFIX.to_owned(),
            reason: String::new(),
        };
        run(&world.core.ctx, arguments).await
    }

    async fn approved(world: &World) -> String {
        let arguments = approve::Arguments::of(PREFIX);
        let out = Output::default();
        let refused = approve::run(&world.core.ctx, out, arguments).await;
        refused.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_approve_advises_for_a_retired_viewer_can_be_done() {
        let terms = image(Policy::Ask).terms;
        for state in [
            IncomingState::Waiting,
            IncomingState::Approved(terms),
            IncomingState::Failed {
                why: "no".into(),
                told: false,
            },
        ] {
            // given an open request without a grant, whose viewer is retired
            let world = with_ada(Some(Millis(1))).await;
            keep_request(&world, state);
            // when it is approved, then the advice is to deny it
            let told = approved(&world).await;
            assert!(told.contains("`cameo deny 0101"), "{told}");
            // and that can be done, and leaves nothing to do
            let report = denied(&world).await.unwrap();
            assert_eq!(report.fields()["viewer_retired"], true);
            let told = denied(&world).await.unwrap_err().to_string();
            assert!(told.contains("denied already"), "{told}");
            let left = due(world.vault(), clock::now()).unwrap();
            let given_up = world.vault().list::<Attempts>().unwrap();
            assert_eq!(left.len(), given_up.len());
            assert!(given_up.iter().all(|(_, attempts)| attempts.is_given_up()));
        }
    }

    #[tokio::test]
    async fn both_verbs_name_the_grant_of_a_request_that_was_granted() {
        // given a granted request, whose viewer was retired afterwards
        let world = with_ada(Some(Millis(1))).await;
        let grant = owned(Stage::Recorded);
        world.vault().put(&grant.grant.to_string(), &grant).unwrap();
        keep_request(&world, IncomingState::Granted(grant.grant));
        // then neither verb sends to the other
        let revoke = format!("`cameo revoke {}` ends the grant", short(&grant.grant));
        let told = approved(&world).await;
        assert!(
            told.contains(&revoke) && !told.contains("cameo deny"),
            "{told}"
        );
        let told = denied(&world).await.unwrap_err().to_string();
        assert!(told.contains(&revoke), "{told}");
    }
}
