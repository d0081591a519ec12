//! Rows of a user's event stream: notices, of which the newest are kept, and mail, which is kept
//! until it is acknowledged. Both take their sequence from one counter.

use cameo_common::ids::{GrantId, Millis, UserName};
use cameo_common::signed::Signed;
use cameo_common::statements::RightsAck;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// The counters of a user's stream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The newest sequence; 0 for none.
    pub last: u64,
    /// Number of notices kept.
    pub notices: u32,
    /// Sequence of the notice that was dropped last; 0 for none. All before it are gone too.
    pub dropped: u64,
}

impl Row for Stream {
    const KIND: Kind = Kind::Stream;
    const VERSION: u8 = 2;
    type Key = UserName;
}

/// An event that a user may miss, by user and sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub at: Millis,
    pub kind: NoticeKind,
}

/// The content of a notice. Positional on disk: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeKind {
    Granted { grant: GrantId },
    Received { grant: GrantId },
    Viewed { grant: GrantId, number: u32 },
    Acknowledged { ack: Signed<RightsAck> },
    Dealt { grant: GrantId, number: u64 },
}

impl Row for Notice {
    const KIND: Kind = Kind::Notice;
    const VERSION: u8 = 3;
    type Key = (UserName, u64);
}

/// A viewer's mail by its sequence in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailAt {
    pub grant: GrantId,
}

impl Row for MailAt {
    const KIND: Kind = Kind::MailAt;
    type Key = (UserName, u64);
}

/// Rights that a viewer has not acknowledged yet, by viewer and grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Version of the grant's current rights, which the mail delivers.
    pub version: u64,
    pub at: Millis,
    /// Its sequence in the stream.
    pub sequence: u64,
}

impl Row for Mail {
    const KIND: Kind = Kind::Mail;
    type Key = (UserName, GrantId);
}
