//! Grants: the owner's record and the viewer's record.

use cameo_common::ids::{GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, PhotoRequest, Receipt};
use serde::{Deserialize, Serialize};

use super::{GrantHeldV1, Secret};
use crate::vault::{Older, Record};

/// Progress of a grant towards the viewer. Each stage is stored before the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Stage {
    /// Sealed, hidden and verified: the carrier is stored.
    CarrierReady,
    /// In the ledger.
    Recorded,
    /// The viewer has the carrier and signed the receipt.
    Delivered,
    /// The ledger has the receipt.
    Settled,
}

/// A grant to another user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOwned {
    pub grant: GrantId,
    pub image: ImageId,
    pub viewer: UserName,
    pub viewer_key: PublicKey,
    pub request: Signed<PhotoRequest>,
    pub request_id: RequestId,
    pub manifest: Signed<Manifest>,
    pub deal: Signed<Deal>,
    /// Stored for later deals.
    pub cluster_share: Secret,
    /// The newest signed rights.
    pub rights: Signed<Rights>,
    pub version: u64,
    /// The newest version that the ledger has.
    pub recorded_version: u64,
    /// The newest version that the viewer has acknowledged.
    pub acknowledged: u64,
    pub revoked: bool,
    pub expires: Option<Millis>,
    pub codec_key: Secret,
    pub carrier: Hash,
    pub carrier_length: u64,
    /// The worker that made the carrier, and the node that chose it.
    pub worker: NodeId,
    pub leader: NodeId,
    pub stage: Stage,
    pub receipt: Option<Signed<Receipt>>,
    pub created: Millis,
}

impl Record for GrantOwned {
    const KIND: &'static str = "grant-owned";
    const VERSION: u16 = 1;
}

impl GrantOwned {
    /// Blob folder of carriers that may have to be sent again.
    pub const CARRIERS: &'static str = "sent";

    /// Blob name of its carrier.
    #[must_use]
    pub fn blob(&self) -> String {
        format!("{}.png", self.grant)
    }

    /// Whether it is live and the ledger has it.
    #[must_use]
    pub fn is_known(&self, now: Millis) -> bool {
        self.stage >= Stage::Recorded && self.is_live(now)
    }

    /// Whether it may still permit a view, now or after its rights are raised.
    #[must_use]
    pub fn is_live(&self, now: Millis) -> bool {
        !self.revoked && self.expires.is_none_or(|expires| now < expires)
    }
}

/// A grant from another user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantHeld {
    pub grant: GrantId,
    pub image: ImageId,
    pub owner: UserName,
    pub owner_key: PublicKey,
    pub request_id: RequestId,
    pub title: String,
    pub manifest: Signed<Manifest>,
    pub codec_key: Secret,
    pub carrier: Hash,
    /// The newest rights received.
    pub rights: Signed<Rights>,
    pub version: u64,
    /// The newest version that the ledger is known to have. Rights with a higher version are
    /// provisional.
    pub confirmed: u64,
    /// The highest version whose acknowledgement the ledger has.
    pub acknowledged: u64,
    /// Views used, by the last report.
    pub used: u32,
    pub received: Millis,
    /// The kind of the photo, as its owner told it with the carrier.
    pub media_type: Option<String>,
}

impl Record for GrantHeld {
    const KIND: &'static str = "grant-held";
    const VERSION: u16 = 2;
    const OLDER: &'static [Older<Self>] = &[Older::of::<GrantHeldV1>()];
}

impl GrantHeld {
    /// Blob folder of received carriers.
    pub const CARRIERS: &'static str = "carriers";

    /// Blob name of its carrier.
    #[must_use]
    pub fn blob(&self) -> String {
        format!("{}.png", self.grant)
    }
}
