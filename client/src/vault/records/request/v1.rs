//! Version 1 of the request records: viewers were not told of failures.

use cameo_common::ids::{GrantId, ImageId, Millis, RequestId, UserName};
use cameo_common::keys::PublicKey;
use serde::{Deserialize, Serialize};

use super::{Incoming, IncomingState, Outgoing, RequestSubject};
use crate::vault::Record;
use crate::vault::records::Terms;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncomingV1 {
    pub request: RequestId,
    pub viewer: UserName,
    pub viewer_key: PublicKey,
    pub image: ImageId,
    pub asked: RequestSubject,
    pub note: String,
    pub received: Millis,
    pub state: IncomingStateV1,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncomingStateV1 {
    Waiting,
    Approved(Terms),
    Granted(GrantId),
    Denied { reason: String, told: bool },
    Failed(String),
}

impl Record for IncomingV1 {
    const KIND: &'static str = Incoming::KIND;
    const VERSION: u16 = 1;
}

impl From<IncomingV1> for Incoming {
    fn from(old: IncomingV1) -> Self {
        Incoming {
            request: old.request,
            viewer: old.viewer,
            viewer_key: old.viewer_key,
            image: old.image,
            asked: old.asked,
            note: old.note,
            received: old.received,
            state: match old.state {
                IncomingStateV1::Waiting => IncomingState::Waiting,
                IncomingStateV1::Approved(terms) => IncomingState::Approved(terms),
                IncomingStateV1::Granted(grant) => IncomingState::Granted(grant),
                IncomingStateV1::Denied { reason, told } => IncomingState::Denied { reason, told },
                IncomingStateV1::Failed(why) => IncomingState::Failed { why, told: false },
            },
        }
    }
}

/// The same encoding, without the state [`OutgoingState::Failed`](super::OutgoingState::Failed).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutgoingV1(pub Outgoing);

impl Record for OutgoingV1 {
    const KIND: &'static str = Outgoing::KIND;
    const VERSION: u16 = 1;
}

impl From<OutgoingV1> for Outgoing {
    fn from(old: OutgoingV1) -> Self {
        old.0
    }
}
