//! Rows of the cluster: log time, identity, descriptors, and what the operator has decided.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{ClusterId, Millis, NodeId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use serde::{Deserialize, Serialize};

use super::{Kind, Row};

/// The greatest time of all entries that were carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogTime(pub Millis);

impl Row for LogTime {
    const KIND: Kind = Kind::LogTime;
    type Key = ();
}

/// The newest version of entries that the log has had. Without the row it is version 6.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryVersion(pub u16);

impl Row for EntryVersion {
    const KIND: Kind = Kind::EntryVersion;
    type Key = ();
}

/// The identity of a founded cluster, and its current descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founded {
    pub cluster: ClusterId,
    /// Number of the current descriptor.
    pub current: u64,
}

impl Row for Founded {
    const KIND: Kind = Kind::Founded;
    type Key = ();
}

/// A descriptor, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescriptorRow(pub Descriptor);

impl Row for DescriptorRow {
    const KIND: Kind = Kind::Descriptor;
    const VERSION: u8 = 2;
    type Key = u64;
}

/// The signatures by which a descriptor follows the one before, by its number. The first has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuccessionRow {
    pub operator: Signed<Succession>,
    pub voters: Vec<Signed<Succession>>,
}

impl Row for SuccessionRow {
    const KIND: Kind = Kind::Succession;
    type Key = u64;
}

/// Who may register at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration(pub RegistrationMode);

impl Row for Registration {
    const KIND: Kind = Kind::Registration;
    type Key = ();
}

/// An invite that was neither used nor found expired, by its public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteRow {
    /// The only name that it registers, if there is one.
    pub name: Option<UserName>,
    pub not_after: Millis,
}

impl Row for InviteRow {
    const KIND: Kind = Kind::Invite;
    type Key = PublicKey;
}

/// A node that was admitted as a worker, by its id. The row outlives the removal, so that the id is
/// not used again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmittedWorker {
    /// The node's key, which a token is bound to.
    pub key: PublicKey,
    pub removed: bool,
}

impl Row for AdmittedWorker {
    const KIND: Kind = Kind::AdmittedWorker;
    type Key = NodeId;
}

/// The node that has used a token, by the token's key. There are as many as the operator has signed
/// tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsed {
    pub node: NodeId,
}

impl Row for TokenUsed {
    const KIND: Kind = Kind::TokenUsed;
    type Key = PublicKey;
}
