//! Talking to another user's agent: every call carries who we are, and is tried at each of the
//! user's devices until one answers.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::peer::{PeerCall, PeerRefusal, PeerReply, PeerRequest};
use cameo_common::signed::Signed;

use crate::cli::exit::{self, Exit, Failure};
use crate::directory::Person;
use crate::peer::{
    AskError, Body, Content, PeerAddress, PeerMessage, PeerTransport, ReceivedBody, ask,
};
use crate::text::sanitize::tidy;

impl PeerMessage for PeerCall {
    fn body_length(&self) -> u64 {
        match &self.request {
            PeerRequest::Deliver(delivery) => Content {
                length: delivery.carrier_length,
                hash: delivery.carrier.0,
            }
            .body_length(delivery.offset),
            _ => 0,
        }
    }
}

impl PeerMessage for PeerReply {
    fn body_length(&self) -> u64 {
        match self {
            PeerReply::Gallery { items, .. } => {
                items.iter().map(|item| u64::from(item.preview)).sum()
            }
            _ => 0,
        }
    }
}

/// Why a peer gave no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The directory has no address for him.
    #[error("it has told no address")]
    NoAddress,
    /// None of the addresses that it has told means anything here.
    #[error("it says to be at '{0}', which is no address")]
    UnreadAddress(String),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("{message}")]
    Refused { code: PeerRefusal, message: String },
    /// An answer to another question.
    #[error("its answer makes no sense")]
    Strange,
}

impl TalkError {
    /// Whether trying again later may help.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        match self {
            TalkError::NoAddress => true,
            TalkError::Ask(error) => error.is_offline(),
            TalkError::Refused { code, .. } => {
                matches!(code, PeerRefusal::TooMany | PeerRefusal::Failed)
            }
            TalkError::UnreadAddress(_) | TalkError::Strange => false,
        }
    }

    /// The same for the person who asked.
    #[must_use]
    pub fn failure(&self, who: &str) -> Failure {
        match self {
            TalkError::NoAddress => Failure::new(
                Exit::Queued,
                "peer_offline",
                format!("{who} is offline: try again when {who}'s agent runs"),
            ),
            TalkError::UnreadAddress(address) => Failure::other(
                "peer_address",
                format!(
                    "{who}'s agent says to be at '{address}', which is no address that this version can read: bring both of you to the same version, then try again"
                ),
            ),
            TalkError::Ask(error) => exit::unasked(who, error),
            TalkError::Refused { code, message } => exit::refused(who, *code, message),
            TalkError::Strange => Failure::other(
                "peer",
                format!(
                    "{who}'s agent gave an answer that makes no sense; is one of you out of date?"
                ),
            ),
        }
    }
}

/// This device's voice among peers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peers {
    transport: Arc<dyn PeerTransport>,
    card: Signed<UserCard>,
    certificate: Signed<DeviceCertificate>,
}

impl Peers {
    /// Speaks over a transport as the user of this card and certificate.
    #[must_use]
    pub fn new(
        transport: Arc<dyn PeerTransport>,
        card: Signed<UserCard>,
        certificate: Signed<DeviceCertificate>,
    ) -> Self {
        Self {
            transport,
            card,
            certificate,
        }
    }

    /// What carries the words.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn PeerTransport> {
        &self.transport
    }

    /// Asks the first of a person's devices that answers; says which one it was.
    ///
    /// # Errors
    /// The last device's error when none answers; a refusal of any is final.
    pub async fn ask(
        &self,
        person: &Person,
        request: PeerRequest,
        deadline: Duration,
    ) -> Result<(PeerReply, Option<ReceivedBody>, PeerAddress), TalkError> {
        let mut last = match person.unread.first() {
            Some(address) => TalkError::UnreadAddress(address.clone()),
            None => TalkError::NoAddress,
        };
        for address in &person.addresses {
            match self.ask_at(address, request.clone(), None, deadline).await {
                Ok((reply, body)) => return Ok((reply, body, address.clone())),
                Err(TalkError::Ask(error)) if error.is_offline() => last = error.into(),
                Err(TalkError::Ask(error @ AskError::WrongIdentity)) => last = error.into(),
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Asks one device.
    ///
    /// # Errors
    /// See [`TalkError`].
    pub async fn ask_at(
        &self,
        address: &PeerAddress,
        request: PeerRequest,
        body: Option<Body>,
        deadline: Duration,
    ) -> Result<(PeerReply, Option<ReceivedBody>), TalkError> {
        let call = PeerCall {
            card: self.card.clone(),
            certificate: self.certificate.clone(),
            request,
        };
        let asked = ask(self.transport.as_ref(), address, &call, body, deadline);
        match asked.await? {
            (PeerReply::Refused { code, message }, _) => Err(TalkError::Refused {
                code,
                message: tidy(&message),
            }),
            answer => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::{alone, somebody};

    #[tokio::test]
    async fn who_told_no_address_that_can_be_read_is_not_called_offline() {
        let world = alone();
        let mut ada = somebody("ada");
        ada.unread.push("nowhere".into());
        let deadline = Duration::from_secs(5);
        let asked = world
            .core
            .peers
            .ask(&ada, PeerRequest::Ping, deadline)
            .await;
        let failure = asked.unwrap_err().failure("ada");
        assert_eq!((failure.exit, failure.code), (Exit::Other, "peer_address"));
        assert!(failure.message.contains("'nowhere'"), "{failure}");

        ada.unread.clear();
        let asked = world
            .core
            .peers
            .ask(&ada, PeerRequest::Ping, deadline)
            .await;
        assert_eq!(asked.unwrap_err().failure("ada").exit, Exit::Queued);
    }
}
