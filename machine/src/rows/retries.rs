//! Replies to commands that may be asked again.

use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};
use crate::command::Done;

/// What became of a command, by device and request id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Hash of the command as it was sent.
    pub content: Hash,
    pub done: Done,
}

impl Row for Retry {
    const KIND: Kind = Kind::Retry;
    type Key = (PublicKey, RequestId);
}

/// Retries in the order of their time, for forgetting them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryAt;

impl Row for RetryAt {
    const KIND: Kind = Kind::RetryAt;
    type Key = (Millis, PublicKey, RequestId);
}
