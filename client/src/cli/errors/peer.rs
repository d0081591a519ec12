//! Codes of errors of peers and of the directory.

use cameo_common::peer::PeerRefusal;

use super::Coded;
use crate::control::OtherVersion;
use crate::directory::{DirectoryError, PinError};
use crate::peer::{AskError, CallError, PeerError};

impl Coded for PeerError {
    fn error_code(&self) -> &'static str {
        self.error.error_code()
    }
}

impl Coded for CallError {
    fn error_code(&self) -> &'static str {
        match self {
            CallError::NoAddress => "peer_offline",
            CallError::UnreadableAddress(_) => "peer_address",
            CallError::Ask(AskError::Rejected) => "denied",
            CallError::Ask(AskError::WrongIdentity) => "identity_changed",
            CallError::Ask(error) if error.is_offline() => "peer_offline",
            CallError::Ask(_) | CallError::WrongAnswer => "peer",
            CallError::Refused { code, .. } => refusal_word(*code),
        }
    }
}

fn refusal_word(code: PeerRefusal) -> &'static str {
    match code {
        PeerRefusal::Closed => "denied",
        PeerRefusal::NoSuchImage | PeerRefusal::NoSuchGrant => "not_found",
        PeerRefusal::IdentityChanged => "identity_changed",
        PeerRefusal::NotAccepted => "not_accepted",
        PeerRefusal::TooMany => "too_many",
        PeerRefusal::Failed => "peer_failed",
    }
}

impl Coded for OtherVersion {
    fn error_code(&self) -> &'static str {
        "agent_version"
    }
}

impl Coded for PinError {
    fn error_code(&self) -> &'static str {
        match self {
            PinError::KeyChanged(_) => "identity_changed",
            PinError::OlderCard(_) => "went_back",
            PinError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for DirectoryError {
    fn error_code(&self) -> &'static str {
        match self {
            DirectoryError::NotRegistered(_) => "not_registered",
            DirectoryError::Retired(_) => "retired",
            DirectoryError::Dishonest { .. } => "protocol",
            DirectoryError::Unconfirmed { .. } => "unconfirmed",
            DirectoryError::Pin(error) => error.error_code(),
            DirectoryError::Cluster(error) => error.error_code(),
            DirectoryError::Statement(error) => error.error_code(),
            DirectoryError::Vault(error) => error.error_code(),
        }
    }
}
