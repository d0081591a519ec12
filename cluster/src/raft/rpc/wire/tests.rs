#![allow(clippy::unwrap_used)]
use cameo_common::descriptor_chain::DescriptorLink;
use cameo_common::ids::{ClusterId, Hash, Millis, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::wire::WireError;
use openraft::entry::{Entry, EntryPayload};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, TransferLeaderError,
    TransferLeaderRequest, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::{LogIdOf, VoteOf};

use super::*;
use crate::consensus_types::EntryBytes;
use crate::consensus_types::{Member, TypeConfig};
use crate::raft::genesis::{Genesis, GenesisMember, GenesisTerms};
use crate::raft::time::voter_times::VoterTimes;

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
        terms: GenesisTerms {
            operator: PublicKey([8; 32]),
            registration: RegistrationMode::Invite,
            predecessor: None,
        },
        nonce: [7; 32],
    }
}

/// Every request begins with the version and its variant number, which never change.
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
        NodeRequest::ReadIndex { timeout_millis: 9 },
        NodeRequest::Propose {
            command: vec![3],
            timeout_millis: 9,
        },
        NodeRequest::App(vec![3]),
        NodeRequest::Pristine,
        NodeRequest::Form {
            genesis: genesis(),
            token: [1; 32],
        },
        NodeRequest::MayJoin { pass: vec![3] },
        NodeRequest::Join {
            member: Member::default(),
            pass: vec![3],
            timeout_millis: 9,
        },
        NodeRequest::Checkpoint { index: 9 },
        NodeRequest::Progress(told(None)),
        NodeRequest::Descriptors(descriptors()),
    ];
    for (number, request) in requests.iter().enumerate() {
        let bytes = encode(request);
        assert_eq!(bytes[..2], [5, number as u8], "{request:?}");
        let again: NodeRequest = decode(&bytes).unwrap();
        assert_eq!(encode(&again), bytes);
    }
}

#[test]
fn the_numbers_of_the_replies_are_pinned() {
    let lost = TransferLeaderError::VoteChanged {
        expected: vote(),
        actual: vote(),
    };
    let probe = BootstrapProbe {
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
        terms: Some(genesis().terms),
    };
    let replies = [
        NodeReply::Append {
            response: AppendEntriesResponse::PartialSuccess(Some(log_id(3, 4))),
            heartbeat: Some(HeartbeatReport {
                report: vec![1],
                unix_millis: Millis(5),
                newest_version: 6,
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
        NodeReply::Pristine(probe),
        NodeReply::Formed(Ok(ClusterId([4; 32]))),
        NodeReply::MayJoin(Ok(genesis())),
        NodeReply::Joined(Err(MemberRefusal::IdTaken)),
        NodeReply::Checkpoint(Some(Signed::from_bytes(vec![3]))),
        NodeReply::Progress(None),
        NodeReply::Descriptors(Ok(descriptors())),
    ];
    for (number, reply) in replies.iter().enumerate() {
        let bytes = encode(reply);
        assert_eq!(bytes[..2], [5, number as u8], "{reply:?}");
        let again: NodeReply = decode(&bytes).unwrap();
        assert_eq!(encode(&again), bytes);
    }
}

#[test]
fn the_bytes_of_join_messages_are_pinned() {
    let member = Member {
        link: "h:1".into(),
        http: "u".into(),
        key: [7; 32],
    };
    let join = encode(&NodeRequest::Join {
        member,
        pass: vec![0xee],
        timeout_millis: 9,
    });
    let key = [7; 32];
    let expected = [&[5, 13, 3], &b"h:1"[..], &[1], b"u", &key, &[1, 0xee, 9]].concat();
    assert_eq!(join, expected);
    let may_join = NodeRequest::MayJoin { pass: vec![0xee] };
    assert_eq!(encode(&may_join), [5, 12, 1, 0xee]);
    let known = NodeReply::MayJoin(Ok(genesis()));
    let expected = [&[5, 11, 0, 0][..], &[8; 32], &[1], &[7; 32]].concat();
    assert_eq!(encode(&known), expected);
}

#[test]
fn the_bytes_of_checkpoint_messages_are_pinned() {
    let asked = NodeRequest::Checkpoint { index: 300 };
    assert_eq!(encode(&asked), [5, 14, 0xac, 2]);
    let signed = NodeReply::Checkpoint(Some(Signed::from_bytes(vec![3, 4])));
    assert_eq!(encode(&signed), [5, 13, 1, 2, 3, 4]);
    assert_eq!(encode(&NodeReply::Checkpoint(None)), [5, 13, 0]);
}

#[test]
fn the_bytes_of_progress_messages_are_pinned() {
    let asked = NodeRequest::Progress(told(Some(5)));
    assert_eq!(encode(&asked), [5, 15, 2, 3, 4, 1, 1, 5, 0xac, 2, 6, 7]);
    let answer = NodeReply::Progress(Some(told(None)));
    assert_eq!(encode(&answer), [5, 14, 1, 2, 3, 4, 0, 0xac, 2, 6, 7]);
    assert_eq!(encode(&NodeReply::Progress(None)), [5, 14, 0]);
}

fn told(of_you: Option<u8>) -> ProgressTold {
    ProgressTold {
        mine: Signed::from_bytes(vec![3, 4]),
        of_you: of_you.map(|byte| Signed::from_bytes(vec![byte])),
        times: VoterTimes {
            clock: Millis(300),
            applied: Millis(6),
        },
        descriptor: 7,
    }
}

fn descriptors() -> DescriptorsTold {
    DescriptorsTold {
        number: 300,
        hash: Hash([9; 32]),
        links: vec![DescriptorLink {
            descriptor: Genesis {
                members: Vec::new(),
                ..genesis()
            }
            .descriptor(),
            operator: Signed::from_bytes(vec![3, 4]),
            voters: vec![Signed::from_bytes(vec![5])],
        }],
        is_member: true,
    }
}

#[test]
fn the_bytes_of_descriptor_messages_are_pinned() {
    let told = descriptors();
    let link = [
        cameo_common::wire::encode(&told.links[0].descriptor),
        vec![2, 3, 4, 1, 1, 5],
    ]
    .concat();
    let body = [&[0xac, 2][..], &[9; 32], &[1], &link, &[1]].concat();
    let asked = encode(&NodeRequest::Descriptors(told.clone()));
    assert_eq!(asked, [&[5, 16][..], &body].concat());
    let answer = encode(&NodeReply::Descriptors(Ok(told)));
    assert_eq!(answer, [&[5, 15, 0][..], &body].concat());
    let refused = encode(&NodeReply::Descriptors(Err("w".into())));
    assert_eq!(refused, [5, 15, 1, 1, b'w']);
}

#[test]
fn the_bytes_of_refusals_to_change_members_are_pinned() {
    let text = |why: &str| why.to_owned();
    let leader = Some((NodeId(2), text("h")));
    let refusals: [(MemberRefusal, &[u8]); 10] = [
        (MemberRefusal::NotLeader { leader }, &[0, 1, 2, 1, b'h']),
        (MemberRefusal::Unsettled, &[1]),
        (MemberRefusal::IdTaken, &[2]),
        (MemberRefusal::Full { limit: 3 }, &[3, 3]),
        (MemberRefusal::LongAddress { limit: 4 }, &[4, 4]),
        (MemberRefusal::Unreachable { why: text("w") }, &[5, 1, b'w']),
        (MemberRefusal::OtherNode, &[6]),
        (MemberRefusal::IsVoter, &[7]),
        (MemberRefusal::NotAMember, &[8]),
        (MemberRefusal::BadPass { why: text("w") }, &[9, 1, b'w']),
    ];
    for (refusal, bytes) in refusals {
        let encoded = encode(&NodeReply::Joined(Err(refusal)));
        assert_eq!(encoded, [&[5, 12, 1], bytes].concat());
    }
}

/// openraft's own types are in these messages: an update must not change their bytes unnoticed.
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
    let bytes = encode(&request);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "0500030102000103040103050102aabb010304");
}

#[test]
fn another_version_trailing_bytes_and_an_unknown_request_are_refused() {
    let mut bytes = encode(&NodeRequest::Pristine);
    bytes.push(0);
    assert!(matches!(
        decode::<NodeRequest>(&bytes),
        Err(VersionError::Wire(WireError::NotCanonical))
    ));
    assert!(matches!(
        decode::<NodeRequest>(&[4, 10]),
        Err(VersionError::UnknownVersion(4))
    ));
    assert!(matches!(
        decode::<NodeRequest>(&[5, 99]),
        Err(VersionError::Wire(WireError::Malformed))
    ));
    assert!(matches!(
        decode::<NodeRequest>(&[]),
        Err(VersionError::Wire(WireError::Malformed))
    ));
}
