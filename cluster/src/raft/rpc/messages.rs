//! What nodes ask and answer: one enum of requests, one of replies.

use cameo_common::ids::{ClusterId, Millis, NodeId};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::VoteOf;
use serde::{Deserialize, Serialize};

use super::refusals::{MemberRefusal, ProposeRefusal, ReadRefusal};
use crate::consensus_types::{Member, TypeConfig};
use crate::raft::genesis::{Genesis, GenesisMember};

/// A request between nodes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NodeRequest {
    Append(AppendEntriesRequest<TypeConfig>),
    Vote(VoteRequest<TypeConfig>),
    PreVote(VoteRequest<TypeConfig>),
    TransferLeader(TransferLeaderRequest<TypeConfig>),
    /// Announces a snapshot file of `len` bytes.
    SnapshotBegin {
        len: u64,
    },
    /// The bytes at `offset` of a snapshot under way.
    SnapshotChunk {
        transfer: u64,
        offset: u64,
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// All bytes are there: check and install.
    SnapshotInstall {
        transfer: u64,
        vote: VoteOf<TypeConfig>,
    },
    /// The index that a linearizable read must have applied; asked of the leader.
    ReadIndex {
        patience_millis: u64,
    },
    /// A command to be proposed by the leader.
    Propose {
        #[serde(with = "serde_bytes")]
        command: Vec<u8>,
        patience_millis: u64,
    },
    /// For the other parts of the node.
    App(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Forming: who are you, and is your directory empty?
    Pristine,
    /// Forming: this is the cluster; belong to it. `token` is the asked node's own.
    Form {
        genesis: Genesis,
        token: [u8; 32],
    },
    /// Joining, asked of the leader: may the caller become a worker, and of which cluster?
    MayJoin,
    /// Joining, asked of the leader by a node that has recorded the cluster: make me a worker.
    Join {
        member: Member,
        patience_millis: u64,
    },
    /// Asked of the leader: have done with this worker.
    Remove {
        node: NodeId,
        patience_millis: u64,
    },
}

/// A reply between nodes; each answers the request of its name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NodeReply {
    Append {
        response: AppendEntriesResponse<TypeConfig>,
        /// On the reply to a heartbeat.
        beat: Option<Beat>,
    },
    Vote(VoteResponse<TypeConfig>),
    TransferLeader(TransferLeaderResponse<TypeConfig>),
    SnapshotBegun {
        transfer: u64,
    },
    SnapshotWritten,
    SnapshotInstalled(SnapshotResponse<TypeConfig>),
    ReadIndex(Result<u64, ReadRefusal>),
    Proposed(Result<ProposedReply, ProposeRefusal>),
    App(#[serde(with = "serde_bytes")] Vec<u8>),
    Pristine(BootstrapProbe),
    Formed(Result<ClusterId, String>),
    MayJoin(Result<Genesis, MemberRefusal>),
    Joined(Result<(), MemberRefusal>),
    Removed(Result<(), MemberRefusal>),
}

/// What rides on a heartbeat's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beat {
    /// The follower's load report.
    #[serde(with = "serde_bytes")]
    pub report: Vec<u8>,
    /// The follower's wall clock.
    pub unix_millis: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProposedReply {
    pub index: u64,
    #[serde(with = "serde_bytes")]
    pub reply: Vec<u8>,
}

/// What a node says of itself while a cluster is forming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BootstrapProbe {
    pub member: GenesisMember,
    /// Drawn at each start: a `Form` meant for an earlier life of the node is noticed.
    pub token: [u8; 32],
    /// The cluster it belongs to, if any.
    pub cluster: Option<ClusterId>,
    /// Its log and state are empty.
    pub empty: bool,
    /// The nodes that its `--peers` names, by rising id.
    pub peers: Vec<NodeId>,
}
