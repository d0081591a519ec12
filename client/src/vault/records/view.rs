//! Views that were charged or may have been, and were not shown yet.

use cameo_common::ids::{GrantId, Millis, RequestId};
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::vault::Record;

/// Stored before the view is charged, so that after any crash the same view is resumed and not
/// charged twice. At most one per grant; removed once the photo has been shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingView {
    pub grant: GrantId,
    pub request: RequestId,
    pub signed: Signed<ViewRequest>,
    /// Opens the parts that the nodes release for this view.
    pub one_time: Secret,
    pub begun: Millis,
}

impl Record for PendingView {
    const KIND: &'static str = "pending-view";
    const VERSION: u16 = 1;
}
