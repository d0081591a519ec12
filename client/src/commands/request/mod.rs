//! `request`: ask somebody for images, and wait until their carriers are here.
//!
//! Carriers are received by the agent of this home. Where none runs, this verb is the agent for as
//! long as it waits. Several images are asked for side by side, so that their owner's agent has them
//! hidden together.

mod choose;
mod outgoing;
mod tell;
mod wait;

use std::time::Duration;

use cameo_common::ids::UserName;
use cameo_common::peer::{AskOutcome, MAX_NOTE, PeerReply, PeerRequest};
use clap::Args;
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use self::choose::Wanted;
use super::length_of_time;
use crate::agent::{Agent, Options, inbox};
use crate::cli::exit::{Exit, Failure};
use crate::control::{self, Following};
use crate::directory::{self, Person};
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::output::Report;
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::client::{Peers, TalkError};
use crate::text::prefix::short;
use crate::vault::records::{GrantHeld, Outgoing};

/// Most images that are asked for at once.
const MAX_IMAGES: usize = 16;
/// Longest start of an agent of one's own.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// What `request` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose images.
    #[arg(value_name = "USER")]
    user: UserName,
    /// The images' ids, or their first digits; `cameo gallery USER` lists them.
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// A line for the owner.
    #[arg(long, default_value = "")]
    note: String,
    /// Ask, and leave the rest to the agent.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the carriers.
    #[arg(long, default_value = "100s", value_parser = length_of_time)]
    timeout: Duration,
    /// Ask for more views of images that you have.
    #[arg(long)]
    more: bool,
}

/// Who receives the carriers, and tells about it.
enum Receiver {
    /// The agent of this home, in a process of its own.
    Running(Following),
    /// An agent in this process.
    Own(Box<Agent>, tokio::sync::broadcast::Receiver<Notice>),
}

/// How far one of them has come.
enum Asked {
    /// The owner has been asked.
    Open(Outgoing, AskOutcome),
    /// There is nothing to wait for.
    Over(Report),
}

pub async fn run(ctx: &Context, arguments: Arguments) -> Result<Report, Failure> {
    check(ctx, &arguments)?;
    let person = directory::look_up(&ctx.api, &ctx.vault, &arguments.user).await?;
    let (mut receiver, peers) = receiver(ctx).await?;
    let asked = ask(ctx, &peers, &person, &arguments, &mut receiver).await;
    if let Receiver::Own(agent, _) = receiver {
        agent.stop().await;
    }
    asked
}

fn check(ctx: &Context, arguments: &Arguments) -> Result<(), Failure> {
    if arguments.user == ctx.me.name {
        return Err(Failure::usage("these are your own images; you have them"));
    }
    if arguments.images.len() > MAX_IMAGES {
        return Err(Failure::usage(format!(
            "ask for at most {MAX_IMAGES} images at once"
        )));
    }
    if arguments.note.len() > MAX_NOTE {
        return Err(Failure::usage(format!(
            "a note has at most {MAX_NOTE} bytes"
        )));
    }
    Ok(())
}

async fn receiver(ctx: &Context) -> Result<(Receiver, Peers), Failure> {
    if let Some(following) = control::follow(ctx.vault.home()).await {
        return Ok((Receiver::Running(following), ctx.peers().await?));
    }
    let agent = Agent::start(ctx.clone(), Options::default()).await?;
    let notices = agent.notices().listen();
    match timeout(START_DEADLINE, agent.ready()).await {
        Ok(Ok(_)) => {
            let peers = agent.peers().clone();
            Ok((Receiver::Own(Box::new(agent), notices), peers))
        }
        Ok(Err(error)) => {
            agent.stop().await;
            Err(error)
        }
        Err(_) => {
            agent.stop().await;
            Err(Failure::new(
                Exit::NoQuorum,
                "no_quorum",
                "this device could not be announced to the cluster in time; try again when more nodes run",
            ))
        }
    }
}

async fn ask(
    ctx: &Context,
    peers: &Peers,
    person: &Person,
    arguments: &Arguments,
    receiver: &mut Receiver,
) -> Result<Report, Failure> {
    let chosen = choose::all(ctx, peers, person, &arguments.images).await?;
    let bar = ctx.out.bar("asking");
    let (names, chosen): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
    let asked = chosen.into_iter().map(async |chosen| {
        let wanted = chosen?;
        ask_one(ctx, peers, person, wanted, arguments).await
    });
    let asked = stream::iter(asked).buffered(inbox::ASKED_AT_ONCE);
    let asked: Vec<_> = asked.collect().await;
    let open = asked.iter().filter_map(|asked| match asked {
        Ok(Asked::Open(outgoing, _)) => Some(outgoing.request),
        _ => None,
    });
    let open: Vec<_> = open.collect();
    let mut ended = if arguments.no_wait {
        vec![None; open.len()]
    } else {
        let deadline = arguments.timeout;
        wait::all(ctx, receiver, &open, deadline, &bar).await
    }
    .into_iter();
    bar.finish_and_clear();
    let told = asked.into_iter().map(|asked| match asked? {
        Asked::Over(report) => Ok(report),
        Asked::Open(outgoing, outcome) => {
            let ended = ended.next().flatten();
            tell::one(ctx, person, &outgoing, outcome, ended, arguments.no_wait)
        }
    });
    tell::all(names.into_iter().zip(told).collect())
}

async fn ask_one(
    ctx: &Context,
    peers: &Peers,
    person: &Person,
    wanted: Wanted,
    arguments: &Arguments,
) -> Result<Asked, Failure> {
    let outgoing = match outgoing::held(ctx, person, &wanted.image)? {
        Some(held) if arguments.more || inbox::has_carrier(&ctx.vault, &held).await? => {
            let report = have_it(ctx, peers, person, held, arguments).await?;
            return Ok(Asked::Over(report));
        }
        Some(held) => outgoing::once_more(ctx, &held)?,
        None => outgoing::wish(ctx, person, wanted.image, wanted.title, &arguments.note)?,
    };
    let outcome = inbox::ask(ctx, peers, &outgoing).await;
    match outcome.map_err(|error| outgoing::unasked(ctx, person, &outgoing, error))? {
        AskOutcome::Held(grant) => Err(outgoing::lost(ctx, person, &outgoing, grant)),
        outcome => Ok(Asked::Open(outgoing, outcome)),
    }
}

/// Nothing to send: at most there is something to ask for.
async fn have_it(
    ctx: &Context,
    peers: &Peers,
    person: &Person,
    held: GrantHeld,
    arguments: &Arguments,
) -> Result<Report, Failure> {
    let info = ctx.api.grant(&held.grant).await?;
    let carrier = ctx.vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
    let base = |text: String, state: &str| {
        Report::new(text)
            .with("state", state)
            .with("request", held.request_id)
            .with("grant", held.grant)
            .with("carrier", &carrier)
            .with("views", info.permitted)
            .with("left", info.left)
    };
    if info.left > 0 && !arguments.more {
        let text = format!(
            "You have it: `cameo view {}` ({} of {} views left).",
            short(&held.grant),
            info.left,
            info.permitted
        );
        return Ok(base(text, "held"));
    }
    let who = person.name.as_str();
    let request = PeerRequest::AskMore {
        grant: held.grant,
        note: arguments.note.clone(),
    };
    let asked = peers.ask(person, request, ACK_DEADLINE).await;
    match asked.map_err(|error| error.failure(who))? {
        (PeerReply::Noted, _, _) => Ok(base(
            format!("{who} is asked for more views."),
            "asked_more",
        )),
        _ => Err(TalkError::Strange.failure(who)),
    }
}
