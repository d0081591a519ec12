//! Retirement by the operator: of the users who make contact, and of this agent's own user.
//!
//! What winds down stays open between users who are retired: rights, denials and failures are
//! received. Galleries, requests and carriers are not. Whether a contact is retired is asked anew
//! after a while. While no node answers, contacts are served as before: the cluster may be out of
//! reach, and agents reach each other without it.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::api::ErrorCode;
use cameo_common::ids::UserName;
use cameo_common::peer::PeerRequest;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use super::Core;
use crate::directory::{self, ResolvedUser};

/// After this time a contact is looked up again.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(15);
/// Bound on the look-up, which the peer waits for.
const LOOK_UP_DEADLINE: Duration = Duration::from_secs(1);
/// Bound on the users that are remembered.
const MAX_REMEMBERED: usize = 1_024;

/// What was said of users, and when.
#[derive(Debug, Default)]
pub(crate) struct Retirements(Mutex<BTreeMap<UserName, Looked>>);

#[derive(Debug, Clone, Copy)]
struct Looked {
    at: Instant,
    retired: bool,
}

impl Retirements {
    /// What was said of a user, and whether it is old or nothing was said.
    fn known(&self, name: &UserName) -> (bool, bool) {
        match self.0.lock().get(name) {
            Some(looked) => (looked.retired, looked.at.elapsed() >= ASKED_AGAIN_AFTER),
            None => (false, true),
        }
    }

    fn remember(&self, name: &UserName, retired: bool) {
        let mut all = self.0.lock();
        if all.len() >= MAX_REMEMBERED && !all.contains_key(name) {
            let oldest = all.iter().min_by_key(|(_, looked)| looked.at);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        let at = Instant::now();
        all.insert(name.clone(), Looked { at, retired });
    }
}

/// Whether a request begins something new, which nobody does who is retired.
pub(super) fn begins_something(request: &PeerRequest) -> bool {
    match request {
        PeerRequest::Gallery { .. }
        | PeerRequest::Ask { .. }
        | PeerRequest::AskMore { .. }
        | PeerRequest::Offer { .. }
        | PeerRequest::Deliver(_) => true,
        PeerRequest::Ping
        | PeerRequest::Rights { .. }
        | PeerRequest::Denied { .. }
        | PeerRequest::Failed { .. } => false,
    }
}

/// Looks a contact up, unless that was done lately. The look-up stores revoked devices as well.
pub(super) async fn refresh(core: &Core, name: &UserName) {
    let (retired, is_old) = core.retirements.known(name);
    if !is_old {
        return;
    }
    let ctx = &core.ctx;
    let look_up = async {
        let found = directory::look_up(&ctx.api, &ctx.vault, name).await.ok()?;
        Some(directory::is_retired(&ctx.api, &found).await)
    };
    let told = timeout(LOOK_UP_DEADLINE, look_up).await.ok().flatten();
    core.retirements.remember(name, told.unwrap_or(retired));
}

/// Remembers the result of a look-up that was made for another reason.
pub(super) async fn note(core: &Core, found: &ResolvedUser) {
    let retired = directory::is_retired(&core.ctx.api, found).await;
    core.retirements.remember(&found.name, retired);
}

/// Requires that neither the peer nor this agent's user is known to be retired.
///
/// # Errors
/// A sentence for the peer.
pub(super) fn check(core: &Core, peer: &UserName) -> Result<(), &'static str> {
    if core.retirements.known(peer).0 {
        return Err("the operator has retired you: nothing new is shared with you");
    }
    let refused = core.refused.borrow();
    if refused.as_ref().and_then(|error| error.code()) == Some(ErrorCode::Retired) {
        return Err("the operator has retired this user: nothing is shared from here any more");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_and_asked_anew() {
        let known = Retirements::default();
        let name = |number: usize| format!("u{number}").parse::<UserName>().unwrap();
        known.remember(&name(0), true);
        assert_eq!(known.known(&name(0)), (true, false));
        tokio::time::advance(ASKED_AGAIN_AFTER).await;
        assert_eq!(known.known(&name(0)), (true, true));
        for number in 1..=MAX_REMEMBERED {
            known.remember(&name(number), false);
        }
        assert_eq!(known.0.lock().len(), MAX_REMEMBERED);
        // then the one that was asked for longest ago was forgotten
        assert_eq!(known.known(&name(0)), (false, true));
        assert_eq!(known.known(&name(1)), (false, false));
    }
}
