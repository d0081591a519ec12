//! What enters the log, and what comes out.
//!
//! A `Command` is what somebody wants; the leader puts the time in and makes an `Entry` of it.
//! Signatures were verified at the edge, each against the key that the statement itself names;
//! whether that key may say such a thing is decided here, from the state.

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::identity::{DeviceCertificate, EndpointRecord, UserCard};
use cameo_common::ids::{GrantId, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, PhotoRequest, Receipt, RightsAck, ViewRequest};
use cameo_common::wire;
use serde::{Deserialize, Serialize};

/// Layout of [`Entry`] in the log and between nodes.
pub const ENTRY_VERSION: u16 = 1;

/// One committed entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub version: u16,
    /// The leader's time; the log's time is the greatest so far.
    pub time: Millis,
    pub command: Command,
}

impl Entry {
    /// The entry of a command at the leader's time.
    #[must_use]
    pub fn new(time: Millis, command: Command) -> Self {
        Self {
            version: ENTRY_VERSION,
            time,
            command,
        }
    }

    /// Its bytes in the log.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

/// What somebody wants, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub caller: Caller,
    pub op: Op,
}

/// Who wants it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// A device, proven by its signed call. `request` is remembered for retries.
    Device {
        device: PublicKey,
        request: RequestId,
        /// Hash of the op as the caller sent it: the same id with another content is refused.
        content: cameo_common::ids::Hash,
        /// Not carried out when the log's time is later.
        not_after: Millis,
    },
    /// A node of the cluster, proven by its link.
    Node(NodeId),
}

/// The operation itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Op {
    /// The first entry: who the cluster is. From a node.
    Found(Descriptor),
    /// The caller is the device of the certificate.
    Register {
        card: Signed<UserCard>,
        certificate: Signed<DeviceCertificate>,
    },
    StartSession {
        endpoint: Signed<EndpointRecord>,
        listed: bool,
    },
    /// By the session's own device.
    EndSession {
        epoch: u64,
    },
    /// By a counterparty, after the serving node has probed.
    ReportOffline {
        user: UserName,
        epoch: u64,
    },
    /// By the leader: no sign of life for a session's life.
    ExpireSessions(Vec<(PublicKey, u64)>),
    CreateGrant {
        request: Signed<PhotoRequest>,
        manifest: Signed<Manifest>,
        deal: Signed<Deal>,
        rights: Signed<Rights>,
    },
    PutReceipt {
        receipt: Signed<Receipt>,
    },
    PutRights {
        rights: Signed<Rights>,
    },
    AckRights {
        ack: Signed<RightsAck>,
    },
    Debit {
        request: Signed<ViewRequest>,
    },
}

/// What comes out of one entry.
pub type Reply = Result<Done, Refusal>;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// Done, and nothing to tell.
    Nothing,
    Registered {
        created: bool,
    },
    SessionStarted {
        epoch: u64,
    },
    Offline {
        offline: bool,
    },
    GrantCreated {
        grant: GrantId,
    },
    /// The version in the ledger now, and whether the mailbox holds it.
    Rights {
        version: u64,
        in_mailbox: bool,
    },
    /// As of this debit: the same however often it is asked.
    Debited {
        grant: GrantId,
        request: RequestId,
        number: u32,
        used: u32,
        left: u32,
        /// Where the debit stands in the log.
        index: u64,
        deal: Signed<Deal>,
    },
}

/// Why nothing was done. A refusal changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("the entry has a layout that this node does not know")]
    UnknownEntry,
    #[error("the cluster is founded already")]
    AlreadyFounded,
    #[error("the cluster is not founded yet")]
    NotFounded,
    #[error("a statement is not well-formed")]
    Malformed,
    #[error("the command came later than its time; ask again with a new one")]
    TooLate,
    #[error("this request id was used for another command; use a new one")]
    RequestReused,
    #[error("the device is not registered; run `cameo init`")]
    UnknownDevice,
    #[error("the device's certificate has expired; run `cameo init` on it again")]
    CertificateExpired,
    #[error("the name {0} belongs to another key; choose another name")]
    NameTaken(UserName),
    #[error("the key is registered under another name")]
    KeyTaken,
    #[error("a newer statement is known already")]
    Stale,
    #[error("{0} is not registered with this cluster")]
    NotRegistered(UserName),
    #[error("the session has ended; register anew")]
    SessionEnded,
    #[error("no such grant, or none of yours")]
    NoSuchGrant,
    #[error("only the {0} may do this")]
    Forbidden(String),
    #[error(
        "there is a live grant for this image and viewer: change its rights, or revoke it first"
    )]
    GrantExists(GrantId),
    #[error("the statements do not belong together: {0}")]
    Mismatch(String),
    #[error(
        "the deal is not for the cluster's current nodes; fetch the cluster's descriptor and deal again"
    )]
    BadDeal,
    #[error("the ledger has rights of version {0}; sign the next one")]
    StaleVersion(u64),
    #[error("the owner has revoked the rights to this photo")]
    Revoked,
    #[error("the rights to this photo have expired")]
    Expired,
    #[error("all permitted views are used")]
    UsedUp,
    #[error("a limit is reached: {0}")]
    Limit(String),
    #[error("the view was not debited, or its time to be taken up again has passed")]
    NotDebited,
    #[error("the command is valid for too long; check the clock and ask again")]
    TooFarAhead,
}
