//! Rows of debited views. They are kept as long as their grant, also after it has ended.

use cameo_common::ids::{GrantId, Hash, Millis, RequestId};
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// One debit, by grant and request id, so that a retry is the same view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRow {
    /// Number of the view within its grant, 1 for the first.
    pub number: u32,
    /// Views left after it.
    pub left: u32,
    /// The device's request, which proves that the viewer asked for the view.
    pub request: Signed<ViewRequest>,
    /// Hash of the device's certificate at the time of the debit.
    pub certificate: Hash,
    /// Log time and log index of the debit.
    pub at: Millis,
    pub index: u64,
    /// Number of the newest deal at the debit. Parts are released of the newest at the release.
    pub deal: u64,
}

impl Row for ViewRow {
    const KIND: Kind = Kind::View;
    const VERSION: u8 = 2;
    type Key = (GrantId, RequestId);
}

/// Index of the debits of a grant, in order of number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewNumber(pub RequestId);

impl Row for ViewNumber {
    const KIND: Kind = Kind::ViewNumber;
    type Key = (GrantId, u32);
}
