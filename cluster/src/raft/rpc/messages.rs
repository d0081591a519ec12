//! Messages between nodes: one enum of requests, one of replies.

use cameo_common::descriptor_chain::DescriptorLink;
use cameo_common::ids::{ClusterId, Hash, Millis, NodeId};
use cameo_common::signed::Signed;
use cameo_common::statements::{Checkpoint, NodeProgress};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::VoteOf;
use serde::{Deserialize, Serialize};

use super::refusals::{MemberRefusal, ProposeRefusal, ReadRefusal};
use crate::consensus_types::{Member, TypeConfig};
use crate::raft::genesis::{Genesis, GenesisMember, GenesisTerms};
use crate::raft::time::voter_times::VoterTimes;

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
    /// The bytes at `offset` of a snapshot in transfer.
    SnapshotChunk {
        transfer: u64,
        offset: u64,
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// All bytes were sent: check and install.
    SnapshotInstall {
        transfer: u64,
        vote: VoteOf<TypeConfig>,
    },
    /// Asks the leader for the index that a linearizable read must have applied.
    ReadIndex {
        timeout_millis: u64,
    },
    /// Asks the leader to propose a command.
    Propose {
        #[serde(with = "serde_bytes")]
        command: Vec<u8>,
        timeout_millis: u64,
    },
    /// For the layers above Raft.
    App(#[serde(with = "serde_bytes")] Vec<u8>),
    /// Bootstrap: asks for the node's identity, and whether its directory is empty.
    Pristine,
    /// Bootstrap: tells the node its cluster. `token` is the one from its probe.
    Form {
        genesis: Genesis,
        token: [u8; 32],
    },
    /// Joining: asks the leader whether the caller may become a worker, and of which cluster.
    MayJoin {
        #[serde(with = "serde_bytes")]
        pass: Vec<u8>,
    },
    /// Joining: asks the leader to make the caller, which has recorded the cluster, a worker.
    Join {
        member: Member,
        #[serde(with = "serde_bytes")]
        pass: Vec<u8>,
        timeout_millis: u64,
    },
    /// Asks for the node's signature over the state that it had at a fixed index.
    Checkpoint {
        index: u64,
    },
    /// Tells the caller's progress, and what it remembers of the receiver's.
    Progress(ProgressTold),
    /// Shows links of the chain of descriptors, and asks for those that the caller lacks.
    Descriptors(DescriptorsTold),
}

/// A reply between nodes; each belongs to the request of its name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum NodeReply {
    Append {
        response: AppendEntriesResponse<TypeConfig>,
        /// In the reply to a heartbeat.
        heartbeat: Option<HeartbeatReport>,
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
    /// None when the node is no voter, or has not had that index lately.
    Checkpoint(Option<Signed<Checkpoint>>),
    /// The same of the receiver; none while it cannot tell.
    Progress(Option<ProgressTold>),
    /// The same of the receiver; or why it does not take what was shown.
    Descriptors(Result<DescriptorsTold, String>),
}

/// Load, clock and program of a follower, in the reply to a heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HeartbeatReport {
    /// The follower's load report.
    #[serde(with = "serde_bytes")]
    pub report: Vec<u8>,
    /// The follower's wall clock.
    pub unix_millis: Millis,
    /// The newest version of entries that it reads.
    pub newest_version: u16,
}

/// What a voter tells another one: its times, and each one's progress in its own signed words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProgressTold {
    /// How far the sender is.
    pub mine: Signed<NodeProgress>,
    /// How far the receiver had told it was.
    pub of_you: Option<Signed<NodeProgress>>,
    pub times: VoterTimes,
    /// Number of the newest descriptor that the sender knows.
    pub descriptor: u64,
}

/// What a node knows of the chain of descriptors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DescriptorsTold {
    /// Of the newest one that the sender knows.
    pub number: u64,
    pub hash: Hash,
    /// Some of those that the receiver may lack, in order; each proves itself.
    pub links: Vec<DescriptorLink>,
    /// In an answer: whether the receiver's membership has the caller.
    pub is_member: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProposedReply {
    pub index: u64,
    #[serde(with = "serde_bytes")]
    pub reply: Vec<u8>,
}

/// A node's state before and during bootstrap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BootstrapProbe {
    pub member: GenesisMember,
    /// Random, new at each start: a `Form` meant for an earlier process is rejected.
    pub token: [u8; 32],
    /// The cluster it belongs to, if any.
    pub cluster: Option<ClusterId>,
    /// Its log and its state are empty.
    pub empty: bool,
    /// The nodes in its `--peers`, by ascending id.
    pub peers: Vec<NodeId>,
    /// The terms on which it forms a cluster; none of a worker.
    pub terms: Option<GenesisTerms>,
}
