//! `approve`: yes to a request. The photo is sealed, hidden, recorded and sent.

use std::time::Duration;

use cameo_common::ids::Millis;
use clap::Args;
use tokio::sync::broadcast;

use super::{incoming, length_of_time, rights, views};
use crate::context::Context;
use crate::control;
use crate::exit::{Exit, Failure};
use crate::notices::{Notice, Notices};
use crate::prefix::short;
use crate::print::Report;
use crate::share;
use crate::vault::records::{
    Asked, GrantOwned, Image, Incoming, IncomingState, OutboxKey, Terms, change,
};
use crate::working::Working;

/// Longest wait for the agent, when it is at the same request.
const AGENT_DEADLINE: Duration = Duration::from_secs(60);

/// What `approve` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The request's id, or its first digits; `cameo requests` lists them.
    #[arg(value_name = "ID")]
    id: String,
    /// How many views; else as the image was added. For "more views": in total.
    #[arg(long, value_parser = views)]
    views: Option<u32>,
    /// How long he may look; else as the image was added.
    #[arg(long, value_parser = length_of_time)]
    expires: Option<Millis>,
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    let incoming = incoming(ctx, &arguments.id)?;
    match (&incoming.asked, &incoming.state) {
        (_, IncomingState::Denied { .. }) => Err(Failure::usage(
            "this request was turned down already; the viewer can ask again",
        )),
        // Each time would give as many again.
        (Asked::More(grant), IncomingState::Granted(_)) => Err(Failure::usage(format!(
            "this request was approved already; `cameo rights {} --views N` changes how many views there are",
            short(grant)
        ))),
        (Asked::More(grant), _) => {
            let owned = share::owned(ctx, grant)?;
            more(ctx, &incoming, owned, &arguments).await
        }
        (Asked::Photo(_), state) => {
            let terms = terms(ctx, &incoming, &arguments)?;
            if matches!(state, IncomingState::Waiting | IncomingState::Failed { .. }) {
                change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
                    kept.state = IncomingState::Approved(terms);
                })?;
            }
            photo(ctx, &incoming).await
        }
    }
}

fn terms(ctx: &Context, incoming: &Incoming, arguments: &Arguments) -> Result<Terms, Failure> {
    let image = ctx.vault.get::<Image>(&incoming.image.to_string())?;
    let image = image.ok_or_else(|| {
        Failure::not_found("the image is not in your gallery any more; deny the request")
    })?;
    Ok(Terms {
        views: arguments.views.unwrap_or(image.terms.views),
        expires_after: arguments.expires.or(image.terms.expires_after),
        may_save: image.terms.may_save,
    })
}

async fn photo(ctx: &Context, incoming: &Incoming) -> Result<Report, Failure> {
    let notices = Notices::default();
    let bar = ctx.out.bar("sharing");
    let steps = tokio::spawn(follow(notices.listen(), bar.clone()));
    let made = hand_over(ctx, incoming, &notices).await;
    steps.abort();
    bar.finish_and_clear();
    let (owned, delivered) = made?;
    let text = match &delivered {
        Ok(()) => format!(
            "{} has it (grant {}).",
            incoming.viewer,
            short(&owned.grant)
        ),
        Err(error) => format!("It is recorded (grant {}). {error}.", short(&owned.grant)),
    };
    let report = Report::new(text)
        .with("request", incoming.request)
        .with("grant", owned.grant)
        .with("viewer", &incoming.viewer)
        .with("delivered", delivered.is_ok())
        .with("worker", owned.worker)
        .with("leader", owned.leader);
    if delivered.is_ok() {
        return Ok(report);
    }
    control::wake(ctx.vault.home()).await;
    Ok(report.ending(Exit::Queued))
}

/// The grant, and whether it has reached the viewer. That it has not is no failure: it waits.
async fn hand_over(
    ctx: &Context,
    incoming: &Incoming,
    notices: &Notices,
) -> Result<(GrantOwned, Result<(), Failure>), Failure> {
    let home = ctx.vault.home();
    let working = Working::on(home, OutboxKey::Share(incoming.request), AGENT_DEADLINE).await?;
    let owned = share::make(ctx, notices, &incoming.request).await?;
    drop(working);
    let _working = Working::on(home, OutboxKey::Deliver(owned.grant), AGENT_DEADLINE).await?;
    let peers = ctx.peers().await?;
    match share::hand_over(ctx, &peers, notices, &owned.grant).await {
        Ok(owned) => Ok((owned, Ok(()))),
        Err(error) if error.exit == Exit::Queued => Ok((owned, Err(error))),
        Err(error) => Err(error),
    }
}

async fn follow(mut notices: broadcast::Receiver<Notice>, bar: indicatif::ProgressBar) {
    while let Ok(notice) = notices.recv().await {
        if let Notice::Sharing { step, .. } = notice {
            bar.set_message(step);
        }
    }
}

async fn more(
    ctx: &Context,
    incoming: &Incoming,
    owned: GrantOwned,
    arguments: &Arguments,
) -> Result<Report, Failure> {
    let now = owned.rights.peek()?.permitted;
    let usual = ctx.vault.get::<Image>(&incoming.image.to_string())?;
    let usual = usual.map_or(1, |image| image.terms.views);
    let total = arguments.views.unwrap_or_else(|| now.saturating_add(usual));
    let changed = rights::change_and_send(ctx, owned, |next| {
        next.permitted = total;
        if let Some(after) = arguments.expires {
            next.expires = Some(crate::clock::now().saturating_add(after));
        }
    })
    .await?;
    change::<Incoming>(&ctx.vault, &incoming.request.to_string(), |kept| {
        kept.state = IncomingState::Granted(changed.grant);
    })?;
    Ok(changed.report().with("request", incoming.request))
}
