//! Grants, rights and views.

use serde::{Deserialize, Serialize};

use crate::identity::DeviceCertificate;
use crate::ids::{GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use crate::rights::Rights;
use crate::signed::Signed;
use crate::statements::{
    Confirmation, Deal, Manifest, PhotoRequest, Receipt, Reopening, RightsAck, ViewRequest,
};

/// `POST /v1/grants`, by the owner.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateGrant {
    pub request: Signed<PhotoRequest>,
    pub manifest: Signed<Manifest>,
    pub deal: Signed<Deal>,
    /// Version 1.
    pub rights: Signed<Rights>,
}

/// Answer to [`CreateGrant`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub grant: GrantId,
}

/// The caller's side of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Viewer,
}

/// `GET /v1/grants/{grant}`, for its owner and its viewer only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantInfo {
    pub grant: GrantId,
    pub role: Role,
    pub owner: UserName,
    pub viewer: UserName,
    pub image: ImageId,
    pub created: Millis,
    pub manifest: Signed<Manifest>,
    pub rights: Signed<Rights>,
    /// The newest deal; the viewer needs it.
    pub deal: Signed<Deal>,
    pub version: u64,
    pub permitted: u32,
    pub used: u32,
    pub left: u32,
    pub expires: Option<Millis>,
    pub revoked: bool,
    pub receipt: Option<Signed<Receipt>>,
    /// The highest version that the viewer has acknowledged; 0 for none.
    pub acknowledged: u64,
    /// Whether the mailbox still holds rights for the viewer.
    pub in_mailbox: bool,
    /// When the operator has retired the other party.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_retired: Option<Millis>,
    /// The cluster was restored from a backup, and the owner has not opened the grant again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// `GET /v1/grants?after=GRANT`: at most [`GrantList::LIMIT`] a page, in order of id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantList {
    pub grants: Vec<GrantInfo>,
    /// Whether there are more after the last.
    pub more: bool,
}

impl GrantList {
    /// Most grants in a page.
    pub const LIMIT: usize = 100;
}

/// `GET /v1/grants/to-deal-again?after=GRANT`: the caller's own live grants whose newest deal is
/// not to the cluster's present nodes; at most [`GrantList::LIMIT`] a page, in order of id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantsToDealAgain {
    /// Each has what its next deal is made by: the newest deal, the version of the rights, the
    /// views used. A page may be empty and not be the last one.
    pub grants: Vec<GrantInfo>,
    /// Where to go on, if there may be more.
    pub next: Option<GrantId>,
}

/// `POST /v1/grants/{grant}/deals`, by the owner: the next deal, to the cluster's present nodes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutDeal {
    pub deal: Signed<Deal>,
}

/// `POST /v1/grants/{grant}/reopening`, by the owner: opens a grant that a restore has closed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reopen {
    pub reopening: Signed<Reopening>,
    /// The next one, to the cluster's present nodes.
    pub deal: Signed<Deal>,
}

/// `POST /v1/grants/{grant}/receipt`, by the viewer, or by the owner to whom the viewer sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutReceipt {
    pub receipt: Signed<Receipt>,
}

/// `POST /v1/grants/{grant}/rights`, by the owner, or by the viewer to whom the owner sent them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PutRights {
    pub rights: Signed<Rights>,
}

/// Answer to [`PutRights`] and [`AckRights`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsStored {
    /// The version in the ledger now.
    pub version: u64,
    /// Whether the mailbox holds it for the viewer.
    pub in_mailbox: bool,
}

/// `POST /v1/grants/{grant}/confirmation`, by the owner: asks one node to confirm that it releases
/// nothing by rights below this version.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRights {
    pub version: u64,
}

/// Answer to [`ConfirmRights`]: of the version asked for, or of a later one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    pub confirmation: Signed<Confirmation>,
}

/// `POST /v1/grants/{grant}/ack`: the viewer's own acknowledgement of rights.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AckRights {
    pub ack: Signed<RightsAck>,
}

/// `POST /v1/grants/{grant}/views`: charges one view. The same request id is charged once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DebitView {
    pub request: Signed<ViewRequest>,
}

/// Answer to [`DebitView`]: the view is charged, and the parts may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debited {
    pub grant: GrantId,
    pub request: RequestId,
    /// Number of this view, 1 for the first.
    pub number: u32,
    /// As of this view: the same for each repetition of the request.
    pub used: u32,
    pub left: u32,
    /// Log index of the debit.
    pub index: u64,
    pub deal: Signed<Deal>,
}

/// `POST /v1/grants/{grant}/parts`: asks one node for its part of a view, which has been debited or
/// is being debited.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleasePart {
    /// Exactly the statement that was debited.
    pub request: Signed<ViewRequest>,
    /// From [`Debited::index`]. None while the debit is still under way: the node waits for it, up
    /// to a few seconds.
    pub index: Option<u64>,
}

/// Answer to [`ReleasePart`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    pub node: NodeId,
    pub deal: u64,
    pub x: u8,
    /// The part, sealed to the request's one-time key; base64url.
    pub sealed: String,
}

/// One view, with what proves to the owner that the viewer asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewTaken {
    pub number: u32,
    /// Log time of the debit.
    pub at: Millis,
    /// The device's request, exactly as it was debited.
    pub request: Signed<ViewRequest>,
    /// Hash of the device's certificate at the time of the debit: one of
    /// [`LogInfo::certificates`].
    pub certificate: Hash,
}

/// `GET /v1/grants/{grant}/log`, for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInfo {
    pub grant: GrantId,
    /// Each certificate under which a view was debited, once.
    pub certificates: Vec<Signed<DeviceCertificate>>,
    pub views: Vec<ViewTaken>,
}
