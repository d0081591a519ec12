//! Rows of the retry table: replies to commands that may be repeated.

use cameo_common::ids::{Hash, Millis, RequestId};
use cameo_common::keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};
use crate::command::Done;

/// The reply to a command that was carried out, by request id and the key that signed it: a
/// device's, or the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Hash of the op as the caller sent it.
    pub content: Hash,
    pub done: Done,
}

impl Row for Retry {
    const KIND: Kind = Kind::Retry;
    type Key = (PublicKey, RequestId);
}

/// Index of the replies by time, for eviction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryAt;

impl Row for RetryAt {
    const KIND: Kind = Kind::RetryAt;
    type Key = (Millis, PublicKey, RequestId);
}

/// No reply that is kept is older. Eviction begins here, and does not pass over those that were
/// evicted just before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetriesFrom(pub Millis);

impl Row for RetriesFrom {
    const KIND: Kind = Kind::RetriesFrom;
    type Key = ();
}
