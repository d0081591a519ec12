//! Wishes for images: those of others, and one's own.

mod v1;

use cameo_common::ids::{GrantId, ImageId, Millis, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::PhotoRequest;
use serde::{Deserialize, Serialize};

use super::Terms;
use crate::vault::{Older, Record};

pub use v1::{IncomingStateV1, IncomingV1, OutgoingV1};

/// What a viewer wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// An image.
    Photo(Signed<PhotoRequest>),
    /// More views of an image that he has.
    More(GrantId),
}

/// Another user's wish, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incoming {
    pub request: RequestId,
    pub viewer: UserName,
    pub viewer_key: PublicKey,
    pub image: ImageId,
    pub asked: Asked,
    pub note: String,
    pub received: Millis,
    pub state: IncomingState,
}

/// What became of another's wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncomingState {
    /// The owner has not answered yet.
    Waiting,
    /// Yes; being made.
    Approved(Terms),
    Granted(GrantId),
    /// No; the viewer may not know yet.
    Denied {
        reason: String,
        told: bool,
    },
    /// It was tried and cannot be done; the viewer may not know yet.
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

/// One's own wish, and what became of it.
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

/// What became of one's own wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutgoingState {
    /// Signed; the owner may not have it yet.
    Signed,
    /// The owner's agent prepares the carrier.
    Preparing,
    /// The owner is asked.
    Waiting,
    Arrived(GrantId),
    Denied(String),
    /// The owner said yes, and his agent could not make the carrier. It may yet come, if he tries once more.
    Failed,
}

impl OutgoingState {
    /// Whether an answer has come.
    #[must_use]
    pub fn is_over(&self) -> bool {
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
