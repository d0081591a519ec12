//! Requests of other users for an image or for more views. A repeated request gets the same answer.

use std::collections::HashSet;

use cameo_common::ids::{GrantId, ImageId, RequestId};
use cameo_common::peer::{AskOutcome, MAX_NOTE, PeerRefusal, PeerUser};
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;

use super::outbox;
use super::serve::{Refusal, Service};
use crate::clock;
use crate::flows::notices::Notice;
use crate::text::sanitize::sanitize;
use crate::vault::records::{
    Attempts, GrantOwned, Image, Incoming, IncomingState, OutboxKey, Outgoing, OutgoingState,
    Policy, RequestSubject, Stage, change,
};

/// Bound on the stored requests of other users.
const MAX_KEPT: usize = 1_000;
/// Bound on the stored requests of one viewer.
const MAX_PER_VIEWER: usize = 200;

impl Service {
    pub(super) fn asked(
        &self,
        from: &PeerUser,
        signed: &Signed<PhotoRequest>,
        note: &str,
    ) -> Result<AskOutcome, Refusal> {
        let vault = &self.core.ctx.vault;
        let request = signed
            .verify()
            .map_err(|_| Refusal::not_accepted("the request is not signed".into()))?;
        let me = self.core.ctx.me.identity_key().public();
        if request.viewer != from.card.key || request.owner != me {
            return Err(Refusal::not_accepted(
                "the request is not signed by you or not for this owner".into(),
            ));
        }
        let image = vault
            .get::<Image>(&request.image.to_string())?
            .ok_or_else(|| Refusal::new(PeerRefusal::NoSuchImage, "there is no such image"))?;
        let now = clock::now();
        let (live, ended): (Vec<_>, Vec<_>) = self
            .grants_of(from, &request.image)?
            .into_iter()
            // The viewer cannot hold a grant that was never recorded.
            .filter(|owned| owned.stage >= Stage::Recorded)
            .partition(|owned| owned.is_live(now));
        if let Some(grant) = live.iter().find(|live| live.request_id != request.request) {
            return Ok(AskOutcome::Held(grant.grant));
        }
        if let Some(known) = vault.get::<Incoming>(&request.request.to_string())? {
            return self.asked_before(from, signed, known);
        }
        let state = match image.policy {
            // After a grant was revoked or has expired, the owner has to decide on a new one.
            Policy::Open if ended.is_empty() => IncomingState::Approved(image.terms),
            Policy::Open | Policy::Ask => IncomingState::Waiting,
            Policy::Closed => {
                return Err(Refusal::new(
                    PeerRefusal::Closed,
                    "this image is not shared with you",
                ));
            }
        };
        let older = self.older(from, &request.image)?;
        self.make_room(from)?;
        for id in older {
            self.supersede(&id)?;
        }
        let outcome = match state {
            IncomingState::Waiting => AskOutcome::Waiting,
            _ => AskOutcome::Preparing,
        };
        let incoming = Incoming {
            request: request.request,
            viewer: from.name.clone(),
            viewer_key: from.card.key,
            image: request.image,
            asked: RequestSubject::Photo(signed.clone()),
            note: cut(note),
            received: clock::now(),
            state,
        };
        self.keep(incoming)?;
        Ok(outcome)
    }

    /// The answer to a repeated request.
    fn asked_before(
        &self,
        from: &PeerUser,
        signed: &Signed<PhotoRequest>,
        known: Incoming,
    ) -> Result<AskOutcome, Refusal> {
        let same = matches!(&known.asked, RequestSubject::Photo(before) if before == signed);
        if known.viewer_key != from.card.key || !same {
            return Err(Refusal::not_accepted(
                "this request id was used before".into(),
            ));
        }
        match known.state {
            IncomingState::Waiting => Ok(AskOutcome::Waiting),
            IncomingState::Approved(_) => {
                self.core.wake.notify_one();
                Ok(AskOutcome::Preparing)
            }
            IncomingState::Granted(grant) => self.send_again(&grant),
            IncomingState::Denied { reason, .. } => Err(Refusal::new(
                PeerRefusal::Closed,
                if reason.is_empty() {
                    "the owner denied the request".into()
                } else {
                    reason
                },
            )),
            IncomingState::Failed { .. } => {
                self.tell_again(&known.request)?;
                Err(Refusal::new(
                    PeerRefusal::Failed,
                    "the carrier could not be made; ask the owner to look at `cameo requests`",
                ))
            }
        }
    }

    /// Sends the carrier of a granted request again: the viewer did not receive it or has lost it.
    /// A grant that has ended is refused, so that the viewer does not wait for it.
    fn send_again(&self, grant: &GrantId) -> Result<AskOutcome, Refusal> {
        let now = clock::now();
        let kept = change::<GrantOwned>(&self.core.ctx.vault, &grant.to_string(), |owned| {
            if owned.is_live(now) {
                owned.stage = owned.stage.min(Stage::Recorded);
            }
        })?;
        if kept.is_some_and(|owned| !owned.is_live(now)) {
            return Err(Refusal::new(
                PeerRefusal::Closed,
                "the grant has ended; make a new request, and the owner decides",
            ));
        }
        outbox::retry_requested(&self.core.ctx.vault, *grant)?;
        self.core.wake.notify_one();
        Ok(AskOutcome::Preparing)
    }

    /// Schedules the notice of a failure again: a viewer who repeats the request has not received
    /// it.
    fn tell_again(&self, request: &RequestId) -> Result<(), Refusal> {
        let vault = &self.core.ctx.vault;
        change::<Incoming>(vault, &request.to_string(), |incoming| {
            if let IncomingState::Failed { told, .. } = &mut incoming.state {
                *told = false;
            }
        })?;
        Attempts::reset(vault, OutboxKey::Denied(*request))?;
        self.core.wake.notify_one();
        Ok(())
    }

    /// All grants of an image to this viewer, including those that have ended.
    fn grants_of(&self, from: &PeerUser, image: &ImageId) -> Result<Vec<GrantOwned>, Refusal> {
        let all = self.core.ctx.vault.list::<GrantOwned>()?;
        let owned = all.into_iter().map(|(_, owned)| owned);
        Ok(owned
            .filter(|owned| owned.image == *image && owned.viewer_key == from.card.key)
            .collect())
    }

    /// The ids of the viewer's other open requests for the same image.
    ///
    /// # Errors
    /// When a grant for one of them is being made.
    fn older(&self, from: &PeerUser, image: &ImageId) -> Result<Vec<String>, Refusal> {
        let mut older = Vec::new();
        for (id, known) in self.core.ctx.vault.list::<Incoming>()? {
            let same = known.image == *image
                && known.viewer_key == from.card.key
                && matches!(known.asked, RequestSubject::Photo(_));
            match known.state {
                IncomingState::Approved(_) if same => {
                    return Err(Refusal::new(
                        PeerRefusal::TooMany,
                        "another request of yours for this image is being prepared; try again when \
                         its carrier has arrived",
                    ));
                }
                IncomingState::Waiting | IncomingState::Failed { .. } if same => older.push(id),
                _ => {}
            }
        }
        Ok(older)
    }

    /// Closes an older request. A viewer has at most one open request for an image, the newest,
    /// because the home that made the older one may be lost.
    fn supersede(&self, id: &str) -> Result<(), Refusal> {
        change::<Incoming>(&self.core.ctx.vault, id, |known| {
            let told = match known.state {
                IncomingState::Waiting => false,
                IncomingState::Failed { told, .. } => told,
                _ => return,
            };
            let reason = "replaced by your newer request for this image".into();
            known.state = IncomingState::Denied { reason, told };
        })?;
        Ok(())
    }

    /// Removes an answered request if the limits are reached: one of the viewer's own if they have
    /// too many.
    fn make_room(&self, from: &PeerUser) -> Result<(), Refusal> {
        let vault = &self.core.ctx.vault;
        let mut all = vault.list::<Incoming>()?;
        let theirs = |incoming: &Incoming| incoming.viewer_key == from.card.key;
        let count = all.iter().filter(|(_, incoming)| theirs(incoming)).count();
        if count >= MAX_PER_VIEWER {
            all.retain(|(_, incoming)| theirs(incoming));
        } else if all.len() < MAX_KEPT {
            return Ok(());
        }
        let attempts = vault.list::<Attempts>()?.into_iter();
        let given_up = attempts.filter(|(_, attempts)| attempts.is_given_up());
        let untellable: HashSet<_> = given_up.map(|(_, attempts)| attempts.key).collect();
        match least_needed(&all, &untellable) {
            Some(id) => {
                vault.delete::<Incoming>(id)?;
                Ok(())
            }
            None => Err(Refusal::new(
                PeerRefusal::TooMany,
                "too many requests are open here; try again later",
            )),
        }
    }

    fn keep(&self, incoming: Incoming) -> Result<(), Refusal> {
        self.core
            .ctx
            .vault
            .put(&incoming.request.to_string(), &incoming)?;
        self.core.notices.tell(Notice::Asked {
            request: incoming.request,
            viewer: incoming.viewer,
        });
        self.core.wake.notify_one();
        Ok(())
    }

    pub(super) fn asked_more(
        &self,
        from: &PeerUser,
        grant: GrantId,
        note: &str,
    ) -> Result<(), Refusal> {
        let vault = &self.core.ctx.vault;
        let owned = vault
            .get::<GrantOwned>(&grant.to_string())?
            .filter(|owned| owned.viewer_key == from.card.key)
            .ok_or_else(|| Refusal::new(PeerRefusal::NoSuchGrant, "there is no such grant"))?;
        let waiting = vault.list::<Incoming>()?.into_iter().any(|(_, incoming)| {
            matches!(incoming.asked, RequestSubject::More(asked) if asked == grant)
                && incoming.state == IncomingState::Waiting
        });
        if waiting {
            return Ok(());
        }
        self.make_room(from)?;
        self.keep(Incoming {
            request: clock::request_id(),
            viewer: from.name.clone(),
            viewer_key: from.card.key,
            image: owned.image,
            asked: RequestSubject::More(grant),
            note: cut(note),
            received: clock::now(),
            state: IncomingState::Waiting,
        })
    }

    pub(super) fn denied(
        &self,
        from: &PeerUser,
        request: &RequestId,
        reason: &str,
    ) -> Result<(), Refusal> {
        let reason = cut(reason);
        let news = self.answered(from, request, |state| {
            if !matches!(state, OutgoingState::Arrived(_)) {
                *state = OutgoingState::Denied(reason.clone());
            }
        })?;
        if news {
            let request = *request;
            self.core.notices.tell(Notice::Denied { request, reason });
        }
        Ok(())
    }

    /// Stores that the owner approved the request and could not make the carrier.
    pub(super) fn not_made(&self, from: &PeerUser, request: &RequestId) -> Result<(), Refusal> {
        let news = self.answered(from, request, |state| {
            if !state.is_answered() {
                *state = OutgoingState::Failed;
            }
        })?;
        if news {
            self.core.notices.tell(Notice::Failed { request: *request });
        }
        Ok(())
    }

    /// Stores the owner's answer to a request of this user. True if it changes the state.
    ///
    /// # Errors
    /// When the peer is not the owner that the request is for.
    fn answered(
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

/// The request to remove: the oldest one that is settled for both sides, else the oldest failed
/// one, else the oldest denied one. `untellable`: answers that the outbox has given up to send.
fn least_needed<'a>(
    all: &'a [(String, Incoming)],
    untellable: &HashSet<OutboxKey>,
) -> Option<&'a String> {
    let rank = |incoming: &Incoming| match incoming.state {
        IncomingState::Granted(_)
        | IncomingState::Denied { told: true, .. }
        | IncomingState::Failed { told: true, .. } => Some(0),
        _ if untellable.contains(&OutboxKey::Denied(incoming.request)) => Some(0),
        IncomingState::Failed { .. } => Some(1),
        IncomingState::Denied { .. } => Some(2),
        IncomingState::Waiting | IncomingState::Approved(_) => None,
    };
    let ranked = all
        .iter()
        .filter_map(|(id, incoming)| Some((rank(incoming)?, incoming.received, id)));
    ranked.min().map(|(_, _, id)| id)
}

/// A note of another user, sanitized and cut to [`MAX_NOTE`] bytes.
fn cut(note: &str) -> String {
    let mut text = sanitize(note);
    while text.len() > MAX_NOTE {
        text.pop();
    }
    text
}
