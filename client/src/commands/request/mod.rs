//! `request`: requests images of another user, and waits for their carriers.
//!
//! Carriers are received by the agent of this home. If none runs, this command runs one while it
//! waits. Several images are requested concurrently, so that the owner's agent places their jobs
//! together.

mod choose;
mod error;
mod report;
mod sent;
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
use crate::control::{self, NoticeStream};
use crate::directory::{self, ResolvedUser};
use crate::flows::LedgerError;
use crate::flows::context::Context;
use crate::flows::notices::Notice;
use crate::flows::receive::has_carrier;
use crate::flows::request;
use crate::output::{Output, Report};
use crate::peer::ask::ACK_DEADLINE;
use crate::peer::{CallError, Peers};
use crate::text::prefix::short;
use crate::vault::records::{GrantHeld, Outgoing};
use crate::vault::{AgentLock, VaultError};

pub use error::{Error, ImageError};
pub use sent::SentRequests;

/// Bound on the images of one command.
const MAX_IMAGES: usize = 16;
/// Bound on the start of an agent in this process.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// Arguments of `request`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The owner of the images.
    #[arg(value_name = "USER")]
    user: UserName,
    /// The images' ids, or their first digits; `cameo gallery USER` lists them.
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<String>,
    /// A note for the owner, in one line.
    #[arg(long, default_value = "")]
    note: String,
    /// Do not wait; `cameo agent` receives the carriers when it runs.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the carriers.
    #[arg(long, default_value = "100s", value_parser = length_of_time)]
    timeout: Duration,
    /// Request more views of images that you have.
    #[arg(long)]
    more: bool,
}

/// The agent that receives the carriers, with its notices.
enum Receiver {
    /// The agent of this home, in a process of its own.
    Running(NoticeStream),
    /// An agent in this process.
    Own(Box<Agent>, tokio::sync::broadcast::Receiver<Notice>),
}

/// The state of one image after the request.
enum Progress {
    /// The owner has the request.
    Open(Outgoing, AskOutcome),
    /// There is nothing to wait for.
    Done(Report),
}

/// The result of each image, with its name in the report.
pub type Results = Vec<(String, Result<Report, ImageError>)>;

pub async fn run(
    ctx: &Context,
    out: Output,
    arguments: Arguments,
    sent: &SentRequests,
) -> Result<Results, Error> {
    check(ctx, &arguments)?;
    let person = directory::look_up_active(&ctx.api, &ctx.vault, &arguments.user).await?;
    let (mut receiver, peers) = receiver(ctx).await?;
    let asking = Asking {
        ctx,
        peers: &peers,
        person: &person,
        arguments: &arguments,
        sent,
    };
    let results = asking.all(out, &mut receiver).await;
    if let Receiver::Own(agent, _) = receiver {
        agent.stop().await;
    }
    Ok(results?)
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

/// One run of the command.
struct Asking<'a> {
    ctx: &'a Context,
    peers: &'a Peers,
    person: &'a ResolvedUser,
    arguments: &'a Arguments,
    sent: &'a SentRequests,
}

impl Asking<'_> {
    /// Requests all images concurrently, and waits for their carriers.
    async fn all(&self, out: Output, receiver: &mut Receiver) -> Result<Results, VaultError> {
        let Self {
            ctx,
            person,
            arguments,
            ..
        } = self;
        let chosen = choose::all(ctx, self.peers, person, &arguments.images).await?;
        let bar = out.bar("requesting");
        let (names, chosen): (Vec<_>, Vec<_>) = chosen.into_iter().unzip();
        let calls = chosen
            .into_iter()
            .map(async |chosen| self.one(chosen?).await);
        let each: Vec<_> = stream::iter(calls)
            .buffered(request::CONCURRENT_OUTGOING)
            .collect()
            .await;
        let open: Vec<_> = each
            .iter()
            .filter_map(|progress| match progress {
                Ok(Progress::Open(outgoing, outcome)) => {
                    Some((outgoing.request, *outcome == AskOutcome::Waiting))
                }
                _ => None,
            })
            .collect();
        let is_agent = matches!(receiver, Receiver::Running(_));
        self.sent.set(&person.name, open.clone(), is_agent);
        let open: Vec<_> = open.into_iter().map(|(request, _)| request).collect();
        let mut ended = if arguments.no_wait {
            vec![None; open.len()]
        } else {
            let deadline = arguments.timeout;
            wait::all(ctx, receiver, &open, deadline, &bar).await
        }
        .into_iter();
        bar.finish_and_clear();
        let home = ctx.vault.home();
        let agent = is_agent && AgentLock::holder(home)?.is_some();
        let reports = each.into_iter().map(|progress| match progress? {
            Progress::Done(report) => Ok(report),
            Progress::Open(outgoing, outcome) => {
                let known = report::Known {
                    outcome,
                    ended: ended.next().flatten(),
                    no_wait: arguments.no_wait,
                    agent,
                };
                report::report(ctx, person, &outgoing, known)
            }
        });
        Ok(names.into_iter().zip(reports).collect())
    }

    async fn one(&self, wanted: Wanted) -> Result<Progress, ImageError> {
        let Self { ctx, person, .. } = self;
        let (more, note) = (self.arguments.more, &self.arguments.note);
        let outgoing = match request::held(ctx, person, &wanted.image)? {
            Some(held) if more || has_carrier(&ctx.vault, &held).await? => {
                return Ok(Progress::Done(self.already_held(held).await?));
            }
            Some(held) => request::reopen(ctx, &held)?,
            None => request::request(ctx, person, wanted.image, wanted.title, note)?,
        };
        let outcome = request::ask(ctx, self.peers, &outgoing).await;
        match outcome.map_err(|error| request::not_sent(ctx, person, &outgoing, error))? {
            AskOutcome::Held(grant) => {
                Err(request::held_elsewhere(ctx, person, &outgoing, grant).into())
            }
            outcome => Ok(Progress::Open(outgoing, outcome)),
        }
    }

    /// Handles an image that the home has already. Requests more views if none are left or `--more`
    /// is given.
    async fn already_held(&self, held: GrantHeld) -> Result<Report, ImageError> {
        let Self { ctx, person, .. } = self;
        let info = ctx
            .api
            .grant(&held.grant)
            .await
            .map_err(LedgerError::from)?;
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
                format!("{who} has received the request for more views."),
                "asked_more",
            )),
            _ => Err(CallError::WrongAnswer.of(who).into()),
        }
    }
}
