//! Requests for images: incoming ones of other users, and the user's own.

mod v1;

use cameo_common::ids::{GrantId, ImageId, Millis, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;
use serde::{Deserialize, Serialize};

use super::Terms;
use crate::vault::{Older, Record};

pub use v1::{IncomingStateV1, IncomingV1, OutgoingV1};

/// The subject of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestSubject {
    /// An image.
    Photo(Signed<PhotoRequest>),
    /// More views of a grant.
    More(GrantId),
}

/// Another user's request and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    pub request: RequestId,
    pub viewer: UserName,
    pub viewer_key: PublicKey,
    pub image: ImageId,
    pub asked: RequestSubject,
    pub note: String,
    pub received: Millis,
    pub state: IncomingState,
}

/// The state of another user's request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncomingState {
    /// The owner has not answered yet.
    Waiting,
    /// Approved; the grant is being made.
    Approved(Terms),
    Granted(GrantId),
    /// Denied. `told`: whether the viewer has been told.
    Denied {
        reason: String,
        told: bool,
    },
    /// Approved, and the grant cannot be made. `told`: whether the viewer has been told.
    Failed {
        why: String,
        told: bool,
    },
}

impl Record for Incoming {
    const KIND: &'static str = "request-in";
    const VERSION: u16 = 2;
    const OLDER: &'static [Older<Self>] = &[Older::of::<IncomingV1>()];
}

/// The user's own request and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    pub request: RequestId,
    pub owner: UserName,
    pub owner_key: PublicKey,
    pub image: ImageId,
    pub title: String,
    pub signed: Signed<PhotoRequest>,
    pub note: String,
    pub asked_at: Millis,
    pub state: OutgoingState,
}

/// The state of the user's own request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutgoingState {
    /// Signed; the owner may not have received it yet.
    Signed,
    /// The owner's agent prepares the carrier.
    Preparing,
    /// The owner has to decide.
    Waiting,
    Arrived(GrantId),
    Denied(String),
    /// The owner approved, and their agent could not make the carrier. It may still arrive, if the
    /// owner tries again.
    Failed,
}

impl OutgoingState {
    /// Whether the request is answered.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        match self {
            OutgoingState::Arrived(_) | OutgoingState::Denied(_) | OutgoingState::Failed => true,
            OutgoingState::Signed | OutgoingState::Preparing | OutgoingState::Waiting => false,
        }
    }
}

impl Record for Outgoing {
    const KIND: &'static str = "request-out";
    const VERSION: u16 = 2;
    const OLDER: &'static [Older<Self>] = &[Older::of::<OutgoingV1>()];
}
