#![allow(clippy::unwrap_used)]

use super::*;
use crate::cluster_descriptor::{MAX_NODES, NodeIdentity};
use crate::ids::NodeId;
use crate::keys::{SealingPublic, SigningKey};
use crate::registration::RegistrationMode;
use crate::signed::{Signed, Strict};
use crate::wire;

const OPERATOR: u8 = 200;
const STRANGER: u8 = 201;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn node(id: u8) -> NodeIdentity {
    NodeIdentity {
        id: NodeId(u64::from(id)),
        key: key(id).public(),
        sealing: SealingPublic([id; 32]),
    }
}

fn nodes(ids: impl IntoIterator<Item = u8>) -> Vec<NodeIdentity> {
    ids.into_iter().map(node).collect()
}

/// A cluster of nodes 1 to 3.
fn first() -> Descriptor {
    let operator = key(OPERATOR).public();
    Descriptor::genesis(
        nodes(1..=3),
        operator,
        RegistrationMode::Invite,
        Hash([9; 32]),
    )
}

fn cluster() -> ClusterId {
    first().founds().unwrap()
}

fn signs(signer: u8, previous: &Descriptor, next: &Descriptor) -> Signed<Succession> {
    let succession = Succession {
        cluster: cluster(),
        previous: previous.hash(),
        next: next.hash(),
        signer: key(signer).public(),
    };
    Signed::new(&key(signer), succession)
}

fn link(previous: &Descriptor, descriptor: Descriptor, voters: &[u8]) -> DescriptorLink {
    let signed = |signer| signs(signer, previous, &descriptor);
    DescriptorLink {
        operator: signed(OPERATOR),
        voters: voters.iter().map(|voter| signed(*voter)).collect(),
        descriptor,
    }
}

/// Node 4 joins, by the signatures of nodes 1 and 3.
fn joins() -> DescriptorLink {
    link(&first(), first().successor(nodes(1..=4)), &[1, 3])
}

fn checked(link: &DescriptorLink) -> Result<(), LinkError> {
    link.follows(&Strict, cluster(), &first())
}

fn verified(links: &[DescriptorLink]) -> Result<DescriptorChain, ChainError> {
    DescriptorChain::verify(&Strict, cluster(), &first(), links)
}

#[test]
fn a_chain_goes_from_the_first_descriptor_to_the_newest() {
    // given a cluster in which node 4 joins, and nodes 1 and 2 leave then
    let joined = joins();
    let left = link(
        &joined.descriptor,
        joined.descriptor.successor(nodes(3..=4)),
        &[1, 2, 4],
    );
    assert_eq!(verified(&[]).unwrap().newest(), &first());
    // when a client verifies it
    let chain = verified(&[joined.clone(), left.clone()]).unwrap();
    // then it has the newest nodes, and goes on from each descriptor that was known before
    assert_eq!(chain.newest(), &left.descriptor);
    for known in [&first(), &joined.descriptor, &left.descriptor] {
        assert_eq!(chain.extends(&KnownDescriptor::of(known)), Ok(()));
    }
}

#[test]
fn attack_a_chain_that_ends_before_a_known_descriptor_is_refused() {
    let joined = joins();
    let older = verified(&[]).unwrap();
    let known = KnownDescriptor::of(&joined.descriptor);
    let error = ChainError::Older {
        newest: 0,
        known: 1,
    };
    assert_eq!(older.extends(&known), Err(error));
}

#[test]
fn attack_a_second_chain_from_the_same_cluster_is_refused_as_a_fork() {
    // given a client that knows of node 4, and a chain with another second descriptor, well signed
    let known = KnownDescriptor::of(&joins().descriptor);
    let other = link(&first(), first().successor(nodes(1..=2)), &[1, 2]);
    let longer = link(
        &other.descriptor,
        other.descriptor.successor(nodes(1..=4)),
        &[1, 2],
    );
    for fork in [vec![other.clone()], vec![other, longer]] {
        let fork = verified(&fork).unwrap();
        assert_eq!(fork.extends(&known), Err(ChainError::Fork(1)));
    }
}

#[test]
fn attack_a_chain_of_another_cluster_or_without_a_link_is_refused() {
    let joined = joins();
    let next = joined.descriptor.successor(nodes(2..=4));
    let left = link(&joined.descriptor, next, &[1, 2, 3]);
    let elsewhere = ClusterId([7; 32]);
    let other = DescriptorChain::verify(&Strict, elsewhere, &first(), &[]);
    assert_eq!(other, Err(ChainError::OtherCluster(elsewhere)));
    let later = DescriptorChain::verify(&Strict, cluster(), &joined.descriptor, &[]);
    assert_eq!(later, Err(ChainError::OtherCluster(cluster())));
    let (why, number) = (LinkError::NotNext(0), 1);
    let gap = verified(std::slice::from_ref(&left));
    assert_eq!(gap, Err(ChainError::BadLink { number, why }));
    let (why, number) = (LinkError::NotNext(1), 2);
    let twice = verified(&[joined.clone(), joined]);
    assert_eq!(twice, Err(ChainError::BadLink { number, why }));
}

#[test]
fn attack_a_descriptor_without_the_operator_does_not_follow() {
    let good = joins();
    assert_eq!(checked(&good), Ok(()));
    let other = first().successor(nodes(2..=3));
    for operator in [
        signs(STRANGER, &first(), &good.descriptor),
        // a node's word, or the operator's of another change
        signs(1, &first(), &good.descriptor),
        signs(OPERATOR, &first(), &other),
        signs(OPERATOR, &good.descriptor, &good.descriptor),
        forged(&good.operator),
    ] {
        let bad = DescriptorLink {
            operator,
            ..good.clone()
        };
        assert_eq!(checked(&bad), Err(LinkError::NoOperator));
    }
}

fn forged(statement: &Signed<Succession>) -> Signed<Succession> {
    let mut bytes = statement.as_bytes().to_vec();
    bytes[3] ^= 1;
    Signed::from_bytes(bytes)
}

#[test]
fn attack_a_new_operator_does_not_sign_its_own_appointment() {
    let descriptor = Descriptor {
        operator: key(STRANGER).public(),
        ..first().successor(nodes(1..=3))
    };
    let mut taken = link(&first(), descriptor, &[1, 2]);
    assert_eq!(checked(&taken), Err(LinkError::OtherFields));
    taken.operator = signs(STRANGER, &first(), &taken.descriptor);
    assert_eq!(checked(&taken), Err(LinkError::OtherFields));
}

#[test]
fn attack_a_minority_a_stranger_or_one_node_twice_makes_no_majority() {
    let next = || first().successor(nodes(1..=4));
    let (needed, signed) = (2, 1);
    let few = LinkError::TooFewVoters { signed, needed };
    for (voters, error) in [
        (&[1][..], few),
        (&[], LinkError::TooFewVoters { signed: 0, needed }),
        // the node that joins, and the operator, are no nodes of the descriptor before
        (&[1, 4], LinkError::BadVoter),
        (&[1, OPERATOR], LinkError::BadVoter),
        (&[1, 2, STRANGER], LinkError::BadVoter),
        (&[1, 1], LinkError::VoterTwice),
        (&[1, 2, 1], LinkError::VoterTwice),
        (&[1, 2, 3, 3], LinkError::VoterTwice),
    ] {
        assert_eq!(checked(&link(&first(), next(), voters)), Err(error));
    }
    let mut bad = joins();
    bad.voters[1] = forged(&bad.voters[1]);
    assert_eq!(checked(&bad), Err(LinkError::BadVoter));
    bad.voters[1] = signs(3, &first(), &first().successor(nodes(2..=4)));
    assert_eq!(checked(&bad), Err(LinkError::BadVoter));
}

#[test]
fn attack_a_signature_for_another_cluster_does_not_count() {
    let good = joins();
    let elsewhere = ClusterId([7; 32]);
    let moved = good.follows(&Strict, elsewhere, &first());
    assert_eq!(moved, Err(LinkError::NoOperator));
    let next = &good.descriptor;
    let of_another = Succession {
        cluster: elsewhere,
        previous: first().hash(),
        next: next.hash(),
        signer: key(3).public(),
    };
    let mut bad = good.clone();
    bad.voters[1] = Signed::new(&key(3), of_another);
    assert_eq!(checked(&bad), Err(LinkError::BadVoter));
}

#[test]
fn attack_a_successor_changes_nothing_but_nodes_and_these_are_well_formed() {
    let change = |change: &dyn Fn(&mut Descriptor)| {
        let mut next = first().successor(nodes(1..=4));
        change(&mut next);
        checked(&link(&first(), next, &[1, 2, 3]))
    };
    assert_eq!(change(&|_| ()), Ok(()));
    let mode = change(&|next| next.registration = RegistrationMode::Open);
    assert_eq!(mode, Err(LinkError::OtherFields));
    let nonce = change(&|next| next.nonce = Hash([1; 32]));
    assert_eq!(nonce, Err(LinkError::OtherFields));
    let skipped = change(&|next| next.number = 2);
    assert_eq!(skipped, Err(LinkError::NotNext(0)));
    let elsewhere = change(&|next| next.previous = Some(Hash([1; 32])));
    assert_eq!(elsewhere, Err(LinkError::NotNext(0)));
    for malformed in [
        change(&|next| next.nodes.clear()),
        change(&|next| next.nodes.reverse()),
        change(&|next| next.nodes = nodes(1..=MAX_NODES as u8 + 1)),
        change(&|next| next.nodes[1].key = next.nodes[0].key),
        change(&|next| next.version += 1),
    ] {
        assert_eq!(malformed, Err(LinkError::Malformed));
    }
}

#[test]
fn attack_neither_a_number_nor_a_list_of_signatures_is_endless() {
    let last = Descriptor {
        number: MAX_DESCRIPTORS - 1,
        ..first()
    };
    let next = last.successor(nodes(1..=3));
    let beyond = link(&last, next, &[1, 2]).follows(&Strict, cluster(), &last);
    assert_eq!(beyond, Err(LinkError::TooMany));
    let end = Descriptor {
        number: u64::MAX,
        ..first()
    };
    let after = link(&end, end.successor(nodes(1..=3)), &[1, 2]).follows(&Strict, cluster(), &end);
    assert_eq!(after, Err(LinkError::NotNext(u64::MAX)));
    let mut many = joins();
    assert_eq!(many.statements().count(), 3);
    many.voters = vec![many.voters[0].clone(); 100_000];
    assert_eq!(many.statements().count(), 0);
    assert_eq!(checked(&many), Err(LinkError::VoterTwice));
}

#[test]
fn the_bytes_of_a_link_are_pinned() {
    let good = joins();
    let bytes = wire::encode(&good);
    let statement = |signed: &Signed<Succession>| {
        let bytes = signed.as_bytes();
        let length = wire::encode(&bytes.len());
        [&length, bytes].concat()
    };
    let voters: Vec<_> = good.voters.iter().map(statement).collect();
    let expected = [
        wire::encode(&good.descriptor),
        statement(&good.operator),
        vec![2],
        voters.concat(),
    ];
    assert_eq!(bytes, expected.concat());
    assert_eq!(wire::decode::<DescriptorLink>(&bytes), Ok(good.clone()));
    // JSON carries a statement as text
    let json = serde_json::to_string(&good).unwrap();
    assert_eq!(serde_json::from_str::<DescriptorLink>(&json).unwrap(), good);
}

#[test]
fn a_later_descriptor_has_a_hash_for_its_place_in_the_chain() {
    let again = joins().descriptor.successor(nodes(1..=3));
    assert_eq!(again.nodes, first().nodes);
    assert_ne!(again.hash(), first().hash());
}
