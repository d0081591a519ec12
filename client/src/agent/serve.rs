//! What other agents may ask, and who they have to be.
//!
//! The transport has proven the device; card and certificate in each call prove the user behind it.
//! A user who is not known yet has to be registered under that key; from then on the key is pinned.

use cameo_common::ids::{GrantId, ImageId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::peer::{
    AskOutcome, GalleryItem, MAX_GALLERY, MAX_NOTE, MAX_PREVIEW, PeerCall, PeerRefusal, PeerReply,
    PeerRequest, PeerUser,
};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{PhotoRequest, RightsAck};

use super::inbox::{self, Taken};
use super::{Core, outbox, receive};
use crate::clock;
use crate::conversation::tidy;
use crate::directory::{self, PinError};
use crate::exit::Failure;
use crate::notices::Notice;
use crate::peer::{Answer, Body, Content, DeviceKey, Handler, ReceivedBody};
use crate::vault::VaultError;
use crate::vault::records::{
    Asked, Contact, GrantHeld, GrantOwned, Image, Incoming, IncomingState, Outgoing, OutgoingState,
    Policy, change,
};

/// Images in one answer; the asker comes again for more.
const PAGE: usize = 64;
/// Wishes of others that may wait for the owner.
const MAX_WAITING: usize = 1_000;

/// A no, as the peer is told.
#[derive(Debug)]
pub(super) struct Refusal {
    pub code: PeerRefusal,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(code: PeerRefusal, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(super) fn not_accepted(message: String) -> Self {
        Self::new(PeerRefusal::NotAccepted, message)
    }

    /// Ours, not his: he may try again. What exactly went wrong is not his business.
    pub(super) fn failed(why: String) -> Self {
        tracing::warn!(%why, "a peer could not be served");
        Self::new(
            PeerRefusal::Failed,
            "something went wrong here; try again later",
        )
    }
}

impl From<Failure> for Refusal {
    fn from(error: Failure) -> Self {
        Self::failed(error.message)
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        Self::failed(error.to_string())
    }
}

/// The agent, as peers see it.
#[derive(Debug)]
pub(super) struct Service {
    core: Core,
}

impl Handler<PeerCall, PeerReply> for Service {
    async fn handle(
        &self,
        from: DeviceKey,
        call: PeerCall,
        body: Option<ReceivedBody>,
    ) -> Answer<PeerReply> {
        let answered = match self.who(from, &call).await {
            Ok(user) => {
                if let Err(error) = outbox::try_now(&self.core, &user.name) {
                    tracing::warn!(%error, "the outbox cannot be read");
                }
                self.answer(&user, call.request, body).await
            }
            Err(refusal) => Err(refusal),
        };
        answered.unwrap_or_else(|Refusal { code, message }| {
            Answer::message(PeerReply::Refused { code, message })
        })
    }
}

impl Service {
    pub(super) fn new(core: Core) -> Self {
        Self { core }
    }

    /// The user behind a device.
    async fn who(&self, device: DeviceKey, call: &PeerCall) -> Result<PeerUser, Refusal> {
        let not_accepted = |why: &str| Refusal::not_accepted(why.to_owned());
        let card = call
            .card
            .verify()
            .map_err(|_| not_accepted("your card is not signed by its key"))?;
        let certificate = call
            .certificate
            .verify()
            .map_err(|_| not_accepted("your device's certificate is not signed by its key"))?;
        if certificate.user != card.key || certificate.device != PublicKey(device) {
            return Err(not_accepted("the certificate is for another device"));
        }
        if clock::now() >= certificate.not_after {
            return Err(not_accepted(
                "your device's certificate has expired; run `cameo init` again",
            ));
        }
        let ctx = &self.core.ctx;
        if ctx.vault.get::<Contact>(card.name.as_str())?.is_none() {
            let known = directory::look_up(&ctx.api, &ctx.vault, &card.name).await;
            let known =
                known.map_err(|_| not_accepted("you are not registered with this cluster"))?;
            if known.card.key != card.key {
                return Err(Refusal::new(
                    PeerRefusal::IdentityChanged,
                    "the name is registered with another key",
                ));
            }
        }
        match directory::pin(&ctx.vault, &call.card, &card) {
            Ok(_) => Ok(PeerUser {
                name: card.name.clone(),
                card,
            }),
            Err(PinError::Vault(error)) => Err(error.into()),
            Err(error) => Err(Refusal::new(
                PeerRefusal::IdentityChanged,
                match error {
                    PinError::Changed(_) => "your key is not the one known here",
                    _ => "your card is older than the one known here",
                },
            )),
        }
    }

    async fn answer(
        &self,
        from: &PeerUser,
        request: PeerRequest,
        body: Option<ReceivedBody>,
    ) -> Result<Answer<PeerReply>, Refusal> {
        Ok(Answer::message(match request {
            PeerRequest::Ping => PeerReply::Pong,
            PeerRequest::Gallery { after } => return self.gallery(after),
            PeerRequest::Ask { request, note } => {
                PeerReply::Asked(self.asked(from, &request, &note)?)
            }
            PeerRequest::Offer {
                request,
                grant,
                carrier,
                carrier_length,
            } => {
                let content = Content {
                    length: carrier_length,
                    hash: carrier.0,
                };
                let offset = receive::wanted(&self.core, from, &request, &grant, content)?;
                PeerReply::Wanted { offset }
            }
            PeerRequest::Deliver(delivery) => {
                let receipt = receive::take(&self.core, from, &delivery, body).await?;
                PeerReply::Received { receipt }
            }
            PeerRequest::Rights { rights } => PeerReply::RightsTaken {
                ack: self.rights(from, &rights)?,
            },
            PeerRequest::AskMore { grant, note } => {
                self.asked_more(from, grant, &note)?;
                PeerReply::Noted
            }
            PeerRequest::Denied { request, reason } => {
                self.denied(from, &request, &reason)?;
                PeerReply::Noted
            }
        }))
    }

    fn gallery(&self, after: Option<ImageId>) -> Result<Answer<PeerReply>, Refusal> {
        let vault = &self.core.ctx.vault;
        let all = vault.list::<Image>()?;
        let mut open: Vec<Image> = all
            .into_iter()
            .map(|(_, image)| image)
            .filter(|image| image.policy != Policy::Closed)
            .take(MAX_GALLERY)
            .collect();
        if open.is_empty() {
            return Err(Refusal::new(
                PeerRefusal::Closed,
                "the gallery is closed; ask its owner to open it",
            ));
        }
        if let Some(after) = after {
            open.retain(|image| image.image > after);
        }
        let more = open.len() > PAGE;
        let (mut items, mut previews) = (Vec::new(), Vec::new());
        for image in open.into_iter().take(PAGE) {
            let preview = vault
                .get_blob(Image::PREVIEWS, &image.image.to_string())?
                .filter(|preview| preview.len() <= MAX_PREVIEW)
                .unwrap_or_default();
            items.push(GalleryItem {
                image: image.image,
                title: image.title,
                width: image.width,
                height: image.height,
                bytes: image.bytes,
                preview: u32::try_from(preview.len()).unwrap_or_default(),
                asks: image.policy == Policy::Ask,
            });
            previews.extend(preview);
        }
        let reply = PeerReply::Gallery { items, more };
        Ok(if previews.is_empty() {
            Answer::message(reply)
        } else {
            Answer::with_body(reply, Body::bytes(previews))
        })
    }

    fn asked(
        &self,
        from: &PeerUser,
        signed: &Signed<PhotoRequest>,
        note: &str,
    ) -> Result<AskOutcome, Refusal> {
        let vault = &self.core.ctx.vault;
        let wish = signed
            .verify()
            .map_err(|_| Refusal::not_accepted("the request is not signed".into()))?;
        let me = self.core.ctx.me.identity_key().public();
        if wish.viewer != from.card.key || wish.owner != me {
            return Err(Refusal::not_accepted(
                "the request is not from you to me".into(),
            ));
        }
        let image = vault
            .get::<Image>(&wish.image.to_string())?
            .ok_or_else(|| Refusal::new(PeerRefusal::NoSuchImage, "there is no such image"))?;
        if let Some(grant) = self.live_grant(from, &wish.image)?
            && grant.request_id != wish.request
        {
            return Ok(AskOutcome::Held(grant.grant));
        }
        if let Some(known) = vault.get::<Incoming>(&wish.request.to_string())? {
            return self.asked_before(from, signed, known);
        }
        let state = match image.policy {
            Policy::Open => IncomingState::Approved(image.terms),
            Policy::Ask => IncomingState::Waiting,
            Policy::Closed => {
                return Err(Refusal::new(
                    PeerRefusal::Closed,
                    "this image is not shared with you",
                ));
            }
        };
        self.make_room()?;
        let outcome = match state {
            IncomingState::Waiting => AskOutcome::Waiting,
            _ => AskOutcome::Preparing,
        };
        let incoming = Incoming {
            request: wish.request,
            viewer: from.name.clone(),
            viewer_key: from.card.key,
            image: wish.image,
            asked: Asked::Photo(signed.clone()),
            note: cut(note),
            received: clock::now(),
            state,
        };
        self.keep(incoming)?;
        Ok(outcome)
    }

    /// The same request again: the same answer.
    fn asked_before(
        &self,
        from: &PeerUser,
        signed: &Signed<PhotoRequest>,
        known: Incoming,
    ) -> Result<AskOutcome, Refusal> {
        let same = matches!(&known.asked, Asked::Photo(before) if before == signed);
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
                    "the owner said no".into()
                } else {
                    reason
                },
            )),
            IncomingState::Failed(_) => Err(Refusal::new(
                PeerRefusal::Failed,
                "the photo could not be shared; ask the owner to look at it",
            )),
        }
    }

    /// A viewer who asks again has not got his carrier, or has lost it.
    fn send_again(&self, grant: &GrantId) -> Result<AskOutcome, Refusal> {
        use crate::vault::records::Stage;
        change::<GrantOwned>(&self.core.ctx.vault, &grant.to_string(), |owned| {
            owned.stage = owned.stage.min(Stage::Recorded);
        })?;
        self.core.wake.notify_one();
        Ok(AskOutcome::Preparing)
    }

    fn live_grant(&self, from: &PeerUser, image: &ImageId) -> Result<Option<GrantOwned>, Refusal> {
        let now = clock::now();
        let all = self.core.ctx.vault.list::<GrantOwned>()?;
        Ok(all.into_iter().map(|(_, owned)| owned).find(|owned| {
            owned.image == *image && owned.viewer_key == from.card.key && owned.is_live(now)
        }))
    }

    /// Answered wishes make room for new ones, the oldest first.
    fn make_room(&self) -> Result<(), Refusal> {
        let vault = &self.core.ctx.vault;
        let mut all = vault.list::<Incoming>()?;
        if all.len() < MAX_WAITING {
            return Ok(());
        }
        all.sort_by_key(|(_, incoming)| incoming.received);
        let answered = all.iter().find(|(_, incoming)| {
            matches!(
                incoming.state,
                IncomingState::Granted(_)
                    | IncomingState::Denied { told: true, .. }
                    | IncomingState::Failed(_)
            )
        });
        match answered {
            Some((id, _)) => {
                vault.delete::<Incoming>(id)?;
                Ok(())
            }
            None => Err(Refusal::new(
                PeerRefusal::TooMany,
                "too many requests wait for an answer here; try again later",
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

    fn rights(
        &self,
        from: &PeerUser,
        signed: &Signed<Rights>,
    ) -> Result<Signed<RightsAck>, Refusal> {
        let no_such = || Refusal::new(PeerRefusal::NoSuchGrant, "there is no such grant here");
        let rights = signed
            .verify()
            .map_err(|_| Refusal::not_accepted("the rights are not signed".into()))?;
        if rights.owner != from.card.key {
            return Err(Refusal::not_accepted(
                "the rights are not yours to give".into(),
            ));
        }
        let vault = &self.core.ctx.vault;
        if inbox::take(vault, &rights.grant, signed)? == Taken::NoSuchGrant {
            return Err(no_such());
        }
        let held = vault
            .get::<GrantHeld>(&rights.grant.to_string())?
            .ok_or_else(no_such)?;
        let core = self.core.clone();
        tokio::spawn(async move { inbox::acknowledge(&core, &rights.grant).await });
        Ok(inbox::acknowledgement(&self.core.ctx, &held))
    }

    fn asked_more(&self, from: &PeerUser, grant: GrantId, note: &str) -> Result<(), Refusal> {
        let vault = &self.core.ctx.vault;
        let owned = vault
            .get::<GrantOwned>(&grant.to_string())?
            .filter(|owned| owned.viewer_key == from.card.key)
            .ok_or_else(|| Refusal::new(PeerRefusal::NoSuchGrant, "there is no such grant"))?;
        let waiting = vault.list::<Incoming>()?.into_iter().any(|(_, incoming)| {
            matches!(incoming.asked, Asked::More(asked) if asked == grant)
                && incoming.state == IncomingState::Waiting
        });
        if waiting {
            return Ok(());
        }
        self.make_room()?;
        self.keep(Incoming {
            request: clock::request_id(),
            viewer: from.name.clone(),
            viewer_key: from.card.key,
            image: owned.image,
            asked: Asked::More(grant),
            note: cut(note),
            received: clock::now(),
            state: IncomingState::Waiting,
        })
    }

    fn denied(&self, from: &PeerUser, request: &RequestId, reason: &str) -> Result<(), Refusal> {
        let reason = cut(reason);
        let id = request.to_string();
        let ours = self
            .core
            .ctx
            .vault
            .get::<Outgoing>(&id)?
            .is_some_and(|outgoing| outgoing.owner_key == from.card.key);
        if !ours {
            return Err(Refusal::not_accepted(
                "nobody here has asked for this".into(),
            ));
        }
        change::<Outgoing>(&self.core.ctx.vault, &id, |outgoing| {
            if !matches!(outgoing.state, OutgoingState::Arrived(_)) {
                outgoing.state = OutgoingState::Denied(reason.clone());
            }
        })?;
        self.core.notices.tell(Notice::Denied {
            request: *request,
            reason,
        });
        Ok(())
    }
}

/// A note of a stranger, within its limit.
fn cut(note: &str) -> String {
    let mut text = tidy(note);
    while text.len() > MAX_NOTE {
        text.pop();
    }
    text
}
