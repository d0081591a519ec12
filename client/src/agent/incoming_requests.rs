//! Requests of other users for an image or for more views. A repeated request gets the same answer.

use std::collections::HashSet;

use cameo_common::ids::{GrantId, ImageId, RequestId};
use cameo_common::peer::{AskOutcome, MAX_NOTE, PeerRefusal, PeerUser};
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;

use super::outbox;
use super::serve::{Refusal, Service};
use super::unasked;
use crate::clock;
use crate::flows::notices::Notice;
use crate::flows::share;
use crate::text::sanitize::sanitize;
use crate::vault::records::{
    Attempts, GrantOwned, Image, Incoming, IncomingState, OutboxKey, Policy, RequestSubject, Stage,
    change,
};

/// Bound on the stored requests of other users.
const MAX_KEPT: usize = 1_000;
/// Bound on the stored requests of one viewer.
const MAX_PER_VIEWER: usize = 200;

impl Service {
    /// Answers a viewer's request for an image, and stores it if it is new.
    pub(super) fn receive_request(
        &self,
        from: &PeerUser,
        signed: &Signed<PhotoRequest>,
        note: &str,
    ) -> Result<AskOutcome, Refusal> {
        let vault = &self.core.ctx.vault;
        let request = self.verify_request(from, signed)?;
        let image = vault
            .get::<Image>(&request.image.to_string())?
            .ok_or_else(|| Refusal::new(PeerRefusal::NoSuchImage, "there is no such image"))?;
        let now = self.core.ctx.api.cluster_now();
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
            return self.answer_repeated(from, signed, known);
        }
        // After a grant was revoked or has expired, the owner has to decide on a new one.
        let asks = !ended.is_empty() || !unasked::has_room(vault, clock::now())?;
        let (state, outcome) = first_answer(&image, asks)?;
        let older = self.older_requests(from, &request.image)?;
        self.make_room(from)?;
        for id in older {
            self.supersede(&id)?;
        }
        self.store(Incoming {
            request: request.request,
            viewer: from.name.clone(),
            viewer_key: from.card.key,
            image: request.image,
            asked: RequestSubject::Photo(signed.clone()),
            note: sanitized_note(note),
            received: clock::now(),
            state,
        })?;
        Ok(outcome)
    }

    /// Requires that the peer signed the request, and that it is for this owner.
    fn verify_request(
        &self,
        from: &PeerUser,
        signed: &Signed<PhotoRequest>,
    ) -> Result<PhotoRequest, Refusal> {
        let request = signed
            .verify()
            .map_err(|_| Refusal::not_accepted("the request is not signed".into()))?;
        let me = self.core.ctx.me.identity_key().public();
        if request.viewer != from.card.key || request.owner != me {
            return Err(Refusal::not_accepted(
                "the request is not signed by you or not for this owner".into(),
            ));
        }
        Ok(request)
    }

    /// The answer to a repeated request.
    fn answer_repeated(
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
            IncomingState::Granted(grant) => self.reschedule_delivery(&grant),
            IncomingState::Denied { reason, .. } => Err(Refusal::new(
                PeerRefusal::Closed,
                if reason.is_empty() {
                    "the owner denied the request".into()
                } else {
                    reason
                },
            )),
            IncomingState::Failed { .. } => {
                self.reschedule_failure(&known.request)?;
                Err(Refusal::new(
                    PeerRefusal::Failed,
                    "the carrier could not be made; ask the owner to look at `cameo requests`",
                ))
            }
        }
    }

    /// Schedules the carrier of a granted request again: the viewer did not receive it or has lost
    /// it. A grant that has ended is refused, so that the viewer does not wait for it.
    fn reschedule_delivery(&self, grant: &GrantId) -> Result<AskOutcome, Refusal> {
        let now = self.core.ctx.api.cluster_now();
        let vault = &self.core.ctx.vault;
        if let Some(owned) = vault.get::<GrantOwned>(&grant.to_string())?
            && owned.is_live(now)
            && !share::has_carrier(vault, &owned)?
        {
            return Err(Refusal::new(
                PeerRefusal::Closed,
                "the carrier was delivered long ago and is not kept any more; ask the owner to \
                 revoke the grant, and make a new request",
            ));
        }
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
    fn reschedule_failure(&self, request: &RequestId) -> Result<(), Refusal> {
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
    fn older_requests(&self, from: &PeerUser, image: &ImageId) -> Result<Vec<String>, Refusal> {
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

    fn store(&self, incoming: Incoming) -> Result<(), Refusal> {
        self.core
            .ctx
            .vault
            .put(&incoming.request.to_string(), &incoming)?;
        self.core.notices.publish(Notice::Asked {
            request: incoming.request,
            viewer: incoming.viewer,
        });
        self.core.wake.notify_one();
        Ok(())
    }

    /// Stores a viewer's request for more views, unless one is open.
    pub(super) fn receive_more_request(
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
        self.store(Incoming {
            request: clock::request_id(),
            viewer: from.name.clone(),
            viewer_key: from.card.key,
            image: owned.image,
            asked: RequestSubject::More(grant),
            note: sanitized_note(note),
            received: clock::now(),
            state: IncomingState::Waiting,
        })
    }
}

/// The state of a new request by the image's policy, and the answer to it. `asks`: whether the
/// owner has to decide also where the image is open.
///
/// # Errors
/// When the policy permits nobody to see the image.
fn first_answer(image: &Image, asks: bool) -> Result<(IncomingState, AskOutcome), Refusal> {
    match image.policy {
        Policy::Open if !asks => Ok((IncomingState::Approved(image.terms), AskOutcome::Preparing)),
        Policy::Open | Policy::Ask => Ok((IncomingState::Waiting, AskOutcome::Waiting)),
        Policy::Closed => Err(Refusal::new(
            PeerRefusal::Closed,
            "this image is not shared with you",
        )),
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
pub(super) fn sanitized_note(note: &str) -> String {
    let mut text = sanitize(note);
    while text.len() > MAX_NOTE {
        text.pop();
    }
    text
}
