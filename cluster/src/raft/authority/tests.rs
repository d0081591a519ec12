//! Rules of authority, one by one.

#![allow(clippy::unwrap_used)]

mod refused_leader;
mod versions;

use std::collections::BTreeMap;
use std::sync::Arc;

use cameo_common::descriptor_chain::{DescriptorLink, Succession};
use cameo_common::ids::{Millis, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::wire;
use cameo_machine::{Caller, Command, ENTRY_VERSION, Op};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest};
use openraft::raft::{SnapshotResponse, VoteRequest, VoteResponse};
use openraft::vote::leader_id_std::CommittedLeaderId;
use openraft::{EntryPayload, LogId, Membership};

use super::{Here, MAX_STEP, NoAuthority, answers, requests};
use crate::consensus_types::aliases::{Entry, Payload, Vote};
use crate::consensus_types::{EntryBytes, Member, TypeConfig};
use crate::raft::genesis::{Genesis, GenesisMember, GenesisTerms};
use crate::raft::members::known_chain::KnownChain;
use crate::raft::members::standing::Standing;
use crate::raft::rpc::wire::NodeRequest;
use crate::raft::time::entry_time::tests::FixedClock;
use crate::raft::time::entry_time::{EntryTimes, MAX_AHEAD, WORKER_MAX_AHEAD};
use crate::raft::{Stamp, Stamper};

const TERM: u64 = 5;
const LAST: u64 = 100;
const NOW: Millis = Millis(1_700_000_000_000);
/// A voter that asks.
const FROM: NodeId = NodeId(2);
const WORKER: NodeId = NodeId(9);

/// A voter of three, or the worker.
fn here(me: NodeId) -> Here<'static> {
    let members = (1..=3u8).map(|id| GenesisMember {
        id: NodeId(u64::from(id)),
        link: format!("h{id}:1"),
        http: format!("http://h{id}:2"),
        key: [id; 32],
        sealing: [id; 32],
    });
    let genesis = Genesis {
        members: members.collect(),
        terms: GenesisTerms {
            operator: PublicKey([8; 32]),
            registration: RegistrationMode::Invite,
            predecessor: None,
        },
        nonce: [7; 32],
    };
    Here {
        me,
        runs_as_voter: me != WORKER,
        chain: Some(Arc::new(KnownChain::of(&genesis))),
        raft_voters: [1, 2, 3].map(NodeId).into(),
        term: TERM,
        last_index: LAST,
        applied: LAST,
        committed: LAST,
        configuration: 0,
        latest_configuration: (0, 0),
        times: clocks(me),
        stamp: &Stamper,
    }
}

/// What a node knows of the time at [`NOW`], while nobody has told it anything.
fn clocks(me: NodeId) -> &'static EntryTimes {
    let times = EntryTimes::new(me, Arc::new(FixedClock(NOW)));
    times.note_applied(NOW);
    Box::leak(Box::new(times))
}

fn vote(term: u64, node: NodeId) -> Vote {
    let mut vote = Vote::new(term, node);
    vote.committed = true;
    vote
}

fn append(vote: Vote, entries: Vec<Entry>) -> NodeRequest {
    NodeRequest::Append(AppendEntriesRequest {
        vote,
        prev_log_id: None,
        entries,
        leader_commit: None,
    })
}

fn entry(index: u64, payload: Payload) -> Entry {
    Entry {
        log_id: LogId::new(CommittedLeaderId::new(TERM), index),
        payload,
    }
}

fn dated(time: Millis) -> Payload {
    EntryPayload::Normal(EntryBytes(Stamper.stamp(
        b"command".to_vec(),
        time,
        ENTRY_VERSION,
    )))
}

fn voters(ids: &[u64]) -> Payload {
    let members: BTreeMap<_, _> = ids.iter().map(|id| (NodeId(*id), member(*id))).collect();
    let ids = members.keys().copied().collect();
    EntryPayload::Membership(Membership::new(vec![ids], members).unwrap())
}

fn member(id: u64) -> Member {
    Member {
        key: [id as u8; 32],
        ..Member::default()
    }
}

fn by_voter(request: &NodeRequest) -> Result<(), NoAuthority> {
    requests::check(request, FROM, Standing::Voter, &here(NodeId(1)))
}

fn of_consensus(vote: Vote) -> Vec<NodeRequest> {
    vec![
        append(vote, Vec::new()),
        NodeRequest::Vote(VoteRequest::new(vote, None)),
        NodeRequest::PreVote(VoteRequest::new(vote, None)),
        NodeRequest::TransferLeader(TransferLeaderRequest::new(vote, NodeId(1), None)),
        NodeRequest::SnapshotInstall { transfer: 1, vote },
    ]
}

fn propose(caller: Caller) -> NodeRequest {
    let op = Op::ExpireSessions(Vec::new());
    NodeRequest::Propose {
        command: wire::encode(&Command { caller, op }),
        timeout_millis: 1,
    }
}

fn of_voters(vote: Vote) -> Vec<NodeRequest> {
    let mut requests = of_consensus(vote);
    requests.extend([
        NodeRequest::SnapshotBegin { len: 1 },
        NodeRequest::SnapshotChunk {
            transfer: 1,
            offset: 0,
            bytes: vec![0],
        },
        propose(Caller::Signer),
        NodeRequest::App(Vec::new()),
    ]);
    requests
}

#[test]
fn a_voter_may_ask_everything_in_its_own_name() {
    for request in of_voters(vote(TERM + 1, FROM)) {
        assert_eq!(by_voter(&request), Ok(()), "{request:?}");
    }
}

#[test]
fn attack_nobody_but_a_voter_moves_vote_log_or_state() {
    for standing in [Standing::Worker, Standing::Outsider] {
        for request in of_voters(vote(TERM + 1, WORKER)) {
            let answer = requests::check(&request, WORKER, standing, &here(NodeId(1)));
            assert_eq!(answer, Err(NoAuthority::NotVoter), "{request:?}");
        }
    }
    let read = NodeRequest::ReadIndex { timeout_millis: 1 };
    let checkpoint = NodeRequest::Checkpoint { index: 1 };
    for request in [read, checkpoint] {
        let by = |standing| requests::check(&request, WORKER, standing, &here(NodeId(1)));
        assert_eq!(by(Standing::Worker), Ok(()));
        assert_eq!(by(Standing::Outsider), Err(NoAuthority::NotMember));
    }
}

#[test]
fn attack_no_voter_proposes_what_rests_on_a_nodes_word() {
    // given a command to end sessions, in the voter's own name, the leader's or another's
    for node in [FROM, NodeId(1), NodeId(3)] {
        let refused = by_voter(&propose(Caller::Node(node)));
        assert_eq!(refused, Err(NoAuthority::NodesWord));
    }
    // or one that cannot be read
    let command = vec![0xff];
    let request = NodeRequest::Propose {
        command,
        timeout_millis: 1,
    };
    assert_eq!(by_voter(&request), Err(NoAuthority::NodesWord));
    let signed = Signed::from_bytes(vec![3, 4]);
    assert_eq!(by_voter(&propose(Caller::Device(signed))), Ok(()));
}

#[test]
fn attack_a_voter_in_anothers_name_is_refused() {
    for request in of_consensus(vote(TERM + 1, NodeId(3))) {
        let refused = Err(NoAuthority::OtherName(NodeId(3)));
        assert_eq!(by_voter(&request), refused, "{request:?}");
    }
}

#[test]
fn attack_a_term_that_ends_all_terms_is_refused() {
    let highest = TERM + MAX_STEP;
    for request in of_consensus(vote(highest, FROM)) {
        assert_eq!(by_voter(&request), Ok(()), "{request:?}");
    }
    for term in [highest + 1, u64::MAX] {
        for request in of_consensus(vote(term, FROM)) {
            let refused = Err(NoAuthority::Term { term, own: TERM });
            assert_eq!(by_voter(&request), refused, "{request:?}");
        }
    }
}

#[test]
fn attack_an_index_that_ends_all_indexes_is_refused() {
    let at = |index| append(vote(TERM, FROM), vec![entry(index, EntryPayload::Blank)]);
    assert_eq!(by_voter(&at(LAST + MAX_STEP)), Ok(()));
    let index = LAST + MAX_STEP + 1;
    let refused = Err(NoAuthority::Index { index, own: LAST });
    assert_eq!(by_voter(&at(index)), refused);
    // and so is a log id of such a term, wherever it is said
    let id = LogId::new(CommittedLeaderId::new(u64::MAX), LAST);
    let commit = NodeRequest::Append(AppendEntriesRequest {
        vote: vote(TERM, FROM),
        prev_log_id: None,
        entries: Vec::new(),
        leader_commit: Some(id),
    });
    let last = NodeRequest::Vote(VoteRequest::new(vote(TERM, FROM), Some(id)));
    for request in [commit, last] {
        let refused = by_voter(&request);
        assert!(
            matches!(refused, Err(NoAuthority::Term { .. })),
            "{request:?}"
        );
    }
}

#[test]
fn attack_a_time_that_ends_all_time_is_refused() {
    let at = |time| append(vote(TERM, FROM), vec![entry(LAST + 1, dated(time))]);
    assert_eq!(by_voter(&at(NOW.plus(MAX_AHEAD))), Ok(()));
    // A quiet month is no attack.
    assert_eq!(by_voter(&at(Millis(1))), Ok(()));
    for time in [Millis(NOW.plus(MAX_AHEAD).0 + 1), Millis(u64::MAX)] {
        let index = LAST + 1;
        assert_eq!(by_voter(&at(time)), Err(NoAuthority::Time { index, time }));
    }
    let at_worker = |time| {
        let here = here(WORKER);
        requests::check(&at(time), FROM, Standing::Voter, &here)
    };
    assert_eq!(at_worker(NOW.plus(WORKER_MAX_AHEAD)), Ok(()));
    assert!(at_worker(NOW.plus(2 * WORKER_MAX_AHEAD)).is_err());
    let garbage = EntryPayload::Normal(EntryBytes(vec![0xff]));
    let request = append(vote(TERM, FROM), vec![entry(LAST + 1, garbage)]);
    assert_eq!(by_voter(&request), Err(NoAuthority::NoTime));
}

#[test]
fn attack_an_entry_that_changes_who_votes_is_refused() {
    let with = |ids| append(vote(TERM, FROM), vec![entry(LAST + 1, voters(ids))]);
    assert_eq!(by_voter(&with(&[1, 2, 3])), Ok(()));
    let refused = Err(NoAuthority::Voters);
    for others in [&[2][..], &[1, 2], &[1, 2, 3, 4], &[1, 2, 4]] {
        assert_eq!(by_voter(&with(others)), refused, "{others:?}");
    }
    // nor one of two configurations, of which one is of no descriptor
    let of = |configs: Vec<Vec<u64>>, other_key: Option<u64>| {
        let ids = configs.iter().flatten().copied();
        let key = |id| match other_key {
            Some(other) if other == id => member(77),
            _ => member(id),
        };
        let nodes: BTreeMap<_, _> = ids.map(|id| (NodeId(id), key(id))).collect();
        let configs = configs.into_iter();
        let configs = configs.map(|ids| ids.into_iter().map(NodeId).collect());
        let membership = Membership::new(configs.collect(), nodes).unwrap();
        append(
            vote(TERM, FROM),
            vec![entry(LAST + 1, EntryPayload::Membership(membership))],
        )
    };
    let known = vec![1, 2, 3];
    assert_eq!(by_voter(&of(vec![known.clone()], None)), Ok(()));
    assert_eq!(
        by_voter(&of(vec![known.clone(), vec![1, 4]], None)),
        refused
    );
    // nor the ids of a descriptor, one of them under another key
    assert_eq!(by_voter(&of(vec![known], Some(3))), refused);
}

#[test]
fn attack_a_leader_does_not_name_the_voters_of_an_earlier_descriptor_again() {
    // given a chain in which node 3 has left
    let keys = [1, 2, 3].map(|seed| SigningKey::from_seed([seed; 32]));
    let chain = Arc::new(chain_without_the_last(&keys));
    let named = |index: u64, configs: &[&[u64]]| {
        let nodes = keys.iter().zip(1..).map(|(key, id)| {
            let key = key.public().0;
            (
                NodeId(id),
                Member {
                    key,
                    ..Member::default()
                },
            )
        });
        let all = configs.concat();
        let nodes: BTreeMap<_, _> = nodes.filter(|(id, _)| all.contains(&id.0)).collect();
        let configs = configs
            .iter()
            .map(|ids| ids.iter().copied().map(NodeId).collect());
        let membership = Membership::new(configs.collect(), nodes).unwrap();
        entry(index, EntryPayload::Membership(membership))
    };
    let both: &[&[u64]] = &[&[1, 2, 3], &[1, 2]];
    let back: &[&[u64]] = &[&[1, 2], &[1, 2, 3]];
    let (old, new): (&[&[u64]], &[&[u64]]) = (&[&[1, 2, 3]], &[&[1, 2]]);
    let at = |configuration, latest_configuration, entries: Vec<Entry>| {
        let here = Here {
            chain: Some(chain.clone()),
            configuration,
            latest_configuration,
            ..here(NodeId(1))
        };
        let request = append(vote(TERM, FROM), entries);
        requests::check(&request, FROM, Standing::Voter, &here)
    };
    let next = LAST + 1;
    // then a log whose voters are the earlier ones goes on over both, and not back from there
    for configs in [old, both, new] {
        assert_eq!(
            at(0, (0, 0), vec![named(next, configs)]),
            Ok(()),
            "{configs:?}"
        );
    }
    let refused = Err(NoAuthority::Voters);
    assert_eq!(at(0, (0, 0), vec![named(next, back)]), refused);
    // and one whose voters are the later ones, committed or the last of its log, does not go back
    for configs in [old, both, back] {
        assert_eq!(
            at(1, (1, LAST), vec![named(next, configs)]),
            refused,
            "{configs:?}"
        );
        assert_eq!(
            at(0, (1, next), vec![named(next + 1, configs)]),
            refused,
            "{configs:?}"
        );
    }
    let within = vec![
        named(next, both),
        named(next + 1, new),
        named(next + 2, old),
    ];
    assert_eq!(at(0, (0, 0), within), refused);
    assert_eq!(at(1, (1, LAST), vec![named(next, new)]), Ok(()));
    // but takes again what it has
    assert_eq!(at(1, (1, LAST), vec![named(LAST - 1, both)]), Ok(()));
    assert_eq!(at(0, (1, next + 1), vec![named(next, both)]), Ok(()));
    // and what is sent from before the last configuration on, in whose place it comes
    let instead = vec![entry(next, EntryPayload::Blank), named(next + 1, both)];
    assert_eq!(at(0, (1, next), instead), Ok(()));
}

#[test]
fn attack_a_node_of_an_earlier_descriptor_votes_no_more_once_raft_has_dropped_it() {
    // given a chain in which node 3 has left, and a node that Raft still has as a voter
    let keys = [1, 2, 3].map(|seed| SigningKey::from_seed([seed; 32]));
    let departing = |raft_voters: &[u64]| Here {
        chain: Some(Arc::new(chain_without_the_last(&keys))),
        raft_voters: raft_voters.iter().copied().map(NodeId).collect(),
        ..here(NodeId(1))
    };
    assert!(departing(&[1, 2, 3]).is_voter(NodeId(3)));
    // then it is none any more once Raft has dropped it, and one of no descriptor never was
    assert!(!departing(&[1, 2]).is_voter(NodeId(3)));
    assert!(!departing(&[1, 2, 9]).is_voter(NodeId(9)));
    assert!(departing(&[]).is_voter(NodeId(1)));
}

/// Nodes 1 to 3 with these keys; then nodes 1 and 2.
fn chain_without_the_last(keys: &[SigningKey; 3]) -> KnownChain {
    let operator = SigningKey::from_seed([8; 32]);
    let members = (1..=3u8).zip(keys).map(|(id, key)| GenesisMember {
        id: NodeId(u64::from(id)),
        link: format!("h{id}:1"),
        http: format!("http://h{id}:2"),
        key: key.public().0,
        sealing: [id; 32],
    });
    let genesis = Genesis {
        members: members.collect(),
        terms: GenesisTerms {
            operator: operator.public(),
            registration: RegistrationMode::Invite,
            predecessor: None,
        },
        nonce: [7; 32],
    };
    let first = genesis.descriptor();
    let next = first.successor(first.nodes[..2].to_vec());
    let signed = |key: &SigningKey| {
        let succession = Succession {
            cluster: genesis.cluster_id(),
            previous: first.hash(),
            next: next.hash(),
            signer: key.public(),
        };
        Signed::new(key, succession)
    };
    let link = DescriptorLink {
        operator: signed(&operator),
        voters: keys.iter().map(signed).collect(),
        descriptor: next.clone(),
    };
    let chain = KnownChain::of(&genesis).with(&[link]).unwrap();
    chain.unwrap()
}

#[test]
fn attack_a_worker_gives_no_vote() {
    let worker = here(WORKER);
    let at_worker = |request: &_| requests::check(request, FROM, Standing::Voter, &worker);
    let vote = vote(TERM + 1, FROM);
    assert_eq!(at_worker(&append(vote, Vec::new())), Ok(()));
    let ask = NodeRequest::Vote(VoteRequest::new(vote, None));
    assert_eq!(at_worker(&ask), Err(NoAuthority::WorkerHere));
}

#[test]
fn attack_an_answer_cannot_depose_a_leader_for_ever() {
    let here = here(NodeId(1));
    let append = |answer, from| answers::append(&answer, from, &here);
    let higher = |term| AppendEntriesResponse::<TypeConfig>::HigherVote(vote(term, NodeId(3)));
    assert_eq!(append(higher(TERM + 1), FROM), Ok(()));
    let refused = append(higher(u64::MAX), FROM);
    assert!(matches!(refused, Err(NoAuthority::Term { .. })));
    // a worker's answer deposes nobody
    assert_eq!(append(higher(TERM + 1), WORKER), Err(NoAuthority::NotVoter));
    assert_eq!(append(AppendEntriesResponse::Success, WORKER), Ok(()));
    // and nobody has more of the log than was sent
    let more = AppendEntriesResponse::PartialSuccess(None);
    assert_eq!(append(more, FROM), Err(NoAuthority::Unasked));

    let refused = answers::vote(&VoteResponse::new(vote(u64::MAX, FROM), None, false), &here);
    assert!(matches!(refused, Err(NoAuthority::Term { .. })));
    let installed = |term, from| {
        let answer = SnapshotResponse::new(vote(term, NodeId(3)));
        answers::snapshot(&answer, from, &here)
    };
    assert_eq!(installed(TERM, WORKER), Ok(()));
    assert_eq!(installed(TERM + 1, WORKER), Err(NoAuthority::NotVoter));
    assert_eq!(installed(TERM + 1, FROM), Ok(()));
    assert!(installed(u64::MAX, FROM).is_err());
}
