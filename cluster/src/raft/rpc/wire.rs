//! What nodes say to each other: one enum of requests, one of replies, behind a version byte.
//!
//! postcard is positional: variants and fields are only ever added at the end, and anything else
//! takes a new version. The pinned bytes in the tests notice.

use cameo_common::ids::{ClusterId, Millis, NodeId};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::VoteOf;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::consensus_types::{Member, TypeConfig};
use crate::raft::genesis::{Genesis, GenesisMember};

const WIRE_VERSION: u8 = 1;

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
        #[serde(with = "crate::consensus_types::blob")]
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
        #[serde(with = "crate::consensus_types::blob")]
        command: Vec<u8>,
        patience_millis: u64,
    },
    /// For the other parts of the node.
    App(#[serde(with = "crate::consensus_types::blob")] Vec<u8>),
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
    App(#[serde(with = "crate::consensus_types::blob")] Vec<u8>),
    Pristine(Presence),
    Formed(Result<ClusterId, String>),
    MayJoin(Result<Genesis, MemberRefusal>),
    Joined(Result<(), MemberRefusal>),
    Removed(Result<(), MemberRefusal>),
}

/// What rides on a heartbeat's reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beat {
    /// The follower's load report.
    #[serde(with = "crate::consensus_types::blob")]
    pub report: Vec<u8>,
    /// The follower's wall clock.
    pub unix_millis: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProposedReply {
    pub index: u64,
    #[serde(with = "crate::consensus_types::blob")]
    pub reply: Vec<u8>,
}

/// Why a forwarded proposal has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ProposeRefusal {
    /// Nothing was appended; the leader may be elsewhere.
    NotLeader {
        leader: Option<NodeId>,
    },
    Unknown,
    TooLarge,
    /// Nothing was appended: the node is stopping.
    Stopping,
}

/// Why a read index was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum ReadRefusal {
    NotLeader { leader: Option<NodeId> },
    NoQuorum,
    Stopping,
}

/// Why the members stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
pub(crate) enum MemberRefusal {
    /// And who does, and where its link is.
    #[error("it does not lead")]
    NotLeader { leader: Option<(NodeId, String)> },
    /// Another change is under way, or what came of this one is not known.
    #[error("the members are being changed: ask again")]
    Unsettled,
    #[error("a member of the cluster has this id already")]
    Taken,
    #[error("the cluster has {limit} workers already, and takes no more")]
    Full { limit: u64 },
    #[error("an address has more than {limit} bytes")]
    LongAddress { limit: u64 },
    #[error("the leader cannot reach it: {why}")]
    Unreachable { why: String },
    #[error("another node answers at its address")]
    OtherNode,
    #[error("the node has a vote: only workers can be removed")]
    Votes,
    #[error("no member has this id")]
    NotAMember,
}

/// What a node says of itself while a cluster is forming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Presence {
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

/// A message that does not say what this version expects.
#[derive(Debug, Error)]
pub(crate) enum WireError {
    #[error("message version {0} is unknown; this node speaks {WIRE_VERSION}")]
    Version(u8),
    #[error("message cannot be read: {0}")]
    Malformed(#[from] postcard::Error),
    #[error("message has bytes after its end")]
    Trailing,
    #[error("message is empty")]
    Empty,
}

pub(crate) fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    Ok(postcard::to_extend(message, vec![WIRE_VERSION])?)
}

/// Links are authenticated and nothing here is signed, so an overlong varint harms nobody; trailing
/// bytes would hide a mismatch of versions, and are refused.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, WireError> {
    match bytes.split_first() {
        None => Err(WireError::Empty),
        Some((&WIRE_VERSION, rest)) => match postcard::take_from_bytes(rest)? {
            (message, []) => Ok(message),
            _ => Err(WireError::Trailing),
        },
        Some((&version, _)) => Err(WireError::Version(version)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use openraft::entry::{Entry, EntryPayload};
    use openraft::raft::TransferLeaderError;
    use openraft::type_config::alias::LogIdOf;

    use super::*;
    use crate::consensus_types::EntryBytes;

    fn log_id(term: u64, index: u64) -> LogIdOf<TypeConfig> {
        LogIdOf::<TypeConfig>::new(
            openraft::vote::RaftLeaderId::to_committed(
                VoteOf::<TypeConfig>::new(term, NodeId(2)).leader_id(),
            ),
            index,
        )
    }

    fn vote() -> VoteOf<TypeConfig> {
        VoteOf::<TypeConfig>::new(3, NodeId(2))
    }

    fn genesis() -> Genesis {
        Genesis {
            members: Vec::new(),
            nonce: [7; 32],
        }
    }

    /// Every request begins with the version and its own number, which never change.
    #[test]
    fn the_numbers_of_the_requests_are_pinned() {
        let transfer = TransferLeaderRequest::new(vote(), NodeId(2), None);
        let append = AppendEntriesRequest {
            vote: vote(),
            prev_log_id: None,
            entries: Vec::new(),
            leader_commit: None,
        };
        let requests = [
            NodeRequest::Append(append),
            NodeRequest::Vote(VoteRequest::new(vote(), None)),
            NodeRequest::PreVote(VoteRequest::new(vote(), None)),
            NodeRequest::TransferLeader(transfer),
            NodeRequest::SnapshotBegin { len: 5 },
            NodeRequest::SnapshotChunk {
                transfer: 1,
                offset: 2,
                bytes: vec![3],
            },
            NodeRequest::SnapshotInstall {
                transfer: 1,
                vote: vote(),
            },
            NodeRequest::ReadIndex { patience_millis: 9 },
            NodeRequest::Propose {
                command: vec![3],
                patience_millis: 9,
            },
            NodeRequest::App(vec![3]),
            NodeRequest::Pristine,
            NodeRequest::Form {
                genesis: genesis(),
                token: [1; 32],
            },
            NodeRequest::MayJoin,
            NodeRequest::Join {
                member: Member::default(),
                patience_millis: 9,
            },
            NodeRequest::Remove {
                node: NodeId(4),
                patience_millis: 9,
            },
        ];
        for (number, request) in requests.iter().enumerate() {
            let bytes = encode(request).unwrap();
            assert_eq!(bytes[..2], [1, number as u8], "{request:?}");
            let again: NodeRequest = decode(&bytes).unwrap();
            assert_eq!(encode(&again).unwrap(), bytes);
        }
    }

    #[test]
    fn the_numbers_of_the_replies_are_pinned() {
        let lost = TransferLeaderError::VoteChanged {
            expected: vote(),
            actual: vote(),
        };
        let presence = Presence {
            member: GenesisMember {
                id: NodeId(1),
                link: "l".into(),
                http: "h".into(),
                key: [1; 32],
                sealing: [2; 32],
            },
            token: [3; 32],
            cluster: None,
            empty: true,
            peers: vec![NodeId(1), NodeId(2)],
        };
        let replies = [
            NodeReply::Append {
                response: AppendEntriesResponse::PartialSuccess(Some(log_id(3, 4))),
                beat: Some(Beat {
                    report: vec![1],
                    unix_millis: Millis(5),
                }),
            },
            NodeReply::Vote(VoteResponse::new(vote(), None, true)),
            NodeReply::TransferLeader(Err(lost)),
            NodeReply::SnapshotBegun { transfer: 1 },
            NodeReply::SnapshotWritten,
            NodeReply::SnapshotInstalled(SnapshotResponse::new(vote())),
            NodeReply::ReadIndex(Err(ReadRefusal::NoQuorum)),
            NodeReply::Proposed(Err(ProposeRefusal::NotLeader {
                leader: Some(NodeId(2)),
            })),
            NodeReply::App(vec![1]),
            NodeReply::Pristine(presence),
            NodeReply::Formed(Ok(ClusterId([4; 32]))),
            NodeReply::MayJoin(Ok(genesis())),
            NodeReply::Joined(Err(MemberRefusal::Taken)),
            NodeReply::Removed(Ok(())),
        ];
        for (number, reply) in replies.iter().enumerate() {
            let bytes = encode(reply).unwrap();
            assert_eq!(bytes[..2], [1, number as u8], "{reply:?}");
            let again: NodeReply = decode(&bytes).unwrap();
            assert_eq!(encode(&again).unwrap(), bytes);
        }
    }

    #[test]
    fn the_bytes_of_joining_are_pinned() {
        let member = Member {
            link: "h:1".into(),
            http: "u".into(),
            key: [7; 32],
        };
        let join = encode(&NodeRequest::Join {
            member,
            patience_millis: 9,
        });
        let key = [7; 32];
        let expected = [&[1, 13, 3], &b"h:1"[..], &[1], b"u", &key, &[9]].concat();
        assert_eq!(join.unwrap(), expected);
        let remove = NodeRequest::Remove {
            node: NodeId(4),
            patience_millis: 9,
        };
        assert_eq!(encode(&remove).unwrap(), [1, 14, 4, 9]);
        let known = NodeReply::MayJoin(Ok(genesis()));
        let expected = [&[1, 11, 0, 0][..], &[7; 32]].concat();
        assert_eq!(encode(&known).unwrap(), expected);
    }

    #[test]
    fn the_bytes_of_refusals_to_change_members_are_pinned() {
        let text = |why: &str| why.to_owned();
        let leader = Some((NodeId(2), text("h")));
        let refusals: [(MemberRefusal, &[u8]); 9] = [
            (MemberRefusal::NotLeader { leader }, &[0, 1, 2, 1, b'h']),
            (MemberRefusal::Unsettled, &[1]),
            (MemberRefusal::Taken, &[2]),
            (MemberRefusal::Full { limit: 3 }, &[3, 3]),
            (MemberRefusal::LongAddress { limit: 4 }, &[4, 4]),
            (MemberRefusal::Unreachable { why: text("w") }, &[5, 1, b'w']),
            (MemberRefusal::OtherNode, &[6]),
            (MemberRefusal::Votes, &[7]),
            (MemberRefusal::NotAMember, &[8]),
        ];
        for (refusal, bytes) in refusals {
            let encoded = encode(&NodeReply::Joined(Err(refusal))).unwrap();
            assert_eq!(encoded, [&[1, 12, 1], bytes].concat());
        }
    }

    /// openraft's own types are on this wire: an update of it must not change their bytes unseen.
    #[test]
    fn the_bytes_of_an_append_are_pinned() {
        let request = NodeRequest::Append(AppendEntriesRequest {
            vote: vote(),
            prev_log_id: Some(log_id(3, 4)),
            entries: vec![Entry {
                log_id: log_id(3, 5),
                payload: EntryPayload::Normal(EntryBytes(vec![0xaa, 0xbb])),
            }],
            leader_commit: Some(log_id(3, 4)),
        });
        let bytes = encode(&request).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "010003020001030204010302050102aabb01030204");
    }

    #[test]
    fn another_version_trailing_bytes_and_an_unknown_request_are_refused() {
        let mut bytes = encode(&NodeRequest::Pristine).unwrap();
        bytes.push(0);
        assert!(matches!(
            decode::<NodeRequest>(&bytes),
            Err(WireError::Trailing)
        ));
        assert!(matches!(
            decode::<NodeRequest>(&[2, 10]),
            Err(WireError::Version(2))
        ));
        assert!(matches!(
            decode::<NodeRequest>(&[1, 99]),
            Err(WireError::Malformed(_))
        ));
        assert!(matches!(decode::<NodeRequest>(&[]), Err(WireError::Empty)));
    }
}
