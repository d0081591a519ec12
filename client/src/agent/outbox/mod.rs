//! The outbox worker: carries out due items for peers and the cluster, and repeats failed ones.

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
use crate::flows::{receive, request, rights, share};
use crate::peer::ask::ACK_DEADLINE;
use crate::vault::records::{Attempts, Incoming, IncomingState, OutboxKey, Outgoing};
use crate::vault::{VaultError, WorkLock};

pub use attempts::backoff;
pub(super) use attempts::{
    mark_told, record_failed_attempt, retry_given_up, retry_now, retry_requested,
};
pub(super) use error::AttemptError;

/// Interval of reading the outbox, while items wait in it and while none do.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
const IDLE_POLL_INTERVAL: Duration = Duration::from_secs(15);

/// Works on due items until dropped.
pub(super) async fn work(core: Core) {
    if let Err(error) = retry_given_up(&core.ctx.vault) {
        core.notices.publish(unreadable(&error));
    }
    let mut lanes = Lanes::default();
    let mut queue = Vec::new();
    let mut next_poll = Instant::now() + POLL_INTERVAL;
    loop {
        tokio::select! {
            _ = timeout_at(next_poll, core.wake.notified()) => {
                let waiting = poll(&core, &mut queue);
                let interval = if waiting { POLL_INTERVAL } else { IDLE_POLL_INTERVAL };
                next_poll = Instant::now() + interval;
            }
            () = lanes.finish_next() => {}
        }
        lanes.sort_by_turn(&mut queue);
        queue.retain(|item: &Due| !lanes.start(item, || attempt(core.clone(), item.clone())));
    }
}

/// Fills the queue with the items that are due now. True if others may be due soon.
fn poll(core: &Core, queue: &mut Vec<Due>) -> bool {
    queue.clear();
    if core.epoch.borrow().is_none() {
        return true;
    }
    match ready(core) {
        Ok((items, waiting)) => {
            *queue = items;
            waiting
        }
        Err(error) => {
            core.notices.publish(unreadable(&error));
            true
        }
    }
}

fn unreadable(error: &VaultError) -> Notice {
    Notice::Trouble {
        what_failed: "reading the outbox".into(),
        why: error.to_string(),
    }
}

/// The items whose time has come, and whether any item is scheduled now or later.
pub(super) fn ready(core: &Core) -> Result<(Vec<Due>, bool), VaultError> {
    let vault = &core.ctx.vault;
    let now = clock::now();
    let mut items = due(vault, now)?;
    let keys: HashSet<OutboxKey> = items.iter().map(|item| item.key).collect();
    let mut next = HashMap::new();
    for (id, attempts) in vault.list::<Attempts>()? {
        if keys.contains(&attempts.key) {
            next.insert(attempts.key, attempts.next);
        } else {
            vault.delete::<Attempts>(&id)?;
        }
    }
    let next = |item: &Due| next.get(&item.key).copied().unwrap_or_default();
    items.retain(|item| next(item) != Attempts::GIVEN_UP);
    let waiting = !items.is_empty();
    items.retain(|item| next(item) <= now);
    // Items of one peer that were never tried come before those that have failed.
    items.sort_by_key(next);
    Ok((items, waiting))
}

async fn attempt(core: Core, item: Due) {
    let key = item.key;
    let lock = match WorkLock::try_on(core.ctx.vault.home(), key) {
        Ok(Some(lock)) => lock,
        Ok(None) => return,
        Err(error) => {
            core.notices.publish(trouble(key, &error));
            return;
        }
    };
    let outcome = carry_out(&core, key).await;
    let kept = match outcome {
        Ok(()) => Attempts::reset(&core.ctx.vault, key),
        Err(error) => record_failed_attempt(&core, &item, &error).await,
    };
    drop(lock);
    if let Err(error) = kept {
        core.notices.publish(trouble(key, &error));
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
            let owned = share::find_owned(ctx, &grant)?;
            if owned.acknowledged < owned.version {
                share::send_rights(ctx, peers, &owned).await?;
            }
        }
        OutboxKey::Denied(request) => send_refusal(core, &request.to_string()).await?,
        OutboxKey::Acknowledge(grant) => receive::acknowledge(ctx, &grant).await?,
        OutboxKey::Confirm(grant) => rights::confirm_again(ctx, &grant).await?,
        OutboxKey::Ask(id) => {
            if let Some(outgoing) = ctx.vault.get::<Outgoing>(&id.to_string())? {
                request::ask(ctx, peers, &outgoing).await?;
            }
        }
    }
    Ok(())
}

/// Tells a viewer that a request was denied or has failed. The cause of a failure is not sent,
/// because it concerns this home.
async fn send_refusal(core: &Core, id: &str) -> Result<(), AttemptError> {
    let ctx = &core.ctx;
    let Some(incoming) = ctx.vault.get::<Incoming>(id)? else {
        return Ok(());
    };
    let request = incoming.request;
    let answer = match incoming.state.clone() {
        IncomingState::Denied {
            reason,
            told: false,
        } => PeerRequest::Denied { request, reason },
        IncomingState::Failed { told: false, .. } => PeerRequest::Failed { request },
        _ => return Ok(()),
    };
    let person = directory::look_up_active(&ctx.api, &ctx.vault, &incoming.viewer).await?;
    let asked = core.peers.ask(&person.reach, answer, ACK_DEADLINE).await;
    let (reply, _, _) = asked.map_err(|error| error.of(&incoming.viewer))?;
    if matches!(reply, PeerReply::Noted) {
        mark_told(&ctx.vault, request, &incoming.state)?;
    }
    Ok(())
}
