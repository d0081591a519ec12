//! Work on what waits for a peer or the cluster, and when it is tried again.

mod attempts;
mod error;
mod lanes;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::time::Duration;

use cameo_common::peer::{PeerReply, PeerRequest};
use tokio::time::{Instant, timeout_at};

use self::lanes::Lanes;
use super::Core;
use crate::clock;
use crate::directory;
use crate::flows::notices::Notice;
use crate::flows::outbox::{Due, due};
use crate::flows::{receive, request, share};
use crate::peer::ask::ACK_DEADLINE;
use crate::vault::records::{Attempts, Incoming, IncomingState, OutboxKey, Outgoing};
use crate::vault::{VaultError, WorkLock};

pub use attempts::backoff;
pub(super) use attempts::{begin_anew, failed, is_told, is_wanted, try_now};
pub(super) use error::AttemptError;

/// How often the outbox is looked at while something waits in it, and while nothing does.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_IDLE: Duration = Duration::from_secs(15);

/// Works on what is due, until dropped.
pub(super) async fn work(core: Core) {
    if let Err(error) = begin_anew(&core.ctx.vault) {
        core.notices.tell(unread(&error));
    }
    let mut lanes = Lanes::default();
    let mut queue = Vec::new();
    let mut next_look = Instant::now() + LOOK_EVERY;
    loop {
        tokio::select! {
            _ = timeout_at(next_look, core.wake.notified()) => {
                let waiting = look(&core, &mut queue);
                next_look = Instant::now() + if waiting { LOOK_EVERY } else { LOOK_IDLE };
            }
            () = lanes.one_ended() => {}
        }
        lanes.take_turns(&mut queue);
        queue.retain(|thing: &Due| !lanes.take(thing, || attempt(core.clone(), thing.clone())));
    }
}

/// Queues what is due and whose time has come; says whether it is worth looking again soon.
fn look(core: &Core, queue: &mut Vec<Due>) -> bool {
    queue.clear();
    if core.epoch.borrow().is_none() {
        return true;
    }
    match ready(core) {
        Ok((things, waiting)) => {
            *queue = things;
            waiting
        }
        Err(error) => {
            core.notices.tell(unread(&error));
            true
        }
    }
}

fn unread(error: &VaultError) -> Notice {
    Notice::Trouble {
        what_failed: "reading the outbox".into(),
        why: error.to_string(),
    }
}

/// What is due and whose time has come; and whether the time of anything has come or will come.
pub(super) fn ready(core: &Core) -> Result<(Vec<Due>, bool), VaultError> {
    let vault = &core.ctx.vault;
    let now = clock::now();
    let mut things = due(vault, now)?;
    let keys: HashSet<OutboxKey> = things.iter().map(|thing| thing.key).collect();
    let mut next = HashMap::new();
    for (id, attempts) in vault.list::<Attempts>()? {
        if keys.contains(&attempts.key) {
            next.insert(attempts.key, attempts.next);
        } else {
            vault.delete::<Attempts>(&id)?;
        }
    }
    let next = |thing: &Due| next.get(&thing.key).copied().unwrap_or_default();
    things.retain(|thing| next(thing) != Attempts::GIVEN_UP);
    let waiting = !things.is_empty();
    things.retain(|thing| next(thing) <= now);
    // Of what is for one peer, what was never tried comes before what has failed.
    things.sort_by_key(next);
    Ok((things, waiting))
}

async fn attempt(core: Core, thing: Due) {
    let key = thing.key;
    let lock = match WorkLock::try_on(core.ctx.vault.home(), key) {
        Ok(Some(lock)) => lock,
        Ok(None) => return,
        Err(error) => {
            core.notices.tell(trouble(key, &error));
            return;
        }
    };
    let outcome = carry_out(&core, key).await;
    let kept = match outcome {
        Ok(()) => Attempts::forget(&core.ctx.vault, key),
        Err(error) => failed(&core, &thing, &error).await,
    };
    drop(lock);
    if let Err(error) = kept {
        core.notices.tell(trouble(key, &error));
    }
}

fn trouble(key: OutboxKey, error: &dyn Error) -> Notice {
    Notice::Trouble {
        what_failed: key.id(),
        why: error.to_string(),
    }
}

async fn carry_out(core: &Core, key: OutboxKey) -> Result<(), AttemptError> {
    let Core {
        ctx,
        peers,
        notices,
        ..
    } = core;
    match key {
        OutboxKey::Share(request) => {
            share::make(ctx, notices, &request).await?;
            core.wake.notify_one();
        }
        OutboxKey::Deliver(grant) | OutboxKey::Receipt(grant) => {
            share::hand_over(ctx, peers, notices, &grant).await?;
        }
        OutboxKey::Rights(grant) => {
            let owned = share::owned(ctx, &grant)?;
            if owned.acknowledged < owned.version {
                share::send_rights(ctx, peers, &owned).await?;
            }
        }
        OutboxKey::Denied(request) => tell_no(core, &request.to_string()).await?,
        OutboxKey::Acknowledge(grant) => receive::acknowledge(ctx, &grant).await?,
        OutboxKey::Ask(id) => {
            if let Some(outgoing) = ctx.vault.get::<Outgoing>(&id.to_string())? {
                request::ask(ctx, peers, &outgoing).await?;
            }
        }
    }
    Ok(())
}

/// Tells a viewer that nothing comes. Why it failed is not told: it is about this home.
async fn tell_no(core: &Core, id: &str) -> Result<(), AttemptError> {
    let ctx = &core.ctx;
    let Some(incoming) = ctx.vault.get::<Incoming>(id)? else {
        return Ok(());
    };
    let request = incoming.request;
    let said = match incoming.state.clone() {
        IncomingState::Denied {
            reason,
            told: false,
        } => PeerRequest::Denied { request, reason },
        IncomingState::Failed { told: false, .. } => PeerRequest::Failed { request },
        _ => return Ok(()),
    };
    let person = directory::look_up(&ctx.api, &ctx.vault, &incoming.viewer).await?;
    let asked = core.peers.ask(&person.reach, said, ACK_DEADLINE).await;
    let (reply, _, _) = asked.map_err(|error| error.of(&incoming.viewer))?;
    if matches!(reply, PeerReply::Noted) {
        is_told(&ctx.vault, request, &incoming.state)?;
    }
    Ok(())
}
