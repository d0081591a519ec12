//! The ledger of views. Its rows live as long as their grant, also after it has ended.

use cameo_common::ids::{GrantId, Hash, Millis, RequestId};
use cameo_common::keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// One debit, by grant and request id: what makes a retry the same view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewRow {
    /// Which view of the grant it is, 1 for the first.
    pub number: u32,
    /// Views that were left behind it.
    pub left: u32,
    /// Hash of the exact bytes of the request.
    pub request: Hash,
    pub device: PublicKey,
    /// When it was debited, in log time, and where in the log.
    pub at: Millis,
    pub index: u64,
    /// Number of the deal whose parts it releases.
    pub deal: u64,
}

impl Row for ViewRow {
    const KIND: Kind = Kind::View;
    type Key = (GrantId, RequestId);
}

/// The debits of a grant in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewNumber(pub RequestId);

impl Row for ViewNumber {
    const KIND: Kind = Kind::ViewNumber;
    type Key = (GrantId, u32);
}
