//! `request`: ask somebody for images, and wait until their carriers are here.
//!
//! Carriers are received by the agent of this home. Where none runs, this verb is the agent for as
//! long as it waits. Several images are asked for side by side, so that their owner's agent has them
//! hidden together.

mod choose;
mod error;
mod tell;
mod wait;

use std::time::Duration;

use cameo_common::ids::UserName;
use cameo_common::peer::{AskOutcome, MAX_NOTE, PeerReply, PeerRequest};
use clap::Args;
use futures_util::{StreamExt, stream};
use tokio::time::timeout;

use self::choose::Wanted;
use super::arguments::length_of_time;
use super::peers::peers;
use crate::agent::{Agent, Options};
use crate::control::{self, Following};
use crate::directory::{self, Person};
use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::flows::receive::has_carrier;
use crate::flows::request;
use crate::output::{Output, Report};
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::{Peers, TalkError};
use crate::text::prefix::short;
use crate::vault::VaultError;
use crate::vault::records::{GrantHeld, Outgoing};

pub use error::{Error, ImageError};

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

/// What became of each image, with the name that it is told by.
pub type Told = Vec<(String, Result<Report, ImageError>)>;

pub async fn run(ctx: &Context, out: Output, arguments: Arguments) -> Result<Told, Error> {
    check(ctx, &arguments)?;
    let person = directory::look_up(&ctx.api, &ctx.vault, &arguments.user).await?;
    let (mut receiver, peers) = receiver(ctx).await?;
    let asking = Asking {
        ctx,
        peers: &peers,
        person: &person,
        arguments: &arguments,
    };
    let told = asking.all(out, &mut receiver).await;
    if let Receiver::Own(agent, _) = receiver {
        agent.stop().await;
    }
    Ok(told?)
}

fn check(ctx: &Context, arguments: &Arguments) -> Result<(), Error> {
    if arguments.user == ctx.me.name {
        return Err(Error::OwnImages);
    }
    if arguments.images.len() > MAX_IMAGES {
        return Err(Error::TooManyImages);
    }
    if arguments.note.len() > MAX_NOTE {
        return Err(Error::NoteTooLong);
    }
    Ok(())
}

async fn receiver(ctx: &Context) -> Result<(Receiver, Peers), Error> {
    if let Some(following) = control::follow(ctx.vault.home()).await {
        return Ok((Receiver::Running(following), peers(ctx).await?));
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
            Err(error.into())
        }
        Err(_) => {
            agent.stop().await;
            Err(Error::NotAnnounced)
        }
    }
}

/// What one run asks for, of whom.
struct Asking<'a> {
    ctx: &'a Context,
    peers: &'a Peers,
    person: &'a Person,
    arguments: &'a Arguments,
}

impl Asking<'_> {
    /// Asks for all images side by side, and waits for their carriers.
    async fn all(&self, out: Output, receiver: &mut Receiver) -> Result<Told, VaultError> {
        let Self {
            ctx,
            person,
            arguments,
            ..
        } = self;
        let chosen = choose::all(ctx, self.peers, person, &arguments.images).await?;
        let bar = out.bar("asking");
        let (names, chosen): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        let asked = chosen
            .into_iter()
            .map(async |chosen| self.one(chosen?).await);
        let asked = stream::iter(asked).buffered(request::ASKED_AT_ONCE);
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
        Ok(names.into_iter().zip(told).collect())
    }

    async fn one(&self, wanted: Wanted) -> Result<Asked, ImageError> {
        let Self { ctx, person, .. } = self;
        let (more, note) = (self.arguments.more, &self.arguments.note);
        let outgoing = match request::held(ctx, person, &wanted.image)? {
            Some(held) if more || has_carrier(&ctx.vault, &held).await? => {
                return Ok(Asked::Over(self.have_it(held).await?));
            }
            Some(held) => request::once_more(ctx, &held)?,
            None => request::request(ctx, person, wanted.image, wanted.title, note)?,
        };
        let outcome = request::ask(ctx, self.peers, &outgoing).await;
        match outcome.map_err(|error| request::unasked(ctx, person, &outgoing, error))? {
            AskOutcome::Held(grant) => {
                Err(request::held_elsewhere(ctx, person, &outgoing, grant).into())
            }
            outcome => Ok(Asked::Open(outgoing, outcome)),
        }
    }

    /// Nothing to send: at most there is something to ask for.
    async fn have_it(&self, held: GrantHeld) -> Result<Report, ImageError> {
        let Self { ctx, person, .. } = self;
        let info = ctx.api.grant(&held.grant).await;
        let info = info.map_err(LedgerError::from)?;
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
        if info.left > 0 && !self.arguments.more {
            let text = format!(
                "You have it: `cameo view {}` ({} of {} views left).",
                short(&held.grant),
                info.left,
                info.permitted
            );
            return Ok(base(text, "held"));
        }
        let who = &person.name;
        let request = PeerRequest::AskMore {
            grant: held.grant,
            note: self.arguments.note.clone(),
        };
        let asked = self.peers.ask(&person.reach, request, ACK_DEADLINE).await;
        match asked.map_err(|error| error.of(who))? {
            (PeerReply::Noted, _, _) => Ok(base(
                format!("{who} is asked for more views."),
                "asked_more",
            )),
            _ => Err(TalkError::Strange.of(who).into()),
        }
    }
}
