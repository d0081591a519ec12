//! Codes of errors of flows and of the agent.

use serde_json::{Map, Value};

use super::{Coded, detail};
use crate::agent::AgentError;
use crate::flows::LedgerError;
use crate::flows::context::{BindError, ContextError};
use crate::flows::gallery::GalleryError;
use crate::flows::open::OpenError;
use crate::flows::request::RequestError;
use crate::flows::rights::RightsError;
use crate::flows::share::{PlaceError, ShareError};

impl Coded for ContextError {
    fn word(&self) -> &'static str {
        match self {
            ContextError::NoUser(_) => "no_home",
            ContextError::Vault(error) => error.word(),
            ContextError::Cluster(error) => error.word(),
        }
    }
}

impl Coded for BindError {
    fn word(&self) -> &'static str {
        "listen"
    }
}

impl Coded for AgentError {
    fn word(&self) -> &'static str {
        match self {
            AgentError::Vault(error) => error.word(),
            AgentError::Bind(error) => error.word(),
            AgentError::Io(error) => error.word(),
            AgentError::Refused(error) => error.word(),
            AgentError::Stopped => "stopped",
        }
    }
}

impl Coded for LedgerError {
    fn word(&self) -> &'static str {
        match self {
            LedgerError::Vault(error) => error.word(),
            LedgerError::Cluster(error) => error.word(),
            LedgerError::Statement(error) => error.word(),
        }
    }
}

impl Coded for GalleryError {
    fn word(&self) -> &'static str {
        match self {
            GalleryError::Peer(error) => error.word(),
            GalleryError::Vault(error) => error.word(),
        }
    }
}

impl Coded for ShareError {
    fn word(&self) -> &'static str {
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
            ShareError::Place(error) => error.word(),
            ShareError::Cluster(error) => error.word(),
            ShareError::Directory(error) => error.word(),
            ShareError::Peer(error) => error.word(),
            ShareError::Statement(error) => error.word(),
            ShareError::Sealing(error) => error.word(),
            ShareError::Vault(error) => error.word(),
        }
    }
}

impl Coded for PlaceError {
    fn word(&self) -> &'static str {
        match self {
            PlaceError::NoWorker(_) => "no_worker",
            PlaceError::Busy(_) => "busy",
            PlaceError::Codec(_) => "codec",
            PlaceError::Cluster(error) => error.word(),
        }
    }
}

impl Coded for OpenError {
    fn word(&self) -> &'static str {
        match self {
            OpenError::CarrierMissing { .. } => "not_found",
            OpenError::BadCarrier { .. } => "bad_carrier",
            OpenError::ForSomebodyElse => "denied",
            OpenError::Codec(_) => "codec",
            OpenError::NotReleased { .. } => "not_debited",
            OpenError::Lapsed { .. } => "view_lapsed",
            OpenError::ForeignDeal => "bad_deal",
            OpenError::Cluster(error) => error.word(),
            OpenError::Statement(error) => error.word(),
            OpenError::Sealing(error) => error.word(),
            OpenError::Vault(error) => error.word(),
        }
    }
}

impl Coded for RightsError {
    fn word(&self) -> &'static str {
        match self {
            RightsError::NotYours | RightsError::Gone => "not_found",
            RightsError::ForeignRights => "protocol",
            RightsError::OtherDevice => "stale_version",
            RightsError::Cluster(error) => error.word(),
            RightsError::Statement(error) => error.word(),
            RightsError::Vault(error) => error.word(),
        }
    }
}

impl Coded for RequestError {
    fn word(&self) -> &'static str {
        match self {
            RequestError::OwnerOffline { .. } => "peer_offline",
            RequestError::RequestLost { .. } => "request_lost",
            RequestError::HeldElsewhere { .. } => "held_elsewhere",
            RequestError::Directory(error) => error.word(),
            RequestError::Peer(error) => error.word(),
            RequestError::Statement(error) => error.word(),
            RequestError::Vault(error) => error.word(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            RequestError::OwnerOffline { request, .. } => detail("request", request.to_string()),
            _ => Map::new(),
        }
    }
}
