//! Changes of the nodes by the operator's verbs, on real nodes.

use std::path::Path;

use cameo_cluster::config::Config;
use cameo_cluster::node::Node;
use cameo_cluster::operator::member::{
    self, MemberChange, MemberError, MemberList, MemberOrder, MemberRole,
};
use cameo_cluster::operator::{Report, VerbError, key_file};
use cameo_common::api::{OPERATOR_HEADER, SignSuccession, SuccessionSigned, paths};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;

use crate::http::{Answer, send};
use crate::operator::SILENT;
use crate::person::now;
use crate::workers::{WORKER, worker};
use crate::world::{World, until};

/// Runs a node as `cameod` does: it starts again as a voter when it was promoted.
async fn run_through_promotion(config: Config) -> Node {
    let node = Node::start(config.clone()).await.unwrap();
    let raft = node.raft().clone();
    raft.wait_until_promoted().await;
    node.stop().await.unwrap();
    Node::start(config).await.unwrap()
}

fn address(world: &World) -> String {
    format!("{}#{}", world.urls.join(","), world.cluster)
}

async fn changed(world: &World, change: MemberChange) -> Result<Report, VerbError> {
    let order = MemberOrder {
        key: world.operator_key(),
        cluster: address(world).parse().unwrap(),
        change,
        force: false,
    };
    member::change(order, SILENT).await
}

async fn listed(world: &World) -> MemberList {
    let address = address(world).parse().unwrap();
    member::list(address, SILENT).await.unwrap()
}

fn roles(list: &MemberList) -> Vec<(u64, MemberRole, bool)> {
    let members = list.members.iter();
    members
        .map(|member| (member.id.0, member.role, member.answers))
        .collect()
}

fn is_member_error(result: Result<Report, VerbError>) -> MemberError {
    match result {
        Err(VerbError::Member(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_promoted_takes_a_voters_place_and_votes() {
    let mut world = World::new(3).await;
    // given a worker that has joined
    let running = tokio::spawn(run_through_promotion(worker(&world, &world)));
    until("a worker that answers", async || {
        let list = listed(&world).await;
        (roles(&list).last() == Some(&(4, MemberRole::Worker, true))).then_some(())
    })
    .await;
    // when the operator promotes it, then it votes, and serves what voters serve
    let report = changed(&world, MemberChange::Promote(WORKER))
        .await
        .unwrap();
    assert!(
        report.note.contains("the voters are 1, 2, 3, 4"),
        "{}",
        report.note
    );
    let promoted = running.await.unwrap();
    promoted.ready().await;
    let list = listed(&world).await;
    assert_eq!((list.descriptor, list.members.len()), (1, 4));
    let voters = |list: &MemberList| roles(list).iter().all(|one| one.1 == MemberRole::Voter);
    assert!(voters(&list), "{list:?}");
    // and again, as after an answer that was lost
    changed(&world, MemberChange::Promote(WORKER))
        .await
        .unwrap();
    // when a voter is removed, then the others go on, and it says that it was removed
    changed(&world, MemberChange::Remove(NodeId(1)))
        .await
        .unwrap();
    let removed = world.nodes[0].take().unwrap();
    let why = removed.wait_until_refused().await;
    assert!(why.contains("node 1 was removed"), "{why}");
    removed.stop().await.unwrap();
    world.urls.remove(0);
    let list = listed(&world).await;
    assert_eq!(list.descriptor, 2);
    assert!(voters(&list) && list.members.len() == 3, "{list:?}");
    changed(&world, MemberChange::Remove(NodeId(1)))
        .await
        .unwrap();
    // and it does not start again
    let refused = Node::start(world.config(1)).await;
    match refused {
        Err(error) => assert!(error.to_string().contains("was removed"), "{error}"),
        Ok(node) => {
            let why = node.wait_until_refused().await;
            assert!(why.contains("was removed"), "{why}");
            node.stop().await.unwrap();
        }
    }
    promoted.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_would_lose_the_quorum_or_nodes_are_refused_with_the_reason() {
    let mut world = World::new(3).await;
    let nobody = changed(&world, MemberChange::Promote(NodeId(9))).await;
    let error = is_member_error(nobody);
    assert!(
        matches!(error, MemberError::NotMember(NodeId(9), 2)),
        "{error}"
    );
    let nobody = is_member_error(changed(&world, MemberChange::Remove(NodeId(9))).await);
    assert_eq!(nobody, MemberError::Unknown(NodeId(9)));
    let voter = MemberChange::Replace {
        old: NodeId(1),
        new: NodeId(2),
    };
    let voter = is_member_error(changed(&world, voter).await);
    assert_eq!(voter, MemberError::IsVoter(NodeId(2)));
    // with one node down, the two others cannot do without one of them
    world.stop(3).await;
    let alone = is_member_error(changed(&world, MemberChange::Remove(NodeId(2))).await);
    assert!(
        matches!(
            alone,
            MemberError::NoQuorum {
                answering: 1,
                needed: 2,
                ..
            }
        ),
        "{alone}"
    );
    assert_eq!(listed(&world).await.descriptor, 0);
    let last = World::new(1).await;
    let refused = is_member_error(changed(&last, MemberChange::Remove(NodeId(1))).await);
    assert_eq!(refused, MemberError::Last(NodeId(1)));
}

/// A request for a signature under a next descriptor.
async fn asked(
    world: &World,
    key: &Path,
    previous: &Descriptor,
    next: &Descriptor,
    at: u64,
) -> Answer {
    let operator = key_file::read(key).unwrap();
    let succession = Succession {
        cluster: world.cluster,
        previous: previous.hash(),
        next: next.hash(),
        signer: operator.public(),
    };
    let body = SignSuccession {
        next: next.clone(),
        operator: Signed::new(&operator, succession),
        force: false,
    };
    let order = OperatorOrder {
        operator: operator.public(),
        cluster: world.cluster,
        request: RequestId([7; 16]),
        not_after: now().plus(std::time::Duration::from_secs(60)),
        op: Op::from(&body).hash(),
    };
    let signed = Signed::new(&operator, order);
    let header = BASE64URL_NOPAD.encode(signed.as_bytes());
    let headers = [(OPERATOR_HEADER, header)];
    let body = serde_json::to_vec(&body).unwrap();
    send(world.url(at), "POST", paths::SUCCESSION, &headers, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_voter_signs_one_next_descriptor_and_none_that_nobody_ordered() {
    let (mut world, other) = (World::new(1).await, World::new(1).await);
    let first = world.descriptor().await;
    let with = |id: u64| {
        let node = NodeIdentity {
            id: NodeId(id),
            key: PublicKey([id as u8; 32]),
            sealing: SealingPublic([id as u8; 32]),
        };
        first.successor([first.nodes.clone(), vec![node]].concat())
    };
    let ours = world.operator_key();
    // given a change of another operator, or that does not follow
    let refused = asked(&world, &other.operator_key(), &first, &with(4), 1).await;
    assert_eq!(refused.code(), "not_authenticated");
    let later = with(4).successor(first.nodes.clone());
    let refused = asked(&world, &ours, &first, &later, 1).await;
    assert_eq!(refused.code(), "mismatch");
    // when the operator asks for a signature, then one is given, and the same again
    let signed = asked(&world, &ours, &first, &with(4), 1).await;
    let signed: SuccessionSigned = signed.read();
    assert_eq!(signed.succession.verify().unwrap().next, with(4).hash());
    let again: SuccessionSigned = asked(&world, &ours, &first, &with(4), 1).await.read();
    assert_eq!(again, signed);
    // and no other of that number, also after a restart
    for _ in 0..2 {
        let refused = asked(&world, &ours, &first, &with(5), 1).await;
        assert_eq!(refused.code(), "stale_version");
        let message = refused.json()["message"].to_string();
        assert!(message.contains("once more"), "{message}");
        world.restart_all(|_| {}).await;
    }
}
