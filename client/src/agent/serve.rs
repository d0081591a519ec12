//! Authentication and dispatch of peer requests.
//!
//! The transport authenticates the device; the card and certificate in each call authenticate its
//! user. An unknown user has to be registered with that key, which is then pinned.

use cameo_common::keys::PublicKey;
use cameo_common::peer::{PeerCall, PeerRefusal, PeerReply, PeerRequest, PeerUser};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::RightsAck;

use super::{Core, outbox, received_rights, retirement};
use crate::clock;
use crate::directory::{self, DirectoryError, PinError};
use crate::flows::receive::{self, ReceiveError, ReceivedRightsError, Receiver, RightsEffect};
use crate::peer::{Answer, Content, DeviceKey, Handler, ReceivedBody};
use crate::vault::VaultError;
use crate::vault::records::{Contact, GrantHeld};

/// A refusal that is sent to the peer.
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

    /// A failure of this home: the peer may try again. The cause is logged and not sent.
    pub(super) fn failed(why: String) -> Self {
        tracing::warn!(%why, "a peer's request failed");
        Self::new(
            PeerRefusal::Failed,
            "the request failed here; try again later",
        )
    }
}

impl From<ReceiveError> for Refusal {
    fn from(error: ReceiveError) -> Self {
        match error {
            ReceiveError::NotAccepted(why) => Self::not_accepted(why),
            ReceiveError::TooMany => Self::new(PeerRefusal::TooMany, error.to_string()),
            error => Self::failed(error.to_string()),
        }
    }
}

impl From<ReceivedRightsError> for Refusal {
    fn from(error: ReceivedRightsError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<PinError> for Refusal {
    fn from(error: PinError) -> Self {
        let why = match error {
            PinError::Vault(error) => return error.into(),
            PinError::KeyChanged(_) => "your key differs from the one pinned here",
            PinError::OlderCard(_) => "your card is older than the one stored here",
        };
        Self::new(PeerRefusal::IdentityChanged, why)
    }
}

/// The handler of peer requests.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) core: Core,
}

impl Handler<PeerCall, PeerReply> for Service {
    async fn handle(
        &self,
        from: DeviceKey,
        call: PeerCall,
        body: Option<ReceivedBody>,
    ) -> Answer<PeerReply> {
        let answered = match self.authenticate(from, &call).await {
            Ok(user) => {
                if let Err(error) = outbox::retry_now(&self.core, &user.name) {
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

    /// The user of a device, authenticated and pinned.
    async fn authenticate(&self, device: DeviceKey, call: &PeerCall) -> Result<PeerUser, Refusal> {
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
            let known = directory::look_up(&ctx.api, &ctx.vault, &card.name)
                .await
                .map_err(|error| match error {
                    DirectoryError::NotRegistered(_) => {
                        not_accepted("you are not registered with this cluster")
                    }
                    error => Refusal::failed(error.to_string()),
                })?;
            if known.card.key != card.key {
                return Err(Refusal::new(
                    PeerRefusal::IdentityChanged,
                    "the name is registered with another key",
                ));
            }
            retirement::note(&self.core, &known).await;
        }
        let begins = retirement::begins_something(&call.request);
        if begins {
            retirement::refresh(&self.core, &card.name).await;
        }
        if directory::is_revoked(&ctx.vault, &card.name, &certificate.device)? {
            return Err(not_accepted("your device was revoked by its user"));
        }
        directory::pin(&ctx.vault, &call.card, &card)?;
        if begins {
            retirement::check(&self.core, &card.name)
                .map_err(|why| Refusal::new(PeerRefusal::Closed, why))?;
        }
        Ok(PeerUser {
            name: card.name.clone(),
            card,
        })
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
                PeerReply::Asked(self.receive_request(from, &request, &note)?)
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
                let offset = self
                    .receiver(from)
                    .wanted(&request, &grant, content)
                    .await?;
                PeerReply::Wanted { offset }
            }
            PeerRequest::Deliver(delivery) => {
                let receipt = self.receiver(from).take(&delivery, body).await?;
                self.core.wake.notify_one();
                PeerReply::Received { receipt }
            }
            PeerRequest::Rights { rights } => PeerReply::RightsTaken {
                ack: self.rights(from, &rights)?,
            },
            PeerRequest::AskMore { grant, note } => {
                self.receive_more_request(from, grant, &note)?;
                PeerReply::Noted
            }
            PeerRequest::Denied { request, reason } => {
                self.record_denial(from, &request, &reason)?;
                PeerReply::Noted
            }
            PeerRequest::Failed { request } => {
                self.record_failure(from, &request)?;
                PeerReply::Noted
            }
        }))
    }

    pub(super) fn receiver<'a>(&'a self, from: &'a PeerUser) -> Receiver<'a> {
        Receiver {
            ctx: &self.core.ctx,
            notices: &self.core.notices,
            from,
        }
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
                "the rights are not signed by you".into(),
            ));
        }
        let vault = &self.core.ctx.vault;
        if receive::store_rights_of_owner(vault, &rights.grant, signed)?
            == RightsEffect::NoSuchGrant
        {
            return Err(no_such());
        }
        let held = vault
            .get::<GrantHeld>(&rights.grant.to_string())?
            .ok_or_else(no_such)?;
        let core = self.core.clone();
        tokio::spawn(async move { received_rights::acknowledge(&core, &rights.grant).await });
        Ok(receive::acknowledgement(&self.core.ctx, &held))
    }
}
