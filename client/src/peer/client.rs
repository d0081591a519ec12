//! Talking to another user's agent: every call carries who we are, and is tried at each of the
//! user's devices until one answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::peer::{PeerCall, PeerRefusal, PeerReply, PeerRequest};
use cameo_common::signed::Signed;

use super::ask::{AskError, ask};
use super::body::{Body, ReceivedBody};
use super::framing::PeerMessage;
use super::transfer::Content;
use super::transport::{PeerAddress, PeerTransport};
use crate::error_kind::{Classified, ErrorKind};
use crate::text::sanitize::sanitize;

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

    /// The same, of a person.
    #[must_use]
    pub fn of(self, who: impl fmt::Display) -> PeerError {
        PeerError {
            who: who.to_string(),
            error: self,
        }
    }
}

impl Classified for TalkError {
    fn kind(&self) -> ErrorKind {
        match self {
            TalkError::NoAddress => ErrorKind::PeerOffline,
            TalkError::UnreadAddress(_) => ErrorKind::Other,
            TalkError::Ask(AskError::Rejected) => ErrorKind::Refused,
            TalkError::Ask(AskError::WrongIdentity) => ErrorKind::IdentityChanged,
            TalkError::Ask(error) if error.is_offline() => ErrorKind::PeerOffline,
            TalkError::Ask(_) | TalkError::Strange => ErrorKind::PeerMismatch,
            TalkError::Refused { code, .. } => match code {
                PeerRefusal::Closed | PeerRefusal::NotAccepted => ErrorKind::Refused,
                PeerRefusal::NoSuchImage | PeerRefusal::NoSuchGrant => ErrorKind::NotFound,
                PeerRefusal::IdentityChanged => ErrorKind::IdentityChanged,
                PeerRefusal::TooMany | PeerRefusal::Failed => ErrorKind::PeerBusy,
            },
        }
    }
}

/// Why somebody's agent gave no answer that can be used, for the person who asked.
#[derive(Debug, thiserror::Error)]
#[error("{}", explained(who, error))]
pub struct PeerError {
    pub who: String,
    pub error: TalkError,
}

impl Classified for PeerError {
    fn kind(&self) -> ErrorKind {
        self.error.kind()
    }
}

fn explained(who: &str, error: &TalkError) -> String {
    match error {
        TalkError::Ask(AskError::Rejected) => format!("{who} does not talk to this device"),
        TalkError::Ask(AskError::WrongIdentity) => format!(
            "another device answers at {who}'s address: do not go on before you have asked {who} in person"
        ),
        error if error.kind() == ErrorKind::PeerOffline => {
            format!("{who} is offline: try again when {who}'s agent runs")
        }
        TalkError::NoAddress | TalkError::Ask(_) => format!("{who} cannot be asked: {error}"),
        TalkError::UnreadAddress(address) => format!(
            "{who}'s agent says to be at '{address}', which is no address that this version can read: bring both of you to the same version, then try again"
        ),
        TalkError::Refused { message, .. } if message.is_empty() => format!("{who} refuses"),
        TalkError::Refused { message, .. } => format!("{who}: {message}"),
        TalkError::Strange => {
            format!("{who}'s agent gave an answer that makes no sense; is one of you out of date?")
        }
    }
}

/// Where a user's devices can be reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The addresses, if any are told.
    pub addresses: Vec<PeerAddress>,
    /// What was told as an address and this version cannot read.
    pub unread: Vec<String>,
}

impl Reach {
    /// Whether nothing at all is told.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.addresses.is_empty() && self.unread.is_empty()
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

    /// Asks the first of a user's devices that answers; says which one it was.
    ///
    /// # Errors
    /// The last device's error when none answers; a refusal of any is final.
    pub async fn ask(
        &self,
        reach: &Reach,
        request: PeerRequest,
        deadline: Duration,
    ) -> Result<(PeerReply, Option<ReceivedBody>, PeerAddress), TalkError> {
        let mut last = match reach.unread.first() {
            Some(address) => TalkError::UnreadAddress(address.clone()),
            None => TalkError::NoAddress,
        };
        for address in &reach.addresses {
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
                message: sanitize(&message),
            }),
            answer => Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::agent::tests::alone;

    #[tokio::test]
    async fn who_told_no_address_that_can_be_read_is_not_called_offline() {
        let world = alone();
        let mut reach = Reach::default();
        reach.unread.push("nowhere".into());
        let deadline = Duration::from_secs(5);
        let asked = world
            .core
            .peers
            .ask(&reach, PeerRequest::Ping, deadline)
            .await;
        let error = asked.unwrap_err().of("ada");
        assert_eq!(error.kind(), ErrorKind::Other);
        assert!(error.to_string().contains("'nowhere'"), "{error}");

        reach.unread.clear();
        let asked = world
            .core
            .peers
            .ask(&reach, PeerRequest::Ping, deadline)
            .await;
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::PeerOffline);
    }
}
