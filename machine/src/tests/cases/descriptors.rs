//! Changes of the nodes while the cluster runs.

use cameo_common::descriptor_chain::DescriptorLink;
use cameo_common::ids::{ClusterId, GrantId, NodeId};
use cameo_common::keys::PublicKey;
use cameo_common::signed::{Signed, Strict};

use super::operator::order;
use super::workers::{admission, ours, used, used_by};
use crate::limits::NAMED_GRANTS;
use crate::tests::cast::chain::{link, link_to, node_key, nodes};
use crate::tests::cast::{
    Offer, ada, bob, cluster_id, descriptor, eve, image, operator, puts, rights,
};
use crate::tests::script::Script;
use crate::{Caller, Done, Op, Refusal, Reply, read};

fn change(link: DescriptorLink) -> Op {
    Op::ChangeDescriptor { link, force: false }
}

fn too_few(reply: Reply) -> (u64, Vec<GrantId>) {
    match reply {
        Err(Refusal::TooFewHolders { grants, named }) => (grants, named),
        other => panic!("expected too few holders, got {other:?}"),
    }
}

/// A live grant of each of these images.
fn grants(script: &mut Script, images: impl IntoIterator<Item = u8>) -> Vec<GrantId> {
    let grant = |number| {
        let mut offer = Offer::with_nonce(&ada(), &bob(), image(number), 3, number);
        offer.deal_to(&script.descriptor());
        script.does(&ada(), offer.op()).unwrap();
        offer.id()
    };
    images.into_iter().map(grant).collect()
}

#[test]
fn nodes_change_by_a_signed_chain_that_clients_can_follow() {
    // given a cluster of nodes 1 to 3
    let mut script = Script::with(&[&ada(), &bob()]);
    // when node 4 joins and node 1 leaves
    assert_eq!(
        script.changes_nodes(&[1, 2, 3, 4], false),
        Ok(Done::Nothing)
    );
    assert_eq!(script.changes_nodes(&[2, 3, 4], false), Ok(Done::Nothing));
    // then the state has the whole chain
    let told = read::descriptors(&script.state).unwrap();
    let chain = told.verify(&Strict, cluster_id()).unwrap();
    assert_eq!(chain.newest(), &script.descriptor());
    assert_eq!(chain.newest().nodes, nodes(&[2, 3, 4]));
    assert_eq!(told.all().count(), 3);
    assert_eq!(read::cluster_id(&script.state), Some(cluster_id()));
    // and new grants are dealt to the newest nodes alone
    let mut offer = Offer::new(&ada(), &bob(), image(1), 3);
    assert_eq!(script.does(&ada(), offer.op()), Err(Refusal::BadDeal));
    offer.deal_to(&script.descriptor());
    assert!(script.does(&ada(), offer.op()).is_ok());
}

#[test]
fn attack_nobody_but_the_operator_orders_a_change_of_nodes() {
    let mut script = Script::with(&[&ada(), &eve()]);
    let op = change(link(&descriptor(), &[1, 2, 3, 4], &[1, 2, 3]));
    let other = change(link(&descriptor(), &[1, 2], &[1, 2, 3]));
    let forged = |by: PublicKey, cluster: ClusterId| order(by, cluster, &op);
    let callers = [
        script.call(&eve(), &op),
        Caller::Node(NodeId(1)),
        Caller::Signer,
        forged(eve().key(), cluster_id()),
        forged(operator(), ClusterId([9; 32])),
        script.order(&other),
    ];
    for caller in callers {
        let before = script.state.clone();
        let reply = script.enter(caller.clone(), op.clone()).reply;
        assert!(reply.is_err(), "{caller:?}");
        assert_eq!(script.state, before);
    }
}

#[test]
fn attack_an_order_without_a_majority_of_the_nodes_changes_none() {
    let mut script = Script::with(&[]);
    let first = descriptor();
    let mut unsigned = link(&first, &[1, 2, 3, 4], &[1, 2]);
    unsigned.operator = unsigned.voters[0].clone();
    let mut forged = link(&first, &[1, 2, 3, 4], &[1, 2]);
    let mut bytes = forged.voters[1].as_bytes().to_vec();
    bytes[3] ^= 1;
    forged.voters[1] = Signed::from_bytes(bytes);
    let mut other_operator = first.successor(nodes(&[1, 2, 3, 4]));
    other_operator.operator = eve().key();
    let links = [
        link(&first, &[1, 2, 3, 4], &[1]),
        link(&first, &[1, 2, 3, 4], &[1, 1]),
        link(&first, &[1, 2, 3, 4], &[1, 4]),
        link_to(&first, other_operator, &[1, 2, 3]),
        link_to(&first, first.clone(), &[1, 2, 3]),
        unsigned,
        forged,
    ];
    for (at, link) in links.into_iter().enumerate() {
        for force in [false, true] {
            let link = link.clone();
            let before = script.state.clone();
            let reply = script.operator_does(Op::ChangeDescriptor { link, force });
            assert!(matches!(reply, Err(Refusal::NotSuccessor(_))), "case {at}");
            assert_eq!(script.state, before);
        }
    }
}

#[test]
fn attack_a_change_that_was_overtaken_makes_no_fork() {
    // given two changes of the first descriptor, both well signed
    let mut script = Script::with(&[]);
    let one = change(link(&descriptor(), &[1, 2, 3, 4], &[1, 2]));
    let other = change(link(&descriptor(), &[1, 2, 3, 5], &[2, 3]));
    // when one is carried out
    let call = script.order(&one);
    assert_eq!(
        script.enter(call.clone(), one.clone()).reply,
        Ok(Done::Nothing)
    );
    // then the other is refused, and a repeat of the first is answered and changes nothing
    let reply = script.operator_does(other);
    assert!(matches!(reply, Err(Refusal::NotSuccessor(_))), "{reply:?}");
    let again = script.enter(call, one.clone());
    assert_eq!((again.reply, again.changes), (Ok(Done::Nothing), vec![]));
    // and a new order of what is done already is refused
    let reply = script.operator_does(one);
    assert!(matches!(reply, Err(Refusal::NotSuccessor(_))), "{reply:?}");
}

#[test]
fn a_change_that_live_grants_do_not_survive_needs_force_and_says_which() {
    // given seven live grants, dealt to nodes 1 to 3, of which two open them
    let mut script = Script::with(&[&ada(), &bob()]);
    let live = grants(&mut script, 1..=7);
    // when one node is replaced, then enough holders are left
    assert_eq!(script.changes_nodes(&[1, 2, 4], false), Ok(Done::Nothing));
    // when a second one is, then they are not
    let before = script.state.clone();
    let (count, named) = too_few(script.changes_nodes(&[1, 4, 5], false));
    assert_eq!((count, named.len()), (7, NAMED_GRANTS));
    assert!(named.iter().all(|id| live.contains(id)));
    assert_eq!(script.state, before);
    // unless the operator forces it
    assert_eq!(script.changes_nodes(&[1, 4, 5], true), Ok(Done::Nothing));
    // and what is lost then hinders no change that takes nothing more away
    assert_eq!(
        script.changes_nodes(&[1, 4, 5, 6], false),
        Ok(Done::Nothing)
    );
    assert_eq!(too_few(script.changes_nodes(&[4, 5, 6], false)).0, 7);
    // and a node that comes back with its keys holds its parts again
    assert_eq!(
        script.changes_nodes(&[1, 2, 4, 5, 6], false),
        Ok(Done::Nothing)
    );
    assert_eq!(too_few(script.changes_nodes(&[1, 4, 5, 6], false)).0, 7);
}

#[test]
fn grants_that_have_ended_hinder_no_change_and_used_up_ones_do() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let [revoked, used_up] = grants(&mut script, 1..=2)[..] else {
        unreachable!()
    };
    let mut brief = Offer::with_nonce(&ada(), &bob(), image(3), 3, 3);
    brief.rights.expires = Some(script.now.plus_millis(1_000));
    script.does(&ada(), brief.op()).unwrap();
    for id in 1..=3 {
        script.does(&bob(), bob().views(used_up, id)).unwrap();
    }
    let counted = |script: &Script| too_few(script.clone().changes_nodes(&[1, 4, 5], false));
    assert_eq!(counted(&script).0, 3);
    // when one expires, without an entry since, then it is not counted
    script.wait(1_000);
    let (count, named) = counted(&script);
    assert_eq!((count, named.contains(&brief.id())), (2, false));
    // when another is revoked, then the used-up one is left, whose owner may raise it
    let mut end = rights(&ada(), revoked, 2, 3);
    end.revoked = true;
    script.does(&ada(), puts(end)).unwrap();
    assert_eq!(counted(&script), (1, vec![used_up]));
    // and when rights make the expired one live again, then it is counted again
    script
        .does(&ada(), puts(rights(&ada(), brief.id(), 2, 3)))
        .unwrap();
    assert_eq!(counted(&script).0, 2);
    // and when all are revoked, then nothing hinders the change
    for (grant, version) in [(used_up, 2), (brief.id(), 3)] {
        let mut end = rights(&ada(), grant, version, 3);
        end.revoked = true;
        script.does(&ada(), puts(end)).unwrap();
    }
    assert_eq!(script.changes_nodes(&[1, 4, 5], false), Ok(Done::Nothing));
}

#[test]
fn a_grant_that_was_dealt_again_is_judged_by_its_new_holders() {
    let mut script = Script::with(&[&ada(), &bob()]);
    let [kept, dealt] = grants(&mut script, 1..=2)[..] else {
        unreachable!()
    };
    script.changes_nodes(&[1, 2, 4, 5], false).unwrap();
    script.deals_again(&ada(), dealt).unwrap();
    // nodes 1 and 2 hold the old one, and three of 1, 2, 4 and 5 open the new one
    let reply = script.changes_nodes(&[1, 4, 5], false);
    assert_eq!(too_few(reply), (1, vec![kept]));
    let reply = script.changes_nodes(&[1, 2, 4], false);
    assert_eq!(reply, Ok(Done::Nothing));
    assert_eq!(
        too_few(script.changes_nodes(&[1, 2], false)),
        (1, vec![dealt])
    );
}

#[test]
fn attack_an_id_is_not_given_to_another_node_after_the_first_has_left() {
    // given a node 3 that has left
    let mut script = Script::with(&[]);
    script.changes_nodes(&[1, 2, 4], false).unwrap();
    let current = script.descriptor();
    // when another node is to have its id, with other keys or with one of them
    for (key, sealing) in [(9, 9), (9, 3), (3, 9)] {
        let mut third = nodes(&[key]).remove(0);
        third.id = NodeId(3);
        third.sealing = nodes(&[sealing])[0].sealing;
        let mut next = nodes(&[1, 2, 4]);
        next.push(third);
        let link = link_to(&current, current.successor(next), &[1, 2, 4]);
        // then it is refused, also by force
        let reply = script.operator_does(Op::ChangeDescriptor { link, force: true });
        assert!(matches!(reply, Err(Refusal::Mismatch(_))), "{reply:?}");
    }
    // and no worker gets it either, but the one that has left
    let op = admission(ours(1), used(1, cluster_id(), 3, 44));
    let reply = script.enter(Caller::Signer, op).reply;
    assert!(matches!(reply, Err(Refusal::Mismatch(_))), "{reply:?}");
    let op = admission(ours(1), used_by(1, cluster_id(), 3, node_key(3).public()));
    assert_eq!(script.enter(Caller::Signer, op).reply, Ok(Done::Nothing));
    assert_eq!(
        script.changes_nodes(&[1, 2, 3, 4], false),
        Ok(Done::Nothing)
    );
}

#[test]
fn a_worker_that_has_become_a_node_is_not_removed_as_a_worker() {
    let mut script = Script::with(&[]);
    let op = admission(ours(1), used_by(1, cluster_id(), 4, node_key(4).public()));
    script.enter(Caller::Signer, op).reply.unwrap();
    script.changes_nodes(&[1, 2, 3, 4], false).unwrap();
    let remove = Op::RemoveWorker { node: NodeId(4) };
    let reply = script.operator_does(remove.clone());
    assert_eq!(reply, Err(Refusal::NotAWorker(NodeId(4))));
}

#[test]
fn attack_a_node_that_has_left_does_not_come_back_by_its_old_token() {
    // given a worker that has become a node, and has left
    let mut script = Script::with(&[]);
    let token = || admission(ours(1), used_by(1, cluster_id(), 4, node_key(4).public()));
    script.enter(Caller::Signer, token()).reply.unwrap();
    script.changes_nodes(&[1, 2, 3, 4], false).unwrap();
    script.changes_nodes(&[1, 2, 3], false).unwrap();
    // then neither its token nor a change brings it back, unless the operator forces that
    let removed = Err(Refusal::NodeRemoved(NodeId(4)));
    assert_eq!(script.enter(Caller::Signer, token()).reply, removed);
    assert_eq!(script.changes_nodes(&[1, 2, 3, 4], false), removed);
    assert_eq!(script.changes_nodes(&[1, 2, 3, 4], true), Ok(Done::Nothing));
}

#[test]
fn attack_the_id_of_a_worker_is_not_given_to_a_node_of_another_key() {
    let mut script = Script::with(&[]);
    let op = admission(ours(1), used(1, cluster_id(), 4, 44));
    script.enter(Caller::Signer, op).reply.unwrap();
    let taken = script.changes_nodes(&[1, 2, 3, 4], false);
    assert!(matches!(taken, Err(Refusal::Mismatch(_))), "{taken:?}");
    script
        .operator_does(Op::RemoveWorker { node: NodeId(4) })
        .unwrap();
    let removed = script.changes_nodes(&[1, 2, 3, 4], false);
    assert_eq!(removed, Err(Refusal::NodeRemoved(NodeId(4))));
}
