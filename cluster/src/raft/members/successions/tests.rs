#![allow(clippy::unwrap_used)]

use cameo_common::api::SignSuccession;
use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::ids::{Hash, Millis, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingPublic, SigningKey};
use cameo_common::op::Op;
use cameo_common::operator::OperatorOrder;
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Strict;
use cameo_common::wire;

use super::*;
use crate::raft::quarantine::memory_for_tests::InMemory;

const CLUSTER: ClusterId = ClusterId([5; 32]);

fn operator() -> SigningKey {
    SigningKey::from_seed([8; 32])
}

fn nodes(ids: &[u8]) -> Vec<NodeIdentity> {
    let node = |id: &u8| NodeIdentity {
        id: NodeId(u64::from(*id)),
        key: PublicKey([*id; 32]),
        sealing: SealingPublic([*id; 32]),
    };
    ids.iter().map(node).collect()
}

fn first() -> Descriptor {
    let mode = RegistrationMode::Invite;
    Descriptor::genesis(nodes(&[1, 2, 3]), operator().public(), mode, Hash([9; 32]))
}

/// A change as an operator orders it.
fn change_of(
    key: &SigningKey,
    previous: &Descriptor,
    next: &Descriptor,
    force: bool,
) -> OrderedChange {
    let succession = Succession {
        cluster: CLUSTER,
        previous: previous.hash(),
        next: next.hash(),
        signer: key.public(),
    };
    let (next, operator) = (next.clone(), Signed::new(key, succession));
    let op = Op::from(&SignSuccession {
        next: next.clone(),
        operator: operator.clone(),
        force,
    });
    let order = OperatorOrder {
        operator: key.public(),
        cluster: CLUSTER,
        request: RequestId([7; 16]),
        not_after: Millis(300),
        op: op.hash(),
    };
    OrderedChange {
        next,
        operator,
        force,
        order: Signed::new(key, order),
    }
}

fn change(previous: &Descriptor, next: &Descriptor) -> OrderedChange {
    change_of(&operator(), previous, next, false)
}

fn disk() -> Arc<dyn QuarantineDisk> {
    Arc::new(InMemory::default())
}

fn node(disk: &Arc<dyn QuarantineDisk>) -> Successions {
    Successions::new(Arc::new(NodeKeys::generate().unwrap()), disk.clone())
}

#[tokio::test]
async fn attack_a_second_descriptor_of_one_number_is_not_signed_also_after_a_restart() {
    let disk = disk();
    let keys = Arc::new(NodeKeys::generate().unwrap());
    let started = || Successions::new(keys.clone(), disk.clone());
    let (first, next, other) = (
        first(),
        first().successor(nodes(&[1, 2, 3, 4])),
        first().successor(nodes(&[1, 2])),
    );
    // given a node that has signed a next descriptor
    let node = started();
    let signed = node.sign(CLUSTER, &first, &change(&first, &next)).await;
    let signed = signed.unwrap();
    let content = signed.verify().unwrap();
    assert_eq!(
        (content.previous, content.next),
        (first.hash(), next.hash())
    );
    // when it is asked for another one of that number, then it refuses, and says what to do
    for node in [node, started()] {
        let refused = node.sign(CLUSTER, &first, &change(&first, &other)).await;
        let refused = refused.unwrap_err();
        assert!(matches!(refused, SuccessionError::Other { number: 1 }));
        let said = refused.to_string();
        assert!(said.contains("finishes that change first"), "{said}");
        // and answers with the same one again, and shows it
        let again = node.sign(CLUSTER, &first, &change(&first, &next)).await;
        assert_eq!(again.unwrap().as_bytes(), signed.as_bytes());
        assert_eq!(node.begun().unwrap().unwrap().next, next);
    }
    // and goes on with the next number, and not back
    let third = next.successor(nodes(&[2, 3, 4]));
    let went_on = started().sign(CLUSTER, &next, &change(&next, &third)).await;
    went_on.unwrap();
    let back = started()
        .sign(CLUSTER, &first, &change(&first, &next))
        .await;
    assert!(matches!(back.unwrap_err(), SuccessionError::Later(2)));
}

#[tokio::test]
async fn a_change_is_shown_as_it_was_ordered_and_force_stays() {
    let disk = disk();
    let (first, next) = (first(), first().successor(nodes(&[1, 2])));
    let forced = |force| change_of(&operator(), &first, &next, force);
    assert_eq!(node(&disk).begun().unwrap(), None);
    for (ordered, shown) in [(false, false), (true, true), (false, true)] {
        let signed = node(&disk).sign(CLUSTER, &first, &forced(ordered)).await;
        signed.unwrap();
        assert_eq!(node(&disk).begun().unwrap().unwrap(), forced(shown));
    }
}

#[test]
fn attack_a_change_that_the_operator_has_not_ordered_so_is_no_ordered_one() {
    let (first, next) = (first(), first().successor(nodes(&[1, 2])));
    let good = change(&first, &next);
    assert!(good.is_ordered(&Strict, CLUSTER, &first));
    let other = first.successor(nodes(&[1, 2, 4]));
    for bad in [
        // by a node's word
        change_of(&SigningKey::from_seed([1; 32]), &first, &next, false),
        // by force, which was not ordered
        OrderedChange {
            force: true,
            ..good.clone()
        },
        // of other nodes than were signed, or than were ordered
        OrderedChange {
            next: other.clone(),
            ..good.clone()
        },
        OrderedChange {
            order: change(&first, &other).order,
            ..good.clone()
        },
    ] {
        assert!(!bad.is_ordered(&Strict, CLUSTER, &first), "{bad:?}");
    }
    // nor after another descriptor, or in another cluster
    assert!(!good.is_ordered(&Strict, CLUSTER, &next));
    assert!(!good.is_ordered(&Strict, ClusterId([6; 32]), &first));
}

#[tokio::test]
async fn the_bytes_of_the_file_are_pinned_and_a_damaged_one_signs_nothing() {
    let disk = disk();
    let (first, next) = (first(), first().successor(nodes(&[1, 2])));
    let good = change(&first, &next);
    let node = node(&disk);
    node.sign(CLUSTER, &first, &good).await.unwrap();
    let length = |bytes: &[u8]| wire::encode(&(bytes.len() as u64));
    let (operator, order) = (good.operator.as_bytes(), good.order.as_bytes());
    let body = [
        &b"cameosuc"[..],
        &[2],
        &wire::encode(&next),
        &length(operator),
        operator,
        &[0],
        &length(order),
        order,
    ]
    .concat();
    let sum = crc32fast::hash(&body).to_le_bytes();
    let bytes = disk.read(QuarantineFile::Succession).unwrap().unwrap();
    assert_eq!(bytes, [&body[..], &sum].concat());
    let mut newer = bytes.clone();
    newer[8] = 3;
    for damaged in [newer, bytes[..9].to_vec(), Vec::new()] {
        let written = disk.replace(QuarantineFile::Succession, damaged).await;
        written.unwrap();
        let refused = node.sign(CLUSTER, &first, &good).await.unwrap_err();
        assert!(matches!(refused, SuccessionError::Unreadable(_)));
        assert!(node.begun().is_err());
    }
}

#[tokio::test]
async fn the_file_of_an_earlier_build_keeps_its_number_and_is_written_anew_by_the_same_change() {
    let disk = disk();
    let (first, next) = (first(), first().successor(nodes(&[1, 2])));
    let body = [&b"cameosuc"[..], &[1, 1], &next.hash().0].concat();
    let sum = crc32fast::hash(&body).to_le_bytes();
    let old = [&body[..], &sum].concat();
    disk.replace(QuarantineFile::Succession, old).await.unwrap();
    assert_eq!(last_signed(&*disk).unwrap(), Some(1));
    assert_eq!(node(&disk).begun().unwrap(), None);
    let other = change(&first, &first.successor(nodes(&[1, 3])));
    let refused = node(&disk).sign(CLUSTER, &first, &other).await.unwrap_err();
    assert!(matches!(refused, SuccessionError::Other { number: 1 }));
    let same = change(&first, &next);
    node(&disk).sign(CLUSTER, &first, &same).await.unwrap();
    assert_eq!(node(&disk).begun().unwrap(), Some(same));
}
