//! The client of other users' agents: each call carries this user's card and certificate, and is
//! tried at each device of the other user until one answers.

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

/// A call that got no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The directory has no address of the user.
    #[error("it has published no address")]
    NoAddress,
    /// This version can read none of the published addresses.
    #[error("it has published '{0}', which is not an address")]
    UnreadableAddress(String),
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("{message}")]
    Refused { code: PeerRefusal, message: String },
    /// The answer does not belong to the request.
    #[error("its answer does not fit the request")]
    WrongAnswer,
}

impl CallError {
    /// Whether a later attempt may succeed.
    #[must_use]
    pub fn is_offline(&self) -> bool {
        match self {
            CallError::NoAddress => true,
            CallError::Ask(error) => error.is_offline(),
            CallError::Refused { code, .. } => {
                matches!(code, PeerRefusal::TooMany | PeerRefusal::Failed)
            }
            CallError::UnreadableAddress(_) | CallError::WrongAnswer => false,
        }
    }

    /// The error with the user's name.
    #[must_use]
    pub fn of(self, who: impl fmt::Display) -> PeerError {
        PeerError {
            who: who.to_string(),
            error: self,
        }
    }
}

impl Classified for CallError {
    fn kind(&self) -> ErrorKind {
        match self {
            CallError::NoAddress => ErrorKind::PeerOffline,
            CallError::UnreadableAddress(_) => ErrorKind::Other,
            CallError::Ask(AskError::Rejected) => ErrorKind::Refused,
            CallError::Ask(AskError::WrongIdentity) => ErrorKind::IdentityChanged,
            CallError::Ask(error) if error.is_offline() => ErrorKind::PeerOffline,
            CallError::Ask(_) | CallError::WrongAnswer => ErrorKind::PeerMismatch,
            CallError::Refused { code, .. } => match code {
                PeerRefusal::Closed | PeerRefusal::NotAccepted => ErrorKind::Refused,
                PeerRefusal::NoSuchImage | PeerRefusal::NoSuchGrant => ErrorKind::NotFound,
                PeerRefusal::IdentityChanged => ErrorKind::IdentityChanged,
                PeerRefusal::TooMany | PeerRefusal::Failed => ErrorKind::PeerBusy,
            },
        }
    }
}

/// A call that got no usable answer, with the user's name in the message.
#[derive(Debug, thiserror::Error)]
#[error("{}", explained(who, error))]
pub struct PeerError {
    pub who: String,
    pub error: CallError,
}

impl Classified for PeerError {
    fn kind(&self) -> ErrorKind {
        self.error.kind()
    }
}

fn explained(who: &str, error: &CallError) -> String {
    match error {
        CallError::Ask(AskError::Rejected) => format!("{who} does not admit this device"),
        CallError::Ask(AskError::WrongIdentity) => format!(
            "another device answers at {who}'s address: ask {who} in person before you continue"
        ),
        error if error.kind() == ErrorKind::PeerOffline => {
            format!("{who} is offline: try again when {who}'s agent runs")
        }
        CallError::NoAddress | CallError::Ask(_) => format!("the call to {who} failed: {error}"),
        CallError::UnreadableAddress(address) => format!(
            "{who}'s agent has published '{address}', which this version cannot read as an \
             address: bring both of you to the same version, then try again"
        ),
        CallError::Refused { message, .. } if message.is_empty() => format!("{who} refuses"),
        CallError::Refused { message, .. } => format!("{who}: {message}"),
        CallError::WrongAnswer => {
            format!(
                "{who}'s agent gave an answer that does not fit the request; is one of you out of \
                 date?"
            )
        }
    }
}

/// The published addresses of a user's devices.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// By device.
    pub addresses: Vec<PeerAddress>,
    /// Addresses that this version cannot parse.
    pub unreadable: Vec<String>,
}

impl Reach {
    /// Whether no address is published.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.unreadable.is_empty()
    }
}

/// The caller of peers for this user and device. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Peers {
    transport: Arc<dyn PeerTransport>,
    card: Signed<UserCard>,
    certificate: Signed<DeviceCertificate>,
}

impl Peers {
    /// A caller with this card and certificate over this transport.
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

    /// The transport of the calls.
    #[must_use]
    pub fn transport(&self) -> &Arc<dyn PeerTransport> {
        &self.transport
    }

    /// Calls the devices of a user in turn until one answers. Returns the answer and the device's
    /// address.
    ///
    /// # Errors
    /// The last device's error if none answers. A refusal by any device is final.
    pub async fn ask(
        &self,
        reach: &Reach,
        request: PeerRequest,
        deadline: Duration,
    ) -> Result<(PeerReply, Option<ReceivedBody>, PeerAddress), CallError> {
        let mut last = match reach.unreadable.first() {
            Some(address) => CallError::UnreadableAddress(address.clone()),
            None => CallError::NoAddress,
        };
        for address in &reach.addresses {
            match self.ask_at(address, request.clone(), None, deadline).await {
                Ok((reply, body)) => return Ok((reply, body, address.clone())),
                Err(CallError::Ask(error)) if error.is_offline() => last = error.into(),
                Err(CallError::Ask(error @ AskError::WrongIdentity)) => last = error.into(),
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    /// Calls one device.
    ///
    /// # Errors
    /// When the device does not answer or refuses.
    pub async fn ask_at(
        &self,
        address: &PeerAddress,
        request: PeerRequest,
        body: Option<Body>,
        deadline: Duration,
    ) -> Result<(PeerReply, Option<ReceivedBody>), CallError> {
        let call = PeerCall {
            card: self.card.clone(),
            certificate: self.certificate.clone(),
            request,
        };
        let asked = ask(self.transport.as_ref(), address, &call, body, deadline);
        match asked.await? {
            (PeerReply::Refused { code, message }, _) => Err(CallError::Refused {
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
    async fn a_user_with_unreadable_addresses_is_not_reported_as_offline() {
        let world = alone();
        let mut reach = Reach::default();
        reach.unreadable.push("nowhere".into());
        let deadline = Duration::from_secs(5);
        let asked = world
            .core
            .peers
            .ask(&reach, PeerRequest::Ping, deadline)
            .await;
        let error = asked.unwrap_err().of("ada");
        assert_eq!(error.kind(), ErrorKind::Other);
        assert!(error.to_string().contains("'nowhere'"), "{error}");

        reach.unreadable.clear();
        let asked = world
            .core
            .peers
            .ask(&reach, PeerRequest::Ping, deadline)
            .await;
        assert_eq!(asked.unwrap_err().kind(), ErrorKind::PeerOffline);
    }
}
