//! A view that was begun.

use cameo_common::ids::{GrantId, Millis, RequestId};
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::vault::Record;

/// On disk before the view is asked for, so that whatever crashes, the same view is taken up again
/// and not charged twice. One a grant; removed once the photo has been shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingView {
    pub grant: GrantId,
    pub request: RequestId,
    pub signed: Signed<ViewRequest>,
    /// Opens what the nodes release for this view.
    pub one_time: Secret,
    pub begun: Millis,
}

impl Record for PendingView {
    const KIND: &'static str = "pending-view";
    const VERSION: u16 = 1;
}
