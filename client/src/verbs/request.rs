//! `request`: ask somebody for an image, and wait until its carrier is here.
//!
//! Carriers are received by the agent of this home. Where none runs, this verb is the agent for as
//! long as it waits.

use std::time::Duration;

use cameo_common::ids::{GrantId, ImageId, RequestId, UserName};
use cameo_common::peer::{AskOutcome, MAX_NOTE, PeerReply, PeerRequest};
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;
use clap::Args;
use indicatif::ProgressBar;
use tokio::time::{Instant, timeout, timeout_at};

use super::{gallery, length_of_time};
use crate::agent::{Agent, Options, inbox};
use crate::clock;
use crate::context::Context;
use crate::control::{self, Following};
use crate::conversation::{Peers, TalkError};
use crate::directory::{self, Person};
use crate::exit::{Exit, Failure};
use crate::notices::Notice;
use crate::peer::ask::ACK_DEADLINE;
use crate::prefix::{resolve, short};
use crate::print::{Output, Report};
use crate::vault::VaultError;
use crate::vault::records::{GrantHeld, Outgoing, OutgoingState, SeenGallery, change};
use crate::words::tidy;

/// How often the vault is looked at while notices are waited for.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Longest start of an agent of one's own.
const START_DEADLINE: Duration = Duration::from_secs(20);

/// What `request` needs.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Whose image.
    #[arg(value_name = "USER")]
    user: UserName,
    /// The image's id, or its first digits; `cameo gallery USER` lists them.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// A line for the owner.
    #[arg(long, default_value = "")]
    note: String,
    /// Ask, and leave the rest to the agent.
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the carrier.
    #[arg(long, default_value = "100s", value_parser = length_of_time)]
    timeout: u64,
    /// Ask for more views of an image that you have.
    #[arg(long)]
    more: bool,
}

/// Who receives the carrier, and tells about it.
enum Receiver {
    /// The agent of this home, in a process of its own.
    Running(Following),
    /// An agent in this process.
    Own(Box<Agent>, tokio::sync::broadcast::Receiver<Notice>),
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
    let (image, title) = choose(ctx, peers, person, &arguments.image).await?;
    let outgoing = match held(ctx, person, &image)? {
        Some(held) if arguments.more || inbox::has_carrier(&ctx.vault, &held).await? => {
            return have_it(ctx, peers, person, held, arguments).await;
        }
        Some(held) => once_more(ctx, &held)?,
        None => wish(ctx, person, image, title, &arguments.note)?,
    };
    let bar = ctx.out.bar("asking");
    let outcome = inbox::ask(ctx, peers, &outgoing).await;
    let outcome = outcome.map_err(|error| {
        bar.finish_and_clear();
        unasked(ctx, person, &outgoing, error)
    })?;
    if let AskOutcome::Held(grant) = outcome {
        bar.finish_and_clear();
        return Err(lost(ctx, person, &outgoing, grant));
    }
    let ended = if arguments.no_wait {
        None
    } else {
        let deadline = Duration::from_millis(arguments.timeout);
        wait(ctx, receiver, &outgoing, deadline, &bar).await
    };
    bar.finish_and_clear();
    report(ctx, person, &outgoing, outcome, ended, arguments.no_wait)
}

/// What can never come is forgotten; what an absent owner has not heard is asked again.
fn unasked(ctx: &Context, person: &Person, outgoing: &Outgoing, error: Failure) -> Failure {
    match error.exit {
        Exit::NotFound | Exit::Denied => {
            forget(ctx, outgoing);
            error
        }
        Exit::Queued => Failure {
            message: format!(
                "{0} is offline: the request is kept, and your agent asks again until {0} is back",
                person.name
            ),
            ..error.with("request", outgoing.request.to_string())
        },
        _ => error,
    }
}

/// The image that was meant. Its whole id needs no look at the gallery.
async fn choose(
    ctx: &Context,
    peers: &Peers,
    person: &Person,
    text: &str,
) -> Result<(ImageId, String), Failure> {
    let user = person.name.as_str();
    let (image, titles) = match text.parse::<ImageId>() {
        Ok(image) => {
            let seen = ctx.vault.get::<SeenGallery>(user)?.unwrap_or_default();
            (image, seen.titles)
        }
        Err(_) => {
            let shown = gallery::look(ctx, peers, person).await?;
            let image = resolve(
                text,
                shown.iter().map(|shown| shown.item.image),
                "image in this gallery",
                "`cameo gallery USER` lists them",
            )?;
            let titles = shown
                .into_iter()
                .map(|shown| (shown.item.image, tidy(&shown.item.title)));
            (image, titles.collect())
        }
    };
    let title = titles.into_iter().find(|(known, _)| *known == image);
    Ok((image, title.map(|(_, title)| title).unwrap_or_default()))
}

/// The newest live grant of this image, whether or not its carrier is whole.
fn held(ctx: &Context, person: &Person, image: &ImageId) -> Result<Option<GrantHeld>, Failure> {
    let now = clock::now();
    let mut newest: Option<GrantHeld> = None;
    for (_, held) in ctx.vault.list::<GrantHeld>()? {
        let rights = held.rights.peek()?;
        let live = !rights.revoked && rights.expires.is_none_or(|expires| now < expires);
        let same = held.owner_key == person.card.key && held.image == *image;
        let newer = newest
            .as_ref()
            .is_none_or(|newest| newest.received < held.received);
        if same && live && newer {
            newest = Some(held);
        }
    }
    Ok(newest)
}

/// The wish that a grant came of: asked again, it has the lost carrier sent again.
fn once_more(ctx: &Context, held: &GrantHeld) -> Result<Outgoing, Failure> {
    let kept = change::<Outgoing>(&ctx.vault, &held.request_id.to_string(), |outgoing| {
        outgoing.state = OutgoingState::Signed;
    })?;
    kept.ok_or_else(|| {
        Failure::other(
            "request_lost",
            format!(
                "the carrier is damaged and the request for it is not in the home any more: ask {0} to revoke {1}, then run this again",
                held.owner,
                short(&held.grant)
            ),
        )
    })
}

/// A wish that came to nothing: gone, unless a grant came of it before.
fn forget(ctx: &Context, outgoing: &Outgoing) {
    let request = outgoing.request;
    let forgotten = granted(ctx, &request).and_then(|grant| {
        let id = request.to_string();
        match grant {
            Some(grant) => change::<Outgoing>(&ctx.vault, &id, |outgoing| {
                outgoing.state = OutgoingState::Arrived(grant);
            })
            .map(drop),
            None => ctx.vault.delete::<Outgoing>(&id).map(drop),
        }
    });
    if let Err(error) = forgotten {
        tracing::warn!(%request, %error, "the request stays as it was");
    }
}

/// The grant that came of a wish.
fn granted(ctx: &Context, request: &RequestId) -> Result<Option<GrantId>, VaultError> {
    let all = ctx.vault.list::<GrantHeld>()?;
    let mut held = all.into_iter().map(|(_, held)| held);
    Ok(held
        .find(|held| held.request_id == *request)
        .map(|held| held.grant))
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

/// The owner holds a grant that this home knows nothing of.
fn lost(ctx: &Context, person: &Person, outgoing: &Outgoing, grant: GrantId) -> Failure {
    forget(ctx, outgoing);
    Failure::other(
        "held_elsewhere",
        format!(
            "{0} shares this image with you already (grant {1}), but this home does not have it: look on your other device, or ask {0} to revoke it and ask again",
            person.name,
            short(&grant)
        ),
    )
}

/// The same wish however often it is asked.
fn wish(
    ctx: &Context,
    person: &Person,
    image: ImageId,
    title: String,
    note: &str,
) -> Result<Outgoing, Failure> {
    for outgoing in crate::agent::open_requests(ctx)? {
        let same = outgoing.image == image && outgoing.owner_key == person.card.key;
        // One that a grant came of, which has ended since, is no way to another.
        if same && granted(ctx, &outgoing.request)?.is_none() {
            return Ok(outgoing);
        }
    }
    let key = ctx.me.identity_key();
    let request = clock::request_id();
    let signed = Signed::new(
        &key,
        PhotoRequest {
            viewer: key.public(),
            owner: person.card.key,
            image,
            request,
            asked_at: clock::now(),
        },
    );
    let outgoing = Outgoing {
        request,
        owner: person.name.clone(),
        owner_key: person.card.key,
        image,
        title,
        signed,
        note: note.to_owned(),
        asked_at: clock::now(),
        state: OutgoingState::Signed,
    };
    ctx.vault.put(&request.to_string(), &outgoing)?;
    Ok(outgoing)
}

/// Until the carrier is here, the owner has said no, or the time is up.
async fn wait(
    ctx: &Context,
    receiver: &mut Receiver,
    outgoing: &Outgoing,
    deadline: Duration,
    bar: &ProgressBar,
) -> Option<OutgoingState> {
    let end = Instant::now() + deadline;
    bar.set_message("waiting for the carrier");
    loop {
        let kept = ctx.vault.get::<Outgoing>(&outgoing.request.to_string());
        if let Ok(Some(kept)) = kept
            && matches!(
                kept.state,
                OutgoingState::Arrived(_) | OutgoingState::Denied(_)
            )
        {
            return Some(kept.state);
        }
        if Instant::now() >= end {
            return None;
        }
        let look = (Instant::now() + LOOK_EVERY).min(end);
        let notice = match receiver {
            Receiver::Running(following) => match timeout_at(look, following.next()).await {
                Ok(Ok(notice)) => Some(notice),
                // The agent has gone: the vault still tells.
                Ok(Err(_)) => {
                    tokio::time::sleep_until(look).await;
                    None
                }
                Err(_) => None,
            },
            Receiver::Own(_, notices) => timeout_at(look, notices.recv())
                .await
                .ok()
                .and_then(Result::ok),
        };
        if let Some(Notice::Arriving {
            request,
            received,
            length,
        }) = notice
            && request == outgoing.request
        {
            Output::measure(bar, length);
            bar.set_position(received);
        }
    }
}

fn report(
    ctx: &Context,
    person: &Person,
    outgoing: &Outgoing,
    outcome: AskOutcome,
    ended: Option<OutgoingState>,
    no_wait: bool,
) -> Result<Report, Failure> {
    let who = &person.name;
    match ended {
        Some(OutgoingState::Arrived(grant)) => {
            let held = ctx.vault.get::<GrantHeld>(&grant.to_string())?;
            let held = held.ok_or_else(|| Failure::other("vault", "the grant has just gone"))?;
            let rights = held.rights.peek()?;
            let carrier = ctx.vault.blob_path(GrantHeld::CARRIERS, &held.blob())?;
            let text = format!(
                "It is here: {}\n`cameo view {}` uses 1 of {}.",
                carrier.display(),
                short(&grant),
                rights.permitted
            );
            Ok(Report::new(text)
                .with("state", "arrived")
                .with("request", outgoing.request)
                .with("grant", grant)
                .with("carrier", carrier)
                .with("views", rights.permitted))
        }
        Some(OutgoingState::Denied(reason)) => Err(Failure::denied(if reason.is_empty() {
            format!("{who} says no")
        } else {
            format!("{who} says no: {reason}")
        })),
        _ => {
            let waiting = outcome == AskOutcome::Waiting;
            let text = if waiting {
                format!("{who} is asked; the carrier comes to your agent after a yes.")
            } else {
                format!("{who}'s agent prepares it; your agent receives it.")
            };
            let report = Report::new(text)
                .with("state", if waiting { "waiting" } else { "preparing" })
                .with("request", outgoing.request);
            Ok(if waiting || no_wait {
                report
            } else {
                report.ending(Exit::Queued)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use cameo_common::ids::Hash;

    use super::*;
    use crate::agent::tests::{IMAGE, ME, OTHER, World, alone, key, person, rights};
    use crate::vault::records::Secret;

    const CARRIER: &[u8] = b"a carrier";

    fn ada() -> Person {
        let user = person("ada", OTHER);
        Person {
            name: user.name,
            card: user.card,
            addresses: Vec::new(),
            devices: Vec::new(),
            online: None,
            epoch: None,
            newly_met: false,
        }
    }

    /// A home that asked once, and was given a grant.
    fn given() -> (World, GrantHeld) {
        let world = alone();
        let ctx = &world.core.ctx;
        let outgoing = wish(ctx, &ada(), IMAGE, String::new(), "").unwrap();
        let grant = GrantId([21; 32]);
        let held = GrantHeld {
            grant,
            image: IMAGE,
            owner: "ada".parse().unwrap(),
            owner_key: key(OTHER).public(),
            request_id: outgoing.request,
            title: String::new(),
            manifest: Signed::from_bytes(vec![1]),
            codec_key: Secret::new([4; 32]),
            carrier: Hash::of(CARRIER),
            rights: rights(OTHER, grant, 1),
            version: 1,
            confirmed: 1,
            acknowledged: 1,
            used: 0,
            received: 1,
        };
        ctx.vault.put(&grant.to_string(), &held).unwrap();
        ctx.vault
            .put_blob(GrantHeld::CARRIERS, &held.blob(), CARRIER)
            .unwrap();
        forget(ctx, &outgoing);
        (world, held)
    }

    #[tokio::test]
    async fn a_carrier_is_here_only_while_it_is_the_one_that_came() {
        let (world, held) = given();
        let vault = world.vault();
        assert!(inbox::has_carrier(vault, &held).await.unwrap());
        vault
            .put_blob(GrantHeld::CARRIERS, &held.blob(), b"A carrier")
            .unwrap();
        assert!(!inbox::has_carrier(vault, &held).await.unwrap());
        vault
            .delete_blob(GrantHeld::CARRIERS, &held.blob())
            .unwrap();
        assert!(!inbox::has_carrier(vault, &held).await.unwrap());
    }

    #[tokio::test]
    async fn a_lost_carrier_is_asked_for_by_the_wish_that_it_came_of() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        ctx.vault
            .delete_blob(GrantHeld::CARRIERS, &grant.blob())
            .unwrap();
        let found = held(ctx, &ada(), &IMAGE).unwrap().unwrap();
        let again = once_more(ctx, &found).unwrap();
        assert_eq!(again.request, grant.request_id);
        assert_eq!(again.signed.verify().unwrap().viewer, key(ME).public());
        // It is open until the carrier is here: the agent asks again by itself.
        assert_eq!(world.outgoing(again.request).state, OutgoingState::Signed);
    }

    #[tokio::test]
    async fn a_no_to_asking_again_leaves_the_grant_its_wish() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        let again = once_more(ctx, &grant).unwrap();
        let _ = lost(ctx, &ada(), &again, GrantId([8; 32]));
        let kept = world.outgoing(grant.request_id);
        assert_eq!(kept.state, OutgoingState::Arrived(grant.grant));
    }

    #[tokio::test]
    async fn a_wish_that_a_grant_came_of_is_no_way_to_another() {
        let (world, grant) = given();
        let ctx = &world.core.ctx;
        once_more(ctx, &grant).unwrap();
        let new = wish(ctx, &ada(), IMAGE, String::new(), "").unwrap();
        assert_ne!(new.request, grant.request_id);
        let same = wish(ctx, &ada(), IMAGE, String::new(), "").unwrap();
        assert_eq!(same.request, new.request);
    }
}
