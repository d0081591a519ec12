//! What waits for a peer or the cluster, and when it is tried again.
//!
//! Nothing is queued twice: what is to be done follows from the records of grants and requests, and
//! only the attempts are kept beside them. A thing that is done, or has become pointless, is due no
//! more by itself.

mod attempts;
mod lanes;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use cameo_common::ids::{Millis, UserName};
use cameo_common::peer::{PeerReply, PeerRequest};
use tokio::time::{Instant, timeout_at};

use self::lanes::Lanes;
use super::{Core, inbox};
use crate::cli::exit::Failure;
use crate::clock;
use crate::directory;
use crate::flows::notices::Notice;
use crate::flows::share;
use crate::peer::ask::ACK_DEADLINE;
use crate::vault::records::{
    Attempts, GrantHeld, GrantOwned, Incoming, IncomingState, OutboxKey, Outgoing, OutgoingState,
    Stage,
};
use crate::vault::work_lock::Working;
use crate::vault::{Vault, VaultError};

pub use attempts::{backoff, report_offline};
pub(super) use attempts::{begin_anew, failed, is_told, is_wanted, try_now};

/// How often the outbox is looked at while something waits in it, and while nothing does.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_IDLE: Duration = Duration::from_secs(15);

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub key: OutboxKey,
    /// For whose sake it is; none when the cluster alone is told something.
    pub peer: Option<UserName>,
    /// Of the rights that go with it; 0 when none do.
    pub version: u64,
}

impl Due {
    fn for_peer(key: OutboxKey, peer: &UserName) -> Self {
        Self {
            key,
            peer: Some(peer.clone()),
            version: 0,
        }
    }

    fn for_viewer(key: OutboxKey, owned: &GrantOwned) -> Self {
        Self {
            version: owned.version,
            ..Self::for_peer(key, &owned.viewer)
        }
    }

    fn for_cluster(key: OutboxKey) -> Self {
        Self {
            key,
            peer: None,
            version: 0,
        }
    }
}

/// Everything that is to be done, whether or not it is time for it.
///
/// # Errors
/// When the vault cannot be read.
pub fn due(vault: &Vault, now: Millis) -> Result<Vec<Due>, VaultError> {
    let mut due = Vec::new();
    for (_, incoming) in vault.list::<Incoming>()? {
        let request = incoming.request;
        match incoming.state {
            IncomingState::Approved(_) => {
                due.push(Due::for_peer(OutboxKey::Share(request), &incoming.viewer));
            }
            IncomingState::Denied { told: false, .. }
            | IncomingState::Failed { told: false, .. } => {
                let key = OutboxKey::Denied(request);
                due.push(Due::for_peer(key, &incoming.viewer));
            }
            _ => {}
        }
    }
    for (_, owned) in vault.list::<GrantOwned>()? {
        let grant = owned.grant;
        match owned.stage {
            Stage::Carried => {}
            Stage::Recorded if owned.is_live(now) => {
                due.push(Due::for_viewer(OutboxKey::Deliver(grant), &owned));
            }
            Stage::Delivered => due.push(Due::for_cluster(OutboxKey::Receipt(grant))),
            Stage::Recorded | Stage::Settled => {}
        }
        let behind = owned.acknowledged < owned.version;
        if owned.stage >= Stage::Delivered && behind && owned.version > 1 {
            due.push(Due::for_viewer(OutboxKey::Rights(grant), &owned));
        }
    }
    for (_, held) in vault.list::<GrantHeld>()? {
        // The receipt stands for the acknowledgement of version 1.
        if held.version > 1 && held.acknowledged < held.version {
            due.push(Due::for_cluster(OutboxKey::Acknowledge(held.grant)));
        }
    }
    for (_, outgoing) in vault.list::<Outgoing>()? {
        if outgoing.state == OutgoingState::Signed {
            let key = OutboxKey::Ask(outgoing.request);
            due.push(Due::for_peer(key, &outgoing.owner));
        }
    }
    Ok(due)
}

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
    let working = match Working::try_on(core.ctx.vault.home(), key) {
        Ok(Some(working)) => working,
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
    drop(working);
    if let Err(error) = kept {
        core.notices.tell(trouble(key, &error.into()));
    }
}

fn trouble(key: OutboxKey, error: &Failure) -> Notice {
    Notice::Trouble {
        what_failed: key.id(),
        why: error.to_string(),
    }
}

async fn carry_out(core: &Core, key: OutboxKey) -> Result<(), Failure> {
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
        OutboxKey::Acknowledge(grant) => inbox::try_acknowledge(ctx, &grant).await?,
        OutboxKey::Ask(request) => {
            if let Some(outgoing) = ctx.vault.get::<Outgoing>(&request.to_string())? {
                inbox::ask(ctx, peers, &outgoing).await?;
            }
        }
    }
    Ok(())
}

/// Tells a viewer that nothing comes. Why it failed is not his business: it is about this home.
async fn tell_no(core: &Core, id: &str) -> Result<(), Failure> {
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
    let who = incoming.viewer.as_str();
    let asked = core.peers.ask(&person, said, ACK_DEADLINE).await;
    let (reply, _, _) = asked.map_err(|error| error.failure(who))?;
    if matches!(reply, PeerReply::Noted) {
        is_told(&ctx.vault, request, &incoming.state)?;
    }
    Ok(())
}
