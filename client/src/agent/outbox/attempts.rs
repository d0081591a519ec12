//! How often things were tried, and what follows from it.

use std::time::Duration;

use cameo_common::ids::{GrantId, RequestId, UserName};

use super::error::AttemptError;
use super::trouble;
use crate::agent::Core;
use crate::clock;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::outbox::Due;
use crate::flows::presence::report_offline;
use crate::vault::records::{
    Attempts, GrantOwned, Incoming, IncomingState, OutboxKey, Outgoing, OutgoingState, change,
};
use crate::vault::{Vault, VaultError};

/// First wait after a failed attempt, doubled with each up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// From so many attempts on it is only tried now and then, unless the peer is heard of.
const RARE_AFTER: u32 = 20;
const RARE_PAUSE: Duration = Duration::from_secs(300);
/// After so many attempts in vain the directory is told that the peer is offline.
const REPORTED_AFTER: u32 = 3;
/// An approved request that cannot be served after so many attempts has failed.
const MAX_SHARE_ATTEMPTS: u32 = 20;
/// A viewer's agent that has not understood a no after so many attempts never will.
const MAX_TELLINGS: u32 = 20;
/// Wait after an attempt that the cluster was not there for; such attempts do not count.
const CLUSTER_PAUSE: Duration = Duration::from_secs(5);

/// How long to wait after the `count`th failed attempt.
#[must_use]
pub fn backoff(count: u32) -> Duration {
    if count > RARE_AFTER {
        return RARE_PAUSE;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << count.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

/// Forgets how often things for a person failed: he has just been heard of.
pub(in crate::agent) fn try_now(core: &Core, name: &UserName) -> Result<(), VaultError> {
    let vault = &core.ctx.vault;
    let mut any = false;
    for (id, attempts) in vault.list::<Attempts>()? {
        if !attempts.are_over() && listener(vault, attempts.key)?.as_ref() == Some(name) {
            any |= vault.delete::<Attempts>(&id)?;
        }
    }
    if any {
        core.wake.notify_one();
    }
    Ok(())
}

/// Who has to listen, for a thing to be done.
fn listener(vault: &Vault, key: OutboxKey) -> Result<Option<UserName>, VaultError> {
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

/// The viewer has asked for it: what he refused before may be welcome now.
pub(in crate::agent) fn is_wanted(vault: &Vault, grant: GrantId) -> Result<(), VaultError> {
    Attempts::forget(vault, OutboxKey::Deliver(grant))?;
    Attempts::forget(vault, OutboxKey::Rights(grant))
}

/// What was refused for good gets another chance: the agent has been started anew, maybe as another version, with
/// another certificate, or after the peer has mended something.
pub(in crate::agent) fn begin_anew(vault: &Vault) -> Result<(), VaultError> {
    for (id, attempts) in vault.list::<Attempts>()? {
        if attempts.are_over() {
            vault.delete::<Attempts>(&id)?;
        }
    }
    Ok(())
}

/// Keeps that an attempt failed, and what follows from it.
pub(in crate::agent) async fn failed(
    core: &Core,
    thing: &Due,
    error: &AttemptError,
) -> Result<(), VaultError> {
    let (vault, key) = (&core.ctx.vault, thing.key);
    core.notices.tell(trouble(key, error));
    let before = vault.get::<Attempts>(&key.id())?;
    let (count, pause) = tally(before.map_or(0, |attempts| attempts.count), error.kind());
    let mut attempts = Attempts {
        key,
        count,
        next: clock::now().plus(pause),
        last_error: error.to_string(),
    };
    if gives_up(key, error.kind(), count) {
        attempts.next = Attempts::GIVEN_UP;
        return give_up(vault, thing, &attempts);
    }
    vault.put(&key.id(), &attempts)?;
    if error.kind() == ErrorKind::PeerOffline
        && count == REPORTED_AFTER
        && let Some(name) = listener(vault, key)?
    {
        report_offline(&core.ctx, &core.notices, &name).await;
    }
    Ok(())
}

/// A request comes to its end; what a peer refuses stays as it is, until they want it or the agent is started anew.
fn give_up(vault: &Vault, thing: &Due, attempts: &Attempts) -> Result<(), VaultError> {
    let key = thing.key;
    let why = || attempts.last_error.clone();
    match key {
        // The end is kept first: a request whose attempts were over without it would wait for ever.
        OutboxKey::Share(request) => {
            change::<Incoming>(vault, &request.to_string(), |incoming| {
                // A verb may have made or denied it meanwhile.
                if matches!(incoming.state, IncomingState::Approved(_)) {
                    let (why, told) = (why(), false);
                    incoming.state = IncomingState::Failed { why, told };
                }
            })?;
            Attempts::forget(vault, OutboxKey::Denied(request))?;
            Attempts::forget(vault, key)
        }
        OutboxKey::Ask(request) => {
            change::<Outgoing>(vault, &request.to_string(), |outgoing| {
                if !outgoing.state.is_over() {
                    outgoing.state = OutgoingState::Denied(why());
                }
            })?;
            Attempts::forget(vault, key)
        }
        OutboxKey::Deliver(grant) | OutboxKey::Rights(grant) => {
            vault.put(&key.id(), attempts)?;
            let owned = vault.get::<GrantOwned>(&grant.to_string())?;
            // Rights that were signed meanwhile have not been refused.
            if owned.is_some_and(|owned| owned.version != thing.version) {
                Attempts::forget(vault, key)?;
            }
            Ok(())
        }
        OutboxKey::Denied(_) | OutboxKey::Receipt(_) | OutboxKey::Acknowledge(_) => {
            vault.put(&key.id(), attempts)
        }
    }
}

/// The viewer knows what was said, unless it is not so any more.
pub(in crate::agent) fn is_told(
    vault: &Vault,
    request: RequestId,
    said: &IncomingState,
) -> Result<(), VaultError> {
    change::<Incoming>(vault, &request.to_string(), |kept| {
        if kept.state == *said
            && let IncomingState::Denied { told, .. } | IncomingState::Failed { told, .. } =
                &mut kept.state
        {
            *told = true;
        }
    })?;
    Ok(())
}

/// The attempts that count after one that failed so, and the wait before the next. That the
/// cluster was not there, or had no time, says nothing about the thing itself.
fn tally(before: u32, kind: ErrorKind) -> (u32, Duration) {
    if matches!(kind, ErrorKind::ClusterAway | ErrorKind::Busy) {
        return (before, CLUSTER_PAUSE);
    }
    let count = before.saturating_add(1);
    (count, backoff(count))
}

/// Whether a thing has failed for good, after so many attempts that count.
fn gives_up(key: OutboxKey, kind: ErrorKind, count: u32) -> bool {
    match key {
        OutboxKey::Share(_) => is_hopeless(kind) || count >= MAX_SHARE_ATTEMPTS,
        OutboxKey::Ask(_) => kind.is_absence() || kind.is_denial() || kind.is_distrust(),
        OutboxKey::Deliver(_) => is_refused(kind, count),
        // An agent of an earlier version does not understand that something failed.
        OutboxKey::Denied(_) => {
            is_refused(kind, count) || (count >= MAX_TELLINGS && kind == ErrorKind::PeerMismatch)
        }
        // The viewer's home has the grant no more.
        OutboxKey::Rights(_) => kind == ErrorKind::NotFound || is_refused(kind, count),
        // The ledger takes them in the end.
        OutboxKey::Receipt(_) | OutboxKey::Acknowledge(_) => false,
    }
}

/// Whether the peer will never take it. That they seem to be somebody else may only mean that another device has got
/// their address meanwhile.
fn is_refused(kind: ErrorKind, count: u32) -> bool {
    match kind {
        ErrorKind::Refused => true,
        ErrorKind::IdentityChanged => count >= RARE_AFTER,
        _ => false,
    }
}

/// Whether trying again can never help.
fn is_hopeless(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Hopeless | ErrorKind::NotFound | ErrorKind::IdentityChanged
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cluster_api::ClusterError;
    use proptest::prelude::*;

    const SHARE: OutboxKey = OutboxKey::Share(RequestId([1; 16]));

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
            let error = match attempt % 2 {
                0 => ClusterError::NoQuorum,
                _ => ClusterError::OutcomeUnknown,
            };
            let (counted, pause) = tally(count, error.kind());
            count = counted;
            assert!(!gives_up(SHARE, error.kind(), count), "after {count}");
            assert_eq!(pause, CLUSTER_PAUSE);
        }
    }

    #[test]
    fn a_request_that_fails_by_itself_fails_for_good_in_the_end() {
        let kind = ErrorKind::PeerMismatch;
        let mut count = 0;
        for attempt in 1..=MAX_SHARE_ATTEMPTS {
            count = tally(count, kind).0;
            assert_eq!(gives_up(SHARE, kind, count), attempt == MAX_SHARE_ATTEMPTS);
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
