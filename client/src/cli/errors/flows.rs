//! Codes of errors of flows and of the agent.

use serde_json::{Map, Value};

use super::{Coded, detail};
use crate::agent::AgentError;
use crate::flows::LedgerError;
use crate::flows::context::{BindError, ContextError};
use crate::flows::gallery::GalleryError;
use crate::flows::open::OpenError;
use crate::flows::reopen::ReopenError;
use crate::flows::request::RequestError;
use crate::flows::rights::RightsError;
use crate::flows::share::{PlaceError, ShareError};

impl Coded for ContextError {
    fn error_code(&self) -> &'static str {
        match self {
            ContextError::NoUser(_) => "no_home",
            ContextError::Vault(error) => error.error_code(),
            ContextError::Cluster(error) => error.error_code(),
        }
    }
}

impl Coded for BindError {
    fn error_code(&self) -> &'static str {
        "listen"
    }
}

impl Coded for AgentError {
    fn error_code(&self) -> &'static str {
        match self {
            AgentError::Vault(error) => error.error_code(),
            AgentError::Bind(error) => error.error_code(),
            AgentError::Io(error) => error.error_code(),
            AgentError::Refused(error) => error.error_code(),
            AgentError::Retired(_) => "retired",
            AgentError::DeviceRevoked => "device_revoked",
            AgentError::Stopped => "stopped",
        }
    }
}

impl Coded for LedgerError {
    fn error_code(&self) -> &'static str {
        match self {
            LedgerError::Vault(error) => error.error_code(),
            LedgerError::Cluster(error) => error.error_code(),
            LedgerError::Statement(error) => error.error_code(),
        }
    }
}

impl Coded for GalleryError {
    fn error_code(&self) -> &'static str {
        match self {
            GalleryError::Peer(error) => error.error_code(),
            GalleryError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for ShareError {
    fn error_code(&self) -> &'static str {
        match self {
            ShareError::NoSuchRequest
            | ShareError::NoSuchGrant
            | ShareError::NoSuchImage
            | ShareError::Missing { .. } => "not_found",
            ShareError::NotAPhoto => "not_a_photo",
            ShareError::NotApproved => "not_approved",
            ShareError::FailedBefore { .. } => "share_failed",
            ShareError::GrantExists { .. } => "grant_exists",
            ShareError::RequestKeyChanged(_) | ShareError::GrantKeyChanged(_) => "identity_changed",
            ShareError::Damaged(_) => "damaged",
            ShareError::Caption { .. } => "caption",
            ShareError::Cover(_) => "cover",
            ShareError::SealingStopped(_) => "sealing",
            ShareError::ViewerOffline(_) => "peer_offline",
            ShareError::BadReceipt(_) => "bad_receipt",
            ShareError::NoReceipt => "no_receipt",
            ShareError::Place(error) => error.error_code(),
            ShareError::Cluster(error) => error.error_code(),
            ShareError::Directory(error) => error.error_code(),
            ShareError::Peer(error) => error.error_code(),
            ShareError::Statement(error) => error.error_code(),
            ShareError::Sealing(error) => error.error_code(),
            ShareError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for PlaceError {
    fn error_code(&self) -> &'static str {
        match self {
            PlaceError::NoWorker(_) => "no_worker",
            PlaceError::Busy(_) => "busy",
            PlaceError::Codec(_) => "codec",
            PlaceError::Cluster(error) => error.error_code(),
        }
    }
}

impl Coded for OpenError {
    fn error_code(&self) -> &'static str {
        match self {
            OpenError::CarrierMissing { .. } => "not_found",
            OpenError::BadCarrier { .. } => "bad_carrier",
            OpenError::ForSomebodyElse => "denied",
            OpenError::Codec(_) => "codec",
            OpenError::NotReleased { .. } => "not_debited",
            OpenError::TooFewHolders { .. } | OpenError::NotDealtAgain { .. } => "too_few_holders",
            OpenError::Lapsed { .. } => "view_lapsed",
            OpenError::ForeignDeal => "bad_deal",
            OpenError::Cluster(error) => error.error_code(),
            OpenError::Statement(error) => error.error_code(),
            OpenError::Sealing(error) => error.error_code(),
            OpenError::Unstored { error, .. } | OpenError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for ReopenError {
    fn error_code(&self) -> &'static str {
        match self {
            ReopenError::NotClosed => "not_closed",
            ReopenError::Used { .. } => "usage",
            ReopenError::Foreign | ReopenError::Behind { .. } => "protocol",
            ReopenError::Unagreed => "unagreed",
            ReopenError::Ended => "ended",
            ReopenError::Outrun => "busy",
            ReopenError::Cluster(error) => error.error_code(),
            ReopenError::Share(error) => error.error_code(),
            ReopenError::Statement(error) => error.error_code(),
            ReopenError::Unstored(error) => error.error_code(),
        }
    }
}

impl Coded for RightsError {
    fn error_code(&self) -> &'static str {
        match self {
            RightsError::NotYours | RightsError::Gone => "not_found",
            RightsError::NotKept => "not_kept",
            RightsError::NotRestored => "not_restored",
            RightsError::ForeignRights
            | RightsError::Behind { .. }
            | RightsError::TooFarAhead { .. } => "protocol",
            RightsError::OtherDevice => "stale_version",
            RightsError::Unconfirmed(_) => "unconfirmed",
            RightsError::Cluster(error) => error.error_code(),
            RightsError::Statement(error) => error.error_code(),
            RightsError::Unstored(error) | RightsError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for RequestError {
    fn error_code(&self) -> &'static str {
        match self {
            RequestError::OwnerOffline { .. } => "peer_offline",
            RequestError::RequestLost { .. } => "request_lost",
            RequestError::HeldElsewhere { .. } => "held_elsewhere",
            RequestError::Directory(error) => error.error_code(),
            RequestError::Peer(error) => error.error_code(),
            RequestError::Statement(error) => error.error_code(),
            RequestError::Vault(error) => error.error_code(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            RequestError::OwnerOffline { request, .. } => detail("request", request.to_string()),
            _ => Map::new(),
        }
    }
}
