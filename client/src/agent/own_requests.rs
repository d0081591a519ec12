//! This user's requests to owners: repeated while they are unanswered, and the owners' answers.

use std::time::Duration;

use cameo_common::ids::RequestId;
use cameo_common::peer::PeerUser;
use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::Core;
use super::incoming_requests::sanitized_note;
use super::serve::{Refusal, Service};
use crate::flows::notices::Notice;
use crate::flows::request;
use crate::vault::records::{Outgoing, OutgoingState, change};

/// Bound on the requests that are sent again at the start of a session.
const MAX_REPEATED: usize = 32;

/// Interval at which the owners of open requests are looked up.
const OWNERS_CHECKED_EVERY: Duration = Duration::from_secs(60);

/// Sends all unanswered requests again. An owner whose delivery failed learns thereby that this
/// device is back.
pub(super) async fn repeat(core: &Core) {
    let Ok(waiting) = request::open_requests(&core.ctx.vault) else {
        return;
    };
    let core = core.clone();
    tokio::spawn(async move {
        let repeated = stream::iter(waiting.into_iter().take(MAX_REPEATED));
        let ask = async |outgoing: Outgoing| {
            if let Err(error) = request::ask(&core.ctx, &core.peers, &outgoing).await {
                tracing::info!(owner = %outgoing.owner, %error, "the request was not sent again");
            }
        };
        repeated
            .for_each_concurrent(request::CONCURRENT_OUTGOING, ask)
            .await;
    });
}

/// Ends requests whose owner the operator has retired, while a session runs, until dropped.
pub(super) async fn end_those_to_retired(core: Core) {
    let mut epoch = core.epoch.subscribe();
    while epoch.wait_for(Option::is_some).await.is_ok() {
        match request::end_those_to_retired(&core.ctx).await {
            Ok(ended) => ended.into_iter().for_each(|outgoing| {
                core.notices.publish(Notice::Denied {
                    request: outgoing.request,
                    reason: format!("the operator has retired {}", outgoing.owner),
                });
            }),
            Err(error) => tracing::warn!(%error, "the requests cannot be read"),
        }
        sleep(OWNERS_CHECKED_EVERY).await;
    }
}

impl Service {
    /// Stores that the owner denied the request.
    pub(super) fn record_denial(
        &self,
        from: &PeerUser,
        request: &RequestId,
        reason: &str,
    ) -> Result<(), Refusal> {
        let reason = sanitized_note(reason);
        let news = self.record_answer(from, request, |state| {
            if !matches!(state, OutgoingState::Arrived(_)) {
                *state = OutgoingState::Denied(reason.clone());
            }
        })?;
        if news {
            let request = *request;
            self.core
                .notices
                .publish(Notice::Denied { request, reason });
        }
        Ok(())
    }

    /// Stores that the owner approved the request and could not make the carrier.
    pub(super) fn record_failure(
        &self,
        from: &PeerUser,
        request: &RequestId,
    ) -> Result<(), Refusal> {
        let news = self.record_answer(from, request, |state| {
            if !state.is_answered() {
                *state = OutgoingState::Failed;
            }
        })?;
        if news {
            self.core
                .notices
                .publish(Notice::Failed { request: *request });
        }
        Ok(())
    }

    /// Stores the owner's answer to a request of this user. True if it changes the state.
    ///
    /// # Errors
    /// When the peer is not the owner that the request is for.
    fn record_answer(
        &self,
        from: &PeerUser,
        request: &RequestId,
        edit: impl FnOnce(&mut OutgoingState),
    ) -> Result<bool, Refusal> {
        let vault = &self.core.ctx.vault;
        let id = request.to_string();
        let ours = vault
            .get::<Outgoing>(&id)?
            .is_some_and(|outgoing| outgoing.owner_key == from.card.key);
        if !ours {
            return Err(Refusal::not_accepted(
                "this home has made no such request".into(),
            ));
        }
        let mut news = false;
        change::<Outgoing>(vault, &id, |outgoing| {
            let before = outgoing.state.clone();
            edit(&mut outgoing.state);
            news = outgoing.state != before;
        })?;
        Ok(news)
    }
}
