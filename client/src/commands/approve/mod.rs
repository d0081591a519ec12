//! `approve`: approves a request. The photo is sealed, hidden, recorded and sent.

mod error;
mod photo;

use std::time::Duration;

use cameo_common::ids::whole_millis;
use clap::Args;
use tokio::time::timeout;

use super::arguments::{length_of_time, views};
use super::find::incoming;
use super::rights::change_and_send;
use crate::directory::{self, DirectoryError};
use crate::flows::context::Context;
use crate::flows::rights::RightsError;
use crate::flows::share;
use crate::output::{Output, Report};
use crate::vault::records::{
    GrantOwned, Image, Incoming, IncomingState, RequestSubject, Terms, change,
};

pub use error::Error;

/// Bound on the look-up of the viewer before the approval.
const LOOK_UP_DEADLINE: Duration = Duration::from_secs(3);

/// Arguments of `approve`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The request's id, or its first digits; `cameo requests` lists them.
    #[arg(value_name = "ID")]
    id: String,
    /// How many views, else the image's default. For a request for more views: the total.
    #[arg(long, value_parser = views)]
    views: Option<u32>,
    /// How long the viewer may open it, else the image's default.
    #[arg(long, value_parser = length_of_time)]
    expires: Option<Duration>,
}

#[cfg(test)]
impl Arguments {
    /// An approval with the image's defaults.
    pub(super) fn of(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            views: None,
            expires: None,
        }
    }
}

/// The result of an approval.
#[derive(Debug)]
pub struct Approved {
    pub report: Report,
    /// The result of the delivery of a photo; `None` for a change of rights.
    pub undelivered: Option<Result<(), Error>>,
}

pub async fn run(ctx: &Context, out: Output, arguments: Arguments) -> Result<Approved, Error> {
    let incoming = incoming(ctx, &arguments.id)?;
    match (&incoming.asked, &incoming.state) {
        (_, IncomingState::Denied { .. }) => Err(Error::DeniedBefore),
        (RequestSubject::More(grant), IncomingState::Granted(_)) => {
            Err(Error::ApprovedBefore(*grant))
        }
        (RequestSubject::More(grant), _) => {
            check_viewer(ctx, &incoming).await?;
            let owned = share::find_owned(ctx, grant)?;
            more(ctx, &incoming, owned, &arguments).await
        }
        (RequestSubject::Photo(_), state) => {
            let terms = terms(ctx, &incoming, &arguments)?;
            check_viewer(ctx, &incoming).await?;
            share::no_other(ctx, &incoming)?;
            if matches!(state, IncomingState::Waiting | IncomingState::Failed { .. }) {
                change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
                    kept.state = IncomingState::Approved(terms);
                })?;
            }
            photo::share(ctx, out, &incoming).await
        }
    }
}

/// Requires that the viewer is not retired, as far as the cluster tells in time.
async fn check_viewer(ctx: &Context, incoming: &Incoming) -> Result<(), Error> {
    let found = directory::look_up_active(&ctx.api, &ctx.vault, &incoming.viewer);
    let Ok(Err(DirectoryError::Retired(viewer))) = timeout(LOOK_UP_DEADLINE, found).await else {
        return Ok(());
    };
    let request = incoming.request;
    Err(match share::grant_of(ctx, &request)? {
        Some(GrantOwned { grant, .. }) => Error::RetiredSince { viewer, grant },
        None => Error::Retired { viewer, request },
    })
}

fn terms(ctx: &Context, incoming: &Incoming, arguments: &Arguments) -> Result<Terms, Error> {
    let image = ctx
        .vault
        .get::<Image>(&incoming.image.to_string())?
        .ok_or(Error::NoSuchImage)?;
    Ok(Terms {
        views: arguments.views.unwrap_or(image.terms.views),
        expires_after_ms: arguments
            .expires
            .map(whole_millis)
            .or(image.terms.expires_after_ms),
        may_save: image.terms.may_save,
    })
}

async fn more(
    ctx: &Context,
    incoming: &Incoming,
    owned: GrantOwned,
    arguments: &Arguments,
) -> Result<Approved, Error> {
    let now = owned.rights.unverified()?.permitted;
    let default = ctx
        .vault
        .get::<Image>(&incoming.image.to_string())?
        .map_or(1, |image| image.terms.views);
    let total = arguments
        .views
        .unwrap_or_else(|| now.saturating_add(default));
    let cluster_now = ctx.api.ask_now().await;
    let changed = change_and_send(ctx, owned, |next| {
        next.permitted = total;
        if let Some(after) = arguments.expires {
            next.expires = Some(cluster_now.plus(after));
        }
    })
    .await?;
    // Without this, a second approval would add the views once more.
    change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
        kept.state = IncomingState::Granted(changed.grant);
    })
    .map_err(RightsError::Unstored)?;
    Ok(Approved {
        report: changed.report().with("request", incoming.request),
        undelivered: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::meanwhile::{Meanwhile, damage, keep_third_version};
    use crate::agent::tests::{keep_request, owned, with_nodes};
    use crate::vault::records::Stage;

    #[tokio::test]
    async fn more_views_whose_approval_the_home_cannot_store_are_said_to_be_recorded() {
        // given a request for more views, damaged while the nodes record the new rights
        let grant = owned(Stage::Recorded).grant;
        let meanwhile = Meanwhile::of(damage::<Incoming>);
        let nodes = [(); 3].map(|()| meanwhile.recording(grant));
        let world = with_nodes(nodes.to_vec()).await;
        keep_third_version(&world, Stage::Recorded);
        let mut incoming = keep_request(&world, IncomingState::Waiting);
        incoming.asked = RequestSubject::More(grant);
        let id = incoming.request.to_string();
        world.vault().put(&id, &incoming).unwrap();
        meanwhile.happens_to(&world);
        // when it is approved
        let arguments = Arguments::of(&id);
        let refused = run(&world.core.ctx, Output::default(), arguments).await;
        // then the message says so: to approve it again would add the views once more
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("are recorded in the ledger"), "{told}");
        assert!(told.contains("look at `cameo shared`"), "{told}");
        assert_eq!(world.owned(grant).version, 4);
    }
}
