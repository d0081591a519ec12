//! The last sign of another agent on this home's device key.

use cameo_common::ids::Millis;
use serde::{Deserialize, Serialize};

use crate::vault::Record;

/// Another agent has used this device's key: the home was copied. Kept until that agent has
/// stopped, so that `status` can say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherAgent {
    /// When it was noticed last.
    pub noticed: Millis,
}

impl Record for OtherAgent {
    const KIND: &'static str = "other-agent";
    const VERSION: u16 = 1;
}

impl OtherAgent {
    /// The id of the only record of this kind.
    pub const ID: &'static str = "self";

    /// The sentence for the person.
    pub const SENTENCE: &'static str = "this home was copied: another agent uses its device key, \
         and only one of the two is online at a time; stop one, or run `cameo device new` in one \
         of the homes while its agent is stopped";
}
