//! Commands, log entries and replies.
//!
//! A [`Command`] is a caller and an operation; the leader adds its time and makes an [`Entry`] of
//! it. Every replica verifies every signature in it, that of the calling device first: no node's
//! word stands for a person's.

use cameo_common::ids::{GrantId, Millis, NodeId, RequestId, UserName};
use cameo_common::op::{Authorization, Op};
use cameo_common::operator::OperatorOrder;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::statements::Deal;
use cameo_common::wire;
use cameo_mutant::added_entry_version;
use serde::{Deserialize, Serialize};

use super::limits::{MAX_DEVICES_PER_USER, MAX_GRANTS_PER_USER};

/// Newest version of entries that this program reads and writes: of their layout, and of the rules
/// by which they are decided.
pub const ENTRY_VERSION: u16 = 7;
/// Oldest version that it still decides.
pub const OLDEST_ENTRY_VERSION: u16 = 6;

/// [`ENTRY_VERSION`], also where a program is made to be one of a later build.
#[must_use]
pub fn newest_entry_version() -> u16 {
    ENTRY_VERSION + added_entry_version()
}

/// One committed entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub version: u16,
    /// The leader's time. Log time is the greatest entry time so far.
    pub time: Millis,
    pub command: Command,
}

impl Entry {
    /// An entry of the newest version.
    #[must_use]
    pub fn new(time: Millis, command: Command) -> Self {
        Self {
            version: newest_entry_version(),
            time,
            command,
        }
    }

    /// The entry's bytes in the log: canonical postcard.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }
}

/// An operation and its caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub caller: Caller,
    pub op: Op,
}

/// The origin of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Caller {
    /// The device that has signed this authorization of the operation.
    Device(Signed<Authorization>),
    /// The signer of the statements in the operation, which are its authorization: the device of a
    /// view request, or the holder of a worker's token.
    Signer,
    /// A node of the cluster, as the proposing node states. It can found a cluster and end
    /// sessions, and nothing that takes a person's word.
    Node(NodeId),
    /// The operator, who has signed this order of the operation.
    Operator(Signed<OperatorOrder>),
}

/// The result of one entry.
pub type Reply = Result<Done, Refusal>;

/// The result of a command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// Carried out; there is nothing to report.
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
    /// The version in the ledger, and whether it is in the viewer's mailbox.
    Rights {
        version: u64,
        in_mailbox: bool,
    },
    /// Figures as of this debit: a repeat gets the same ones. The deal is the newest, also of a
    /// repeat: parts are released of that one.
    Debited {
        grant: GrantId,
        request: RequestId,
        number: u32,
        used: u32,
        left: u32,
        /// Log index of the debit.
        index: u64,
        deal: Signed<Deal>,
    },
}

impl Done {
    /// Whether this is a reply to the same command, perhaps at another time: of a debit the newest
    /// deal may have changed since.
    #[must_use]
    pub fn agrees_with(&self, other: &Self) -> bool {
        let mut same = self.clone();
        if let (Self::Debited { deal, .. }, Self::Debited { deal: other, .. }) = (&mut same, other)
        {
            deal.clone_from(other);
        }
        same == *other
    }
}

/// The reason why a command was not carried out. A refusal changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("the layout of the entry is unknown to this node")]
    UnknownEntry,
    #[error("the cluster has been founded already")]
    AlreadyFounded,
    #[error("the cluster has not been founded yet")]
    NotFounded,
    #[error("a statement is not well-formed")]
    Malformed,
    #[error("the command came after its not-after time and was not carried out; send a new one")]
    TooLate,
    #[error("this request id was used for another command; use a new request id")]
    RequestReused,
    #[error("the device is not registered; run `cameo init`")]
    UnknownDevice,
    #[error("the device's certificate has expired; run `cameo init` on it again")]
    CertificateExpired,
    #[error("the name {0} belongs to another key; choose another name")]
    NameTaken(UserName),
    #[error("the key is registered under another name")]
    KeyTaken,
    #[error("the cluster has a newer statement")]
    Stale,
    #[error("{0} is not registered with this cluster")]
    NotRegistered(UserName),
    #[error("the session has ended; register again")]
    SessionEnded,
    #[error(
        "no such grant, or you are not a party to it; one that ended more than 180 days ago is no \
         longer kept"
    )]
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
        "the deal is not for the cluster's current nodes; fetch the cluster's descriptor and deal \
         again"
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
    #[error("the view was not debited, or the time to resume it has passed")]
    NotDebited,
    #[error(
        "the command's not-after time is too far ahead; check the clock of this device, then try \
         again"
    )]
    TooFarAhead,
    #[error("a signature is wrong, or of another statement")]
    BadSignature,
    #[error(
        "this device was revoked for good, and nothing was done; `cameo device new` gives this \
         home a key of its own"
    )]
    DeviceRevoked,
    #[error("you have no device of this key; `cameo device list` shows them")]
    NoSuchDevice,
    #[error(
        "the viewer's request is more than 90 days old, or dated as far ahead: the viewer has to \
         request again"
    )]
    RequestTooOld,
    #[error(
        "{0} has {max} devices, revoked ones included, and nothing was done: a further one takes \
         the place of one whose certificate has expired",
        max = MAX_DEVICES_PER_USER
    )]
    TooManyDevices(UserName),
    #[error(
        "{0} has {max} grants in the ledger, and nothing was done: those that have ended leave it \
         180 to 360 days later",
        max = MAX_GRANTS_PER_USER
    )]
    TooManyGrants(UserName),
    #[error("{}", by_mode(*.0))]
    RegistrationClosed(RegistrationMode),
    #[error(
        "the invite is unknown, used, expired, or for another name; ask the operator for a new one"
    )]
    BadInvite,
    #[error("the operator has retired the user {0}")]
    Retired(UserName),
    #[error("the token is expired or used for another node; ask the operator for a new one")]
    BadToken,
    #[error("the operator has removed node {0}, for good; use an id that no node has had")]
    NodeRemoved(NodeId),
    #[error("no worker of the cluster has the id {0}: there is nothing to do")]
    NotAWorker(NodeId),
    #[error("the descriptor does not follow the cluster's current one: {0}")]
    NotSuccessor(String),
    #[error(
        "with these nodes, {} live grants could not be opened, because too few of the nodes that \
         hold parts of them would be left; nothing was changed. Among them: {}. Wait until their \
         owners' agents have dealt them again, or give them up by force",
        .grants,
        listed(.named)
    )]
    TooFewHolders {
        /// How many.
        grants: u64,
        /// Some of them.
        named: Vec<GrantId>,
    },
    #[error(
        "the ledger has deal {deal} of this grant, rights of version {rights_version} and {used} \
         views used: sign the next deal by these"
    )]
    StaleDeal {
        deal: u64,
        rights_version: u64,
        used: u32,
    },
    #[error("deal {0} of this grant is to the cluster's current nodes: there is nothing to do")]
    DealtAlready(u64),
    #[error("{}", by_approval(*.approved))]
    Restoring {
        /// By the operator.
        approved: bool,
    },
    #[error("this is not the next piece of the state that is taken over, and nothing was changed")]
    OtherPiece {
        /// Number of the next one; none once all are in.
        next: Option<u64>,
    },
    #[error(
        "the cluster was restored from a backup, and this photo stays closed until its owner opens \
         it again (`cameo reopen`)"
    )]
    ClosedByRestore,
    #[error(
        "the ledger has rights of version {rights_version} and {used} views used: sign the \
         reopening by these; views used may be more, and never fewer"
    )]
    StaleReopening { rights_version: u64, used: u32 },
    #[error("this grant is not closed: there is nothing to do")]
    NotClosed,
}

fn listed(grants: &[GrantId]) -> String {
    let grants: Vec<_> = grants.iter().map(GrantId::to_string).collect();
    grants.join(", ")
}

/// What a cluster that begins from a backup waits for.
fn by_approval(approved: bool) -> &'static str {
    match approved {
        true => {
            "the cluster takes over the state of a backup, and nothing was done: try again in a \
             moment"
        }
        false => {
            "the cluster begins from a backup, and nothing is done before the operator approves \
             that (`cameod approve-restore`)"
        }
    }
}

/// What a new user can do in a mode.
fn by_mode(mode: RegistrationMode) -> &'static str {
    match mode {
        RegistrationMode::Invite => {
            "new users need an invite: ask the operator for one, and give it with --invite"
        }
        RegistrationMode::Open | RegistrationMode::Closed => {
            "the operator has closed registration: no new users are registered"
        }
    }
}
