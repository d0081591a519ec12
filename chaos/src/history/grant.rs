//! Arguments and outcomes of the operations on a grant: rights, views and what is read of them.

use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateArg {
    pub request: RequestId,
    pub owner: PublicKey,
    pub viewer: PublicKey,
    pub rights: Terms,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutRightsArg {
    pub request: RequestId,
    pub rights: Terms,
}

/// One version of a grant's rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub version: u64,
    pub permitted: u32,
    pub revoked: bool,
    /// Long before the run, or long after it: within it nobody knows the log's time exactly.
    pub expires: Option<Millis>,
    /// Hash of the signed statement's bytes.
    pub statement: Hash,
}

/// How rights arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredBy {
    /// The sequence of the event.
    pub sequence: u64,
    /// Whether the statement carries its owner's signature.
    pub genuine: bool,
    /// The viewer's stream, numbered: sequences rise within one.
    pub stream: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsStored {
    /// The version in the ledger now.
    pub version: u64,
    pub in_mailbox: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmArg {
    pub node: NodeId,
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmed {
    pub version: u64,
    /// Hash of the rights' signed bytes.
    pub rights: Hash,
    /// Whether the node has signed it, for this grant.
    pub genuine: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AckArg {
    pub request: RequestId,
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DebitArg {
    pub request: RequestId,
    pub device: PublicKey,
    /// Hash of the signed request's bytes, which name the one-time key.
    pub statement: Hash,
    /// False for a request that the viewer's device has not signed: it must be refused.
    pub genuine: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debited {
    pub number: u32,
    pub used: u32,
    pub left: u32,
    /// Log index.
    pub index: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseArg {
    pub request: RequestId,
    pub node: NodeId,
    pub statement: Hash,
    /// Log index of the debit, as the caller claims.
    pub index: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    pub deal: u64,
    pub x: u8,
    /// Whether the part opens with the request's one-time key, and matches its commitment.
    pub opens: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadArg {
    pub node: NodeId,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub version: u64,
    pub statement: Hash,
    pub permitted: u32,
    pub used: u32,
    pub left: u32,
    pub revoked: bool,
    /// The highest version that the viewer has acknowledged.
    pub acknowledged: u64,
    pub in_mailbox: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRead {
    /// All views, from the first one on: the judge takes what is not in it for not taken.
    pub views: Vec<ViewTaken>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewTaken {
    pub number: u32,
    pub at: Millis,
    pub device: PublicKey,
    pub request: RequestId,
    /// Hash of the request that proves the row.
    pub statement: Hash,
    /// Whether the request is signed by the device, and the device certified by the viewer.
    pub proved: bool,
}
