//! Changes of the nodes by the operator's verbs, on real nodes.

use std::path::Path;
use std::time::Duration;

use cameo_cluster::config::{Config, CredentialFile};
use cameo_cluster::node::Node;
use cameo_cluster::operator::member::{
    self, AddOrder, MemberChange, MemberError, MemberList, MemberOrder, MemberRole,
};
use cameo_cluster::operator::{Report, Tell, TokenOrder, VerbError, key_file};
use cameo_common::api::{IdentityInfo, OPERATOR_HEADER, SignSuccession, SuccessionSigned, paths};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Succession;
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingPublic};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::signed::Signed;
use data_encoding::BASE64URL_NOPAD;

use crate::http::{Answer, send, send_as};
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
    told(world, change, SILENT).await
}

async fn told(world: &World, change: MemberChange, tell: Tell<'_>) -> Result<Report, VerbError> {
    let order = MemberOrder {
        key: world.operator_key(),
        cluster: address(world).parse().unwrap(),
        change,
        force: false,
    };
    member::change(order, tell).await
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
    // and who asks it is told so at once, and not after a search for a leader
    let (newest, next) = (
        world.descriptor().await,
        world.descriptor().await.successor(Vec::new()),
    );
    let key = world.operator_key();
    until("an answer that it serves nobody", async || {
        let answer = asked(&world, &key, &newest, &next, 1).await;
        (answer.status == 421 && answer.code() == "not_served").then_some(())
    })
    .await;
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
        not_after: now().plus(Duration::from_secs(60)),
        op: Op::from(&body).hash(),
    };
    let signed = Signed::new(&operator, order);
    let header = BASE64URL_NOPAD.encode(signed.as_bytes());
    let headers = [(OPERATOR_HEADER, header)];
    let body = serde_json::to_vec(&body).unwrap();
    let url = world.url(at);
    // A node that has the order has not the operator's key for its connection.
    let relayed = send(url, "POST", paths::SUCCESSION, &headers, &body).await;
    assert_eq!(relayed.code(), "not_authenticated");
    send_as(&operator, url, "POST", paths::SUCCESSION, &headers, &body).await
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
        assert!(message.contains("finishes that change first"), "{message}");
        world.restart_all(|_| {}).await;
    }
}

/// What a node says that it is, by its own signature.
async fn identity(url: &str) -> NodeIdentity {
    let info: IdentityInfo = send(url, "GET", paths::IDENTITY, &[], b"").await.read();
    let keys = info.identity.verify().unwrap();
    NodeIdentity {
        id: keys.id,
        key: keys.key,
        sealing: keys.sealing,
    }
}

/// A command that has had these voters sign that the worker is promoted, and ended then.
async fn begins(world: &World, voters: &[u64]) {
    let list = listed(world).await;
    let url = list.members.last().and_then(|member| member.url.clone());
    let newest = world.descriptor().await;
    let with = [newest.nodes.clone(), vec![identity(&url.unwrap()).await]].concat();
    let next = newest.successor(with);
    for voter in voters {
        let signed = asked(world, &world.operator_key(), &newest, &next, *voter).await;
        let _: SuccessionSigned = signed.read();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_begun_is_finished_by_the_next_command_whatever_that_asks() {
    for signed in [&[2][..], &[1, 2, 3]] {
        let mut world = World::new(3).await;
        let running = tokio::spawn(run_through_promotion(worker(&world, &world)));
        until("a worker that answers", async || {
            let list = listed(&world).await;
            (roles(&list).last() == Some(&(4, MemberRole::Worker, true))).then_some(())
        })
        .await;
        // given a promotion that some voters have signed, and that was not ordered
        begins(&world, signed).await;
        let worker_waits = listed(&world).await;
        assert_eq!(worker_waits.descriptor, 0);
        // when another change is asked for, then that one is finished first, and it is said
        let lines = std::sync::Mutex::new(Vec::new());
        let tell = |line: &str| lines.lock().unwrap().push(line.to_owned());
        let report = told(&world, MemberChange::Remove(NodeId(1)), Tell(&tell)).await;
        let note = report.unwrap().note;
        assert!(note.contains("the voters are 2, 3, 4"), "{note}");
        let lines = lines.into_inner().unwrap();
        let first = lines.iter().find(|line| line.contains("earlier command"));
        let first = first.expect("it says so");
        assert!(
            first.contains("descriptor 1, with the voters 1, 2, 3, 4"),
            "{first}"
        );
        let removed = world.nodes[0].take().unwrap();
        world.urls.remove(0);
        assert_eq!(listed(&world).await.descriptor, 2);
        removed.stop().await.unwrap();
        running.await.unwrap().stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_was_begun_is_finished_by_the_same_command_and_is_so_called() {
    let world = World::new(3).await;
    let running = tokio::spawn(run_through_promotion(worker(&world, &world)));
    until("a worker that answers", async || {
        let list = listed(&world).await;
        (roles(&list).last() == Some(&(4, MemberRole::Worker, true))).then_some(())
    })
    .await;
    begins(&world, &[3]).await;
    let report = changed(&world, MemberChange::Promote(WORKER)).await;
    let note = report.unwrap().note;
    assert!(
        note.starts_with("an earlier command had begun this change"),
        "{note}"
    );
    assert!(note.contains("the voters are 1, 2, 3, 4"), "{note}");
    assert_eq!(listed(&world).await.descriptor, 1);
    running.await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_what_was_begun_is_shown_to_the_operator_alone() {
    let world = World::new(1).await;
    let answer = send(world.url(1), "GET", paths::SUCCESSION, &[], b"").await;
    assert_eq!(answer.code(), "not_authenticated");
}

/// A node that the operator adds by a token at this path.
fn addition(world: &World, token: &Path, wait: Duration) -> AddOrder {
    AddOrder {
        key: world.operator_key(),
        cluster: address(world).parse().unwrap(),
        node: WORKER,
        token: Some(TokenOrder {
            cluster: world.cluster,
            peers: world.peers(),
            life: Duration::from_secs(3_600),
            out: token.to_owned(),
        }),
        wait,
        force: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_added_by_one_command_that_may_be_given_again() {
    let world = World::new(3).await;
    let token = world.folder().join("token-of-4");
    // given a node that does not come, then it is said what was done, and nothing was changed
    let never = addition(&world, &token, Duration::from_millis(1));
    let lines = std::sync::Mutex::new(Vec::new());
    let tell = |line: &str| lines.lock().unwrap().push(line.to_owned());
    let error = is_member_error(member::add(never, Tell(&tell)).await);
    assert!(matches!(error, MemberError::NotAdded { .. }), "{error}");
    assert!(error.to_string().contains("it has not joined"), "{error}");
    let lines = lines.into_inner().unwrap();
    assert!(lines[0].contains("wrote a worker's token"), "{lines:?}");
    assert!(lines[1].contains("start it with its token"), "{lines:?}");
    assert_eq!(listed(&world).await.descriptor, 0);
    // when it starts with that token, and the command is given again, then it becomes a voter
    let mut config = worker(&world, &world);
    config.credential = CredentialFile::Token(token.clone());
    let running = tokio::spawn(run_through_promotion(config));
    let order = addition(&world, &token, Duration::from_secs(60));
    let report = member::add(order.clone(), SILENT).await.unwrap();
    assert!(
        report.note.contains("the voters are 1, 2, 3, 4"),
        "{}",
        report.note
    );
    let added = running.await.unwrap();
    // and once more, which changes nothing
    member::add(order.clone(), SILENT).await.unwrap();
    assert_eq!(listed(&world).await.descriptor, 1);
    // and not after it has left, as its id is used
    changed(&world, MemberChange::Remove(WORKER)).await.unwrap();
    let error = is_member_error(member::add(order, SILENT).await);
    assert_eq!(error, MemberError::IdUsed(WORKER));
    added.stop().await.unwrap();
}
