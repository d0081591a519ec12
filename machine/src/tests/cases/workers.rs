//! Workers' tokens: bound to the first node key that uses them.

use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::operator::{TokenUse, WorkerToken};
use cameo_common::signed::Signed;

use crate::tests::cast::{START, cluster_id, eve, operator, sign};
use crate::tests::script::Script;
use crate::{Caller, Done, Op, Refusal, Reply, read};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn token(by: PublicKey, cluster: ClusterId, seed: u8) -> Signed<WorkerToken> {
    sign(WorkerToken {
        operator: by,
        cluster,
        token: key(seed).public(),
        not_after: START.plus_millis(1_000),
    })
}

pub fn used(seed: u8, cluster: ClusterId, node: u64, node_key: u8) -> Signed<TokenUse> {
    used_by(seed, cluster, node, PublicKey([node_key; 32]))
}

pub fn used_by(
    seed: u8,
    cluster: ClusterId,
    node: u64,
    key_of_node: PublicKey,
) -> Signed<TokenUse> {
    let used = TokenUse {
        token: key(seed).public(),
        cluster,
        node: NodeId(node),
        key: key_of_node,
    };
    Signed::new(&key(seed), used)
}

fn admits(script: &mut Script, token: Signed<WorkerToken>, used: Signed<TokenUse>) -> Reply {
    script.enter(Caller::Signer, admission(token, used)).reply
}

pub fn admission(token: Signed<WorkerToken>, used: Signed<TokenUse>) -> Op {
    Op::AdmitWorker { token, used }
}

pub fn ours(seed: u8) -> Signed<WorkerToken> {
    token(operator(), cluster_id(), seed)
}

#[test]
fn a_token_admits_one_node_however_often_it_asks() {
    let mut script = Script::with(&[]);
    for _ in 0..2 {
        let reply = admits(&mut script, ours(1), used(1, cluster_id(), 4, 44));
        assert_eq!(reply, Ok(Done::Nothing));
    }
    let admitted = read::admitted_worker(&script.state, NodeId(4));
    assert_eq!(admitted, Some(PublicKey([44; 32])));
    // also after the token has expired
    script.wait(2_000);
    let reply = admits(&mut script, ours(1), used(1, cluster_id(), 4, 44));
    assert_eq!(reply, Ok(Done::Nothing));
}

#[test]
fn attack_a_used_expired_foreign_or_forged_token_admits_nobody() {
    let mut script = Script::with(&[]);
    admits(&mut script, ours(1), used(1, cluster_id(), 4, 44)).unwrap();
    let elsewhere = ClusterId([9; 32]);
    let mut bytes = ours(2).as_bytes().to_vec();
    bytes[3] ^= 1;
    let mut stolen = used(2, cluster_id(), 5, 55).as_bytes().to_vec();
    stolen[3] ^= 1;
    let cases = [
        // used, for another node
        (ours(1), used(1, cluster_id(), 5, 55)),
        // another cluster's, and one of Eve's making
        (
            token(operator(), elsewhere, 2),
            used(2, cluster_id(), 5, 55),
        ),
        (ours(2), used(2, elsewhere, 5, 55)),
        (
            token(eve().key(), cluster_id(), 2),
            used(2, cluster_id(), 5, 55),
        ),
        // a node that has seen the token, but not its seed, uses it for itself
        (ours(2), used(3, cluster_id(), 5, 55)),
        (ours(2), Signed::from_bytes(stolen)),
        (Signed::from_bytes(bytes), used(2, cluster_id(), 5, 55)),
        // the id of a worker, and of a voter
        (ours(2), used(2, cluster_id(), 4, 55)),
        (ours(2), used(2, cluster_id(), 1, 55)),
    ];
    for (at, (token, used)) in cases.into_iter().enumerate() {
        let before = script.state.clone();
        assert!(admits(&mut script, token, used).is_err(), "case {at}");
        assert_eq!(script.state, before);
    }
    let op = Op::AdmitWorker {
        token: ours(2),
        used: used(2, cluster_id(), 5, 55),
    };
    let before = script.state.clone();
    assert!(script.node_does(op).is_err(), "a node's word");
    assert_eq!(script.state, before);
    script.wait(1_001);
    let reply = admits(&mut script, ours(2), used(2, cluster_id(), 5, 55));
    assert_eq!(reply, Err(Refusal::BadToken));
}

#[test]
fn attack_a_removed_worker_does_not_come_back() {
    let mut script = Script::with(&[]);
    admits(&mut script, ours(1), used(1, cluster_id(), 4, 44)).unwrap();
    let remove = Op::RemoveWorker { node: NodeId(4) };
    assert_eq!(script.operator_does(remove.clone()), Ok(Done::Nothing));
    assert_eq!(script.operator_does(remove), Ok(Done::Nothing));
    assert_eq!(read::admitted_worker(&script.state, NodeId(4)), None);
    // by its token, under its id or another, nor by a new token under its id
    for (seed, node) in [(1, 4), (1, 5), (2, 4)] {
        let reply = admits(&mut script, ours(seed), used(seed, cluster_id(), node, 44));
        assert!(reply.is_err(), "{seed} {node}");
    }
    let never = script.operator_does(Op::RemoveWorker { node: NodeId(7) });
    assert_eq!(never, Err(Refusal::NotAWorker(NodeId(7))));
}

#[test]
fn times_are_log_time() {
    // given a leader whose clock is behind, and a log that is ahead
    let mut script = Script::with(&[]);
    script.wait(1_001);
    script.node_does(Op::ExpireSessions(vec![])).unwrap();
    script.now = Millis(START.0);
    let reply = admits(&mut script, ours(1), used(1, cluster_id(), 4, 44));
    assert_eq!(reply, Err(Refusal::BadToken));
}
