//! Contacts: other users, with their pinned keys.

use cameo_common::identity::UserCard;
use cameo_common::ids::{Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};

use crate::vault::Record;

/// A user whose key is pinned. A card with another key, or with a lower sequence, is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub name: UserName,
    pub key: PublicKey,
    pub card: Signed<UserCard>,
    /// Highest sequence of any card seen so far.
    pub sequence: u64,
    pub first_met: Millis,
}

impl Record for Contact {
    const KIND: &'static str = "contact";
    const VERSION: u16 = 1;
}
