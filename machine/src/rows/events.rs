//! A user's event stream: notices, which are trimmed, and letters, which are kept until their mail
//! is acknowledged. Both draw on one sequence.

use cameo_common::ids::{GrantId, Millis, UserName};
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// How far a user's stream has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The last sequence given out.
    pub last: u64,
    /// Notices kept.
    pub notices: u32,
}

impl Row for Stream {
    const KIND: Kind = Kind::Stream;
    type Key = UserName;
}

/// Something that a user may like to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub at: Millis,
    pub news: News,
}

/// What a notice is about. Positional on disk: append only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    Granted { grant: GrantId },
    Received { grant: GrantId },
    Viewed { grant: GrantId, number: u32 },
    Acknowledged { grant: GrantId, version: u64 },
}

impl Row for Notice {
    const KIND: Kind = Kind::Notice;
    type Key = (UserName, u64);
}

/// Where mail stands in its viewer's stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    pub grant: GrantId,
}

impl Row for Letter {
    const KIND: Kind = Kind::Letter;
    type Key = (UserName, u64);
}

/// The mailbox: rights that a viewer has not acknowledged yet, at most one piece a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Version of the grant's current rights, which is what gets delivered.
    pub version: u64,
    pub at: Millis,
    /// Sequence of its letter.
    pub letter: u64,
}

impl Row for Mail {
    const KIND: Kind = Kind::Mail;
    type Key = (UserName, GrantId);
}
