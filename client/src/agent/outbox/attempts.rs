//! Failed attempts of outbox items: backoff, reports to the directory, and giving up.

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

/// Pause after the first failed attempt, doubled with each up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After this many attempts the pause is [`RARE_PAUSE`], until the peer makes contact.
const RARE_AFTER: u32 = 20;
const RARE_PAUSE: Duration = Duration::from_secs(300);
/// After this many failed attempts the peer is reported offline to the directory.
const REPORTED_AFTER: u32 = 3;
/// After this many attempts an approved request has failed.
const MAX_SHARE_ATTEMPTS: u32 = 20;
/// After this many attempts a viewer's agent that cannot read the answer is not sent it any more.
const MAX_ANSWER_ATTEMPTS: u32 = 20;
/// Pause after an attempt that failed because the cluster was unavailable; it is not counted.
const CLUSTER_PAUSE: Duration = Duration::from_secs(5);

/// The pause after the `count`th failed attempt.
#[must_use]
pub fn backoff(count: u32) -> Duration {
    if count > RARE_AFTER {
        return RARE_PAUSE;
    }
    let doubled = FIRST_PAUSE.saturating_mul(1 << count.saturating_sub(1).min(16));
    doubled.min(LONGEST_PAUSE)
}

/// Makes all items for a user due at once, because the user has just made contact.
pub(in crate::agent) fn retry_now(core: &Core, name: &UserName) -> Result<(), VaultError> {
    let vault = &core.ctx.vault;
    let mut any = false;
    for (id, attempts) in vault.list::<Attempts>()? {
        if !attempts.is_given_up() && recipient(vault, attempts.key)?.as_ref() == Some(name) {
            any |= vault.delete::<Attempts>(&id)?;
        }
    }
    if any {
        core.wake.notify_one();
    }
    Ok(())
}

/// The user who has to be reachable for an item.
fn recipient(vault: &Vault, key: OutboxKey) -> Result<Option<UserName>, VaultError> {
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
        OutboxKey::Share(_)
        | OutboxKey::Receipt(_)
        | OutboxKey::Acknowledge(_)
        | OutboxKey::Confirm(_) => None,
    })
}

/// Retries items of a grant that the viewer has requested again, even if the viewer refused them.
pub(in crate::agent) fn retry_requested(vault: &Vault, grant: GrantId) -> Result<(), VaultError> {
    Attempts::reset(vault, OutboxKey::Deliver(grant))?;
    Attempts::reset(vault, OutboxKey::Rights(grant))
}

/// Retries the items that were given up, at the start of the agent: this may be another version or
/// have another certificate, or the peer may have changed.
pub(in crate::agent) fn retry_given_up(vault: &Vault) -> Result<(), VaultError> {
    for (id, attempts) in vault.list::<Attempts>()? {
        if attempts.is_given_up() {
            vault.delete::<Attempts>(&id)?;
        }
    }
    Ok(())
}

/// Stores a failed attempt, and gives up or reports the peer offline if due.
pub(in crate::agent) async fn record_failed_attempt(
    core: &Core,
    item: &Due,
    error: &AttemptError,
) -> Result<(), VaultError> {
    let (vault, key) = (&core.ctx.vault, item.key);
    core.notices.publish(trouble(key, error));
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
        return give_up(vault, item, &attempts);
    }
    vault.put(&key.id(), &attempts)?;
    if error.kind() == ErrorKind::PeerOffline
        && count == REPORTED_AFTER
        && let Some(name) = recipient(vault, key)?
    {
        report_offline(&core.ctx, &core.notices, &name).await;
    }
    Ok(())
}

/// Ends an item. A request gets its final state; an item that a peer refuses stays until the peer
/// requests it or the agent restarts.
fn give_up(vault: &Vault, item: &Due, attempts: &Attempts) -> Result<(), VaultError> {
    let key = item.key;
    let why = || attempts.last_error.clone();
    match key {
        // The state is stored first: without it a request that is no longer tried would stay open.
        OutboxKey::Share(request) => {
            change::<Incoming>(vault, &request.to_string(), |incoming| {
                // A command may have made or denied it meanwhile.
                if matches!(incoming.state, IncomingState::Approved(_)) {
                    let (why, told) = (why(), false);
                    incoming.state = IncomingState::Failed { why, told };
                }
            })?;
            Attempts::reset(vault, OutboxKey::Denied(request))?;
            Attempts::reset(vault, key)
        }
        OutboxKey::Ask(request) => {
            change::<Outgoing>(vault, &request.to_string(), |outgoing| {
                if !outgoing.state.is_answered() {
                    outgoing.state = OutgoingState::Denied(why());
                }
            })?;
            Attempts::reset(vault, key)
        }
        OutboxKey::Deliver(grant) | OutboxKey::Rights(grant) => {
            vault.put(&key.id(), attempts)?;
            let owned = vault.get::<GrantOwned>(&grant.to_string())?;
            // Rights that were signed meanwhile were not refused.
            if owned.is_some_and(|owned| owned.version != item.version) {
                Attempts::reset(vault, key)?;
            }
            Ok(())
        }
        OutboxKey::Denied(_)
        | OutboxKey::Receipt(_)
        | OutboxKey::Acknowledge(_)
        | OutboxKey::Confirm(_) => vault.put(&key.id(), attempts),
    }
}

/// Stores that the viewer was told of this state, unless it has changed meanwhile.
pub(in crate::agent) fn mark_told(
    vault: &Vault,
    request: RequestId,
    sent: &IncomingState,
) -> Result<(), VaultError> {
    change::<Incoming>(vault, &request.to_string(), |kept| {
        if kept.state == *sent
            && let IncomingState::Denied { told, .. } | IncomingState::Failed { told, .. } =
                &mut kept.state
        {
            *told = true;
        }
    })?;
    Ok(())
}

/// The new count of attempts, and the pause before the next. An attempt that failed because the
/// cluster was unavailable or busy is not counted, because it says nothing about the item.
fn tally(before: u32, kind: ErrorKind) -> (u32, Duration) {
    if matches!(kind, ErrorKind::ClusterAway | ErrorKind::Busy) {
        return (before, CLUSTER_PAUSE);
    }
    let count = before.saturating_add(1);
    (count, backoff(count))
}

/// Whether an item is given up after `count` counted attempts.
fn gives_up(key: OutboxKey, kind: ErrorKind, count: u32) -> bool {
    match key {
        OutboxKey::Share(_) => is_hopeless(kind) || count >= MAX_SHARE_ATTEMPTS,
        OutboxKey::Ask(_) => kind.is_absence() || kind.is_denial() || kind.is_distrust(),
        OutboxKey::Deliver(_) => is_refused(kind, count),
        // An agent of an earlier version cannot read that a request has failed.
        OutboxKey::Denied(_) => {
            is_refused(kind, count)
                || (count >= MAX_ANSWER_ATTEMPTS && kind == ErrorKind::PeerMismatch)
        }
        // `NotFound`: the viewer's home no longer has the grant.
        OutboxKey::Rights(_) => kind == ErrorKind::NotFound || is_refused(kind, count),
        // The ledger accepts them in the end, unless it no longer keeps the grant.
        OutboxKey::Receipt(_) | OutboxKey::Acknowledge(_) => {
            kind == ErrorKind::NotFound && count >= RARE_AFTER
        }
        // Nodes that are down come back.
        OutboxKey::Confirm(_) => false,
    }
}

/// Whether the peer will never accept it. A changed identity counts only after many attempts,
/// because another device may have the peer's old address.
fn is_refused(kind: ErrorKind, count: u32) -> bool {
    match kind {
        ErrorKind::Refused | ErrorKind::Retired => true,
        ErrorKind::IdentityChanged => count >= RARE_AFTER,
        _ => false,
    }
}

/// Whether a further attempt cannot succeed.
fn is_hopeless(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Hopeless | ErrorKind::NotFound | ErrorKind::IdentityChanged | ErrorKind::Retired
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cluster_api::ClusterError;
    use crate::directory::{DirectoryError, PinError};
    use crate::flows::share::{PlaceError, ShareError};
    use cameo_common::api::{ApiError, ErrorCode};
    use cameo_common::ids::{GrantId, UserName};
    use proptest::prelude::*;

    const SHARE: OutboxKey = OutboxKey::Share(RequestId([1; 16]));

    #[test]
    fn pauses_double_up_to_the_longest() {
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
    fn a_share_ends_at_once_when_no_attempt_can_succeed_and_only_then() {
        let ada: UserName = "ada".parse().unwrap();
        let api = |code| ShareError::from(ClusterError::from(ApiError::new(code, "no")));
        let final_errors = [
            ShareError::NoSuchImage,
            ShareError::NotAPhoto,
            ShareError::Damaged("dusk".into()),
            ShareError::RequestKeyChanged(ada.clone()),
            api(ErrorCode::GrantExists),
            api(ErrorCode::NotFound),
            api(ErrorCode::Retired),
        ];
        for error in final_errors {
            assert!(gives_up(SHARE, error.kind(), 0), "{error}");
        }
        let passing_errors = [
            ShareError::ViewerOffline(ada.clone()),
            ShareError::NotApproved,
            ShareError::from(PlaceError::Busy("all".into())),
            ShareError::from(PlaceError::NoWorker("none".into())),
            ShareError::from(DirectoryError::from(PinError::OlderCard(ada))),
            api(ErrorCode::Busy),
            api(ErrorCode::NotRegistered),
        ];
        for error in passing_errors {
            assert!(!gives_up(SHARE, error.kind(), 0), "{error}");
        }
    }

    #[test]
    fn what_is_for_a_grant_that_the_ledger_does_not_keep_is_given_up_after_many_attempts() {
        for key in [
            OutboxKey::Receipt(GrantId([1; 32])),
            OutboxKey::Acknowledge(GrantId([1; 32])),
        ] {
            assert!(!gives_up(key, ErrorKind::NotFound, RARE_AFTER - 1));
            assert!(gives_up(key, ErrorKind::NotFound, RARE_AFTER));
            assert!(!gives_up(key, ErrorKind::ClusterAway, u32::MAX));
        }
    }

    #[test]
    fn nothing_is_kept_for_a_user_who_is_retired() {
        let (grant, request) = (GrantId([1; 32]), RequestId([1; 16]));
        for key in [
            OutboxKey::Share(request),
            OutboxKey::Ask(request),
            OutboxKey::Denied(request),
            OutboxKey::Deliver(grant),
            OutboxKey::Rights(grant),
        ] {
            assert!(gives_up(key, ErrorKind::Retired, 1), "{key:?}");
        }
    }

    #[test]
    fn a_request_is_given_up_after_the_maximum_of_attempts() {
        let kind = ErrorKind::PeerMismatch;
        let mut count = 0;
        for attempt in 1..=MAX_SHARE_ATTEMPTS {
            count = tally(count, kind).0;
            assert_eq!(gives_up(SHARE, kind, count), attempt == MAX_SHARE_ATTEMPTS);
        }
    }

    proptest! {
        #[test]
        fn every_pause_is_within_its_limits(count in any::<u32>()) {
            let wait = backoff(count);
            prop_assert!(wait >= FIRST_PAUSE && wait <= RARE_PAUSE);
            prop_assert!(backoff(count.saturating_add(1)) >= wait);
        }
    }
}
