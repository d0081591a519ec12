//! What waits for a peer or the cluster, and when it is tried again.
//!
//! Nothing is queued twice: what is to be done follows from the records of grants and requests, and
//! only the attempts are kept beside them. A thing that is done, or has become pointless, is due no
//! more by itself.

use std::time::Duration;

use cameo_common::ids::{Millis, UserName};
use cameo_common::peer::{PeerReply, PeerRequest};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Core, inbox};
use crate::clock;
use crate::directory;
use crate::exit::{Exit, Failure};
use crate::notices::Notice;
use crate::peer::ask::ACK_DEADLINE;
use crate::share;
use crate::vault::records::{
    Attempts, GrantHeld, GrantOwned, Incoming, IncomingState, OutboxKey, Outgoing, OutgoingState,
    Stage, change,
};
use crate::vault::{Vault, VaultError};
use crate::working::Working;

/// First wait after a failed attempt, doubled with each up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// From so many attempts on it is only tried now and then, unless the peer is heard of.
const RARE_AFTER: u32 = 20;
const RARE_PAUSE: Duration = Duration::from_secs(300);
/// After so many attempts in vain the directory is told that the peer is offline.
pub const REPORTED_AFTER: u32 = 3;
/// An approved request that cannot be served after so many attempts has failed.
const MAX_SHARE_ATTEMPTS: u32 = 20;
/// Wait after an attempt that the cluster was not there for; such attempts do not count.
const CLUSTER_PAUSE: Duration = Duration::from_secs(5);
/// How often the outbox is looked at while something waits in it, and while nothing does.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_IDLE: Duration = Duration::from_secs(15);
/// Things that are worked on at the same time: so many photos are placed as a whole and uploaded side by side.
const AT_ONCE: usize = 8;

/// How long to wait after the `count`th failed attempt.
#[must_use]
pub fn backoff(count: u32) -> Duration {
    if count > RARE_AFTER {
        return RARE_PAUSE;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << count.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

/// Everything that is to be done, whether or not it is time for it.
///
/// # Errors
/// When the vault cannot be read.
pub fn due(vault: &Vault, now: Millis) -> Result<Vec<OutboxKey>, VaultError> {
    let mut keys = Vec::new();
    for (_, incoming) in vault.list::<Incoming>()? {
        match incoming.state {
            IncomingState::Approved(_) => keys.push(OutboxKey::Share(incoming.request)),
            IncomingState::Denied { told: false, .. } => {
                keys.push(OutboxKey::Denied(incoming.request));
            }
            _ => {}
        }
    }
    for (_, owned) in vault.list::<GrantOwned>()? {
        match owned.stage {
            Stage::Carried => {}
            Stage::Recorded if owned.is_live(now) => keys.push(OutboxKey::Deliver(owned.grant)),
            Stage::Delivered => keys.push(OutboxKey::Receipt(owned.grant)),
            Stage::Recorded | Stage::Settled => {}
        }
        let behind = owned.acknowledged < owned.version;
        if owned.stage >= Stage::Delivered && behind && owned.version > 1 {
            keys.push(OutboxKey::Rights(owned.grant));
        }
    }
    for (_, held) in vault.list::<GrantHeld>()? {
        // The receipt stands for the acknowledgement of version 1.
        if held.version > 1 && held.acknowledged < held.version {
            keys.push(OutboxKey::Acknowledge(held.grant));
        }
    }
    for (_, outgoing) in vault.list::<Outgoing>()? {
        if outgoing.state == OutgoingState::Signed {
            keys.push(OutboxKey::Ask(outgoing.request));
        }
    }
    Ok(keys)
}

/// Works on what is due, until dropped.
pub(super) async fn work(core: Core) {
    let mut tasks = JoinSet::new();
    let mut pause = LOOK_EVERY;
    loop {
        let _ = timeout(pause, core.wake.notified()).await;
        while tasks.try_join_next().is_some() {}
        if core.epoch.borrow().is_none() {
            continue;
        }
        match ready(&core) {
            Ok((keys, waiting)) => {
                pause = if waiting { LOOK_EVERY } else { LOOK_IDLE };
                for key in keys {
                    if tasks.len() >= AT_ONCE {
                        tasks.join_next().await;
                    }
                    tasks.spawn(attempt(core.clone(), key));
                }
            }
            Err(error) => core.notices.tell(Notice::Trouble {
                what_failed: "reading the outbox".into(),
                why: error.to_string(),
            }),
        }
    }
}

/// What is due and whose time has come; and whether anything is due at all.
fn ready(core: &Core) -> Result<(Vec<OutboxKey>, bool), VaultError> {
    let vault = &core.ctx.vault;
    let now = clock::now();
    let keys = due(vault, now)?;
    let attempts = vault.list::<Attempts>()?;
    for (id, attempt) in &attempts {
        if !keys.contains(&attempt.key) {
            vault.delete::<Attempts>(id)?;
        }
    }
    let later = |key: &OutboxKey| {
        attempts
            .iter()
            .any(|(_, attempt)| attempt.key == *key && attempt.next > now)
    };
    let waiting = !keys.is_empty();
    Ok((
        keys.into_iter().filter(|key| !later(key)).collect(),
        waiting,
    ))
}

/// Forgets how often things for a person failed: he has just been heard of.
pub(super) fn try_now(core: &Core, name: &UserName) -> Result<(), VaultError> {
    let vault = &core.ctx.vault;
    let mut any = false;
    for (id, attempt) in vault.list::<Attempts>()? {
        if peer_of(vault, attempt.key)?.as_ref() == Some(name) {
            any |= vault.delete::<Attempts>(&id)?;
        }
    }
    if any {
        core.wake.notify_one();
    }
    Ok(())
}

async fn attempt(core: Core, key: OutboxKey) {
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
        Ok(()) => core.ctx.vault.delete::<Attempts>(&key.id()).map(drop),
        Err(error) => failed(&core, key, &error).await,
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
        OutboxKey::Denied(request) => tell_denied(core, &request.to_string()).await?,
        OutboxKey::Acknowledge(grant) => inbox::try_acknowledge(ctx, &grant).await?,
        OutboxKey::Ask(request) => {
            if let Some(outgoing) = ctx.vault.get::<Outgoing>(&request.to_string())? {
                inbox::ask(ctx, peers, &outgoing).await?;
            }
        }
    }
    Ok(())
}

async fn tell_denied(core: &Core, id: &str) -> Result<(), Failure> {
    let ctx = &core.ctx;
    let Some(incoming) = ctx.vault.get::<Incoming>(id)? else {
        return Ok(());
    };
    let IncomingState::Denied {
        reason,
        told: false,
    } = &incoming.state
    else {
        return Ok(());
    };
    let person = directory::look_up(&ctx.api, &ctx.vault, &incoming.viewer).await?;
    let request = PeerRequest::Denied {
        request: incoming.request,
        reason: reason.clone(),
    };
    let who = incoming.viewer.as_str();
    let asked = core.peers.ask(&person, request, ACK_DEADLINE).await;
    let (reply, _, _) = asked.map_err(|error| error.failure(who))?;
    if matches!(reply, PeerReply::Noted) {
        change::<Incoming>(&ctx.vault, id, |kept| {
            if let IncomingState::Denied { told, .. } = &mut kept.state {
                *told = true;
            }
        })?;
    }
    Ok(())
}

async fn failed(core: &Core, key: OutboxKey, error: &Failure) -> Result<(), VaultError> {
    let vault = &core.ctx.vault;
    let mut count = 0;
    vault.update::<Attempts, VaultError>(&key.id(), |found| {
        let before = found.map_or(0, |attempts| attempts.count);
        let (counted, pause) = tally(before, error);
        count = counted;
        let pause = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        Ok(Some(Attempts {
            key,
            count,
            next: clock::now().saturating_add(pause),
            last_error: error.message.clone(),
        }))
    })?;
    core.notices.tell(trouble(key, error));
    if let OutboxKey::Share(request) = key
        && gives_up(error, count)
    {
        change::<Incoming>(vault, &request.to_string(), |incoming| {
            incoming.state = IncomingState::Failed(error.message.clone());
        })?;
    }
    if let OutboxKey::Ask(request) = key
        && matches!(
            error.exit,
            Exit::NotFound | Exit::Denied | Exit::IdentityChanged
        )
    {
        change::<Outgoing>(vault, &request.to_string(), |outgoing| {
            outgoing.state = OutgoingState::Denied(error.message.clone());
        })?;
    }
    if error.exit == Exit::Queued
        && count == REPORTED_AFTER
        && let Some(name) = peer_of(vault, key)?
    {
        report_offline(&core.ctx, &core.notices, &name).await;
    }
    Ok(())
}

/// The attempts that count after one that failed so, and the wait before the next. That the
/// cluster was not there, or had no time, says nothing about the thing itself.
fn tally(before: u32, error: &Failure) -> (u32, Duration) {
    if error.exit == Exit::NoQuorum || error.code == share::BUSY {
        return (before, CLUSTER_PAUSE);
    }
    let count = before.saturating_add(1);
    (count, backoff(count))
}

/// Whether a request has failed for good, after so many attempts that count.
fn gives_up(error: &Failure, count: u32) -> bool {
    is_hopeless(error) || count >= MAX_SHARE_ATTEMPTS
}

/// Whether trying again can never help.
fn is_hopeless(error: &Failure) -> bool {
    matches!(
        error.code,
        "not_found" | "damaged" | "cover" | "not_a_photo" | "grant_exists" | "identity_changed"
    )
}

/// Whom a thing is for; none when it is for the cluster alone.
fn peer_of(vault: &Vault, key: OutboxKey) -> Result<Option<UserName>, VaultError> {
    Ok(match key {
        OutboxKey::Deliver(grant) | OutboxKey::Rights(grant) => vault
            .get::<GrantOwned>(&grant.to_string())?
            .map(|owned| owned.viewer),
        OutboxKey::Denied(request) => vault
            .get::<Incoming>(&request.to_string())?
            .map(|incoming| incoming.viewer),
        OutboxKey::Ask(request) => vault
            .get::<Outgoing>(&request.to_string())?
            .map(|outgoing| outgoing.owner),
        OutboxKey::Share(_) | OutboxKey::Receipt(_) | OutboxKey::Acknowledge(_) => None,
    })
}

/// Tells the directory that a counterparty does not answer; it looks for itself before it drops him.
pub async fn report_offline(
    ctx: &crate::context::Context,
    notices: &crate::notices::Notices,
    name: &UserName,
) {
    let reported = async {
        let info = ctx.api.user(name).await?;
        match info.epoch {
            Some(epoch) if info.online == Some(true) => ctx
                .api
                .report_offline(name, epoch)
                .await
                .map(|told| told.offline),
            _ => Ok(info.online == Some(false)),
        }
    };
    match reported.await {
        Ok(true) => notices.tell(Notice::Offline { user: name.clone() }),
        Ok(false) => tracing::info!(%name, "reported offline, but gave a sign of life"),
        Err(error) => notices.tell(Notice::Trouble {
            what_failed: format!("reporting that {name} is offline"),
            why: error.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cluster_api::ClusterError;
    use proptest::prelude::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let seconds: Vec<u64> = (1..=7).map(|count| backoff(count).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff(RARE_AFTER), LONGEST_PAUSE);
        assert_eq!(backoff(RARE_AFTER + 1), RARE_PAUSE);
    }

    #[test]
    fn a_request_does_not_fail_because_the_cluster_is_away() {
        let mut count = 0;
        for attempt in 0..2 * MAX_SHARE_ATTEMPTS {
            let error = Failure::from(match attempt % 2 {
                0 => ClusterError::NoQuorum,
                _ => ClusterError::OutcomeUnknown,
            });
            let (counted, pause) = tally(count, &error);
            count = counted;
            assert!(!gives_up(&error, count), "after {count}");
            assert_eq!(pause, CLUSTER_PAUSE);
        }
    }

    #[test]
    fn a_request_that_fails_by_itself_fails_for_good_in_the_end() {
        let error = Failure::other("peer", "no");
        let mut count = 0;
        for attempt in 1..=MAX_SHARE_ATTEMPTS {
            count = tally(count, &error).0;
            assert_eq!(gives_up(&error, count), attempt == MAX_SHARE_ATTEMPTS);
        }
    }

    proptest! {
        #[test]
        fn every_wait_is_within_its_limits(count in any::<u32>()) {
            let wait = backoff(count);
            prop_assert!(wait >= FIRST_PAUSE && wait <= RARE_PAUSE);
            prop_assert!(backoff(count.saturating_add(1)) >= wait);
        }
    }
}
