//! Tests of the chain, by signed and by forged descriptors.

#![allow(clippy::unwrap_used)]

use cameo_common::ids::Millis;
use cameo_common::keys::SigningKey;
use cameo_common::signed::Signed;

use super::*;
use crate::cluster_api::mock_chain::{chain, link, mock};

fn info(descriptors: Descriptors) -> ClusterInfo {
    ClusterInfo {
        schema: 1,
        cluster: descriptors.first.founds().unwrap(),
        descriptors,
        address: Signed::from_bytes(Vec::new()),
        nodes: vec![],
        now: Millis::EPOCH,
    }
}

fn verify(info: &ClusterInfo, pinned: ClusterId) -> Result<Chain, ClusterError> {
    Chain::verify("u", info, pinned)
}

fn verified(changes: &[&[u64]]) -> Chain {
    let info = info(chain(changes));
    verify(&info, info.cluster).unwrap()
}

#[test]
fn attack_only_the_pinned_cluster_is_accepted() {
    let good = info(chain(&[&[1]]));
    assert!(verify(&good, good.cluster).is_ok());
    let pinned = ClusterId([9; 32]);
    let wrong =
        |info: &ClusterInfo| matches!(verify(info, pinned), Err(ClusterError::WrongCluster { .. }));
    assert!(wrong(&good));
    let liar = ClusterInfo {
        cluster: pinned,
        ..good
    };
    assert!(wrong(&liar));
}

#[test]
fn attack_a_descriptor_that_a_node_supplies_itself_is_refused() {
    let mut grown = info(chain(&[&[1]]));
    let mut later = link(&grown.descriptors, &[1], &SigningKey::from_seed([3; 32]));
    later.voters.clear();
    grown.descriptors.links.push(later);
    assert!(matches!(
        verify(&grown, grown.cluster),
        Err(ClusterError::Protocol { .. })
    ));
}

#[test]
fn attack_a_longer_chain_without_the_operator_or_a_majority_is_refused() {
    // given a chain that all nodes, but not the operator, have made longer
    let good = info(chain(&[&[1, 2, 3]]));
    let mut by_nodes = good.clone();
    let stranger = SigningKey::from_seed([3; 32]);
    let alone = link(&good.descriptors, &[4, 5, 6], &stranger);
    by_nodes.descriptors.links.push(alone);
    // and one that the operator has made longer with one node of three
    let mut by_operator = good.clone();
    let operator = crate::cluster_api::mock_chain::operator();
    let mut few = link(&good.descriptors, &[4, 5, 6], &operator);
    few.voters.truncate(1);
    by_operator.descriptors.links.push(few);
    // then neither is a chain of the cluster
    for forged in [by_nodes, by_operator] {
        assert!(matches!(
            verify(&forged, good.cluster),
            Err(ClusterError::Protocol { .. })
        ));
    }
}

#[test]
fn a_chain_knows_the_nodes_of_each_descriptor_also_those_that_have_left() {
    let changed = verified(&[&[1, 2, 3], &[2, 3, 4], &[3, 4, 5]]);
    let first = chain(&[&[1, 2, 3]]).first.hash();
    let second = changed.since(&first)[1].hash();
    assert_eq!(changed.since(&first).len(), 3);
    assert_eq!(changed.since(&second).len(), 2);
    assert_eq!(changed.since(&Hash([1; 32])), []);
    assert_eq!(changed.node(&mock(1).key), Some(&mock(1)));
    assert_eq!(changed.node(&mock(9).key), None);
    assert_eq!(changed.newest().nodes, [3, 4, 5].map(mock));
}

#[test]
fn attack_a_chain_that_ends_earlier_or_goes_elsewhere_does_not_extend_the_known_one() {
    let known = verified(&[&[1, 2, 3], &[2, 3, 4]]);
    let longer = verified(&[&[1, 2, 3], &[2, 3, 4], &[3, 4]]);
    assert_eq!(longer.extends(&known), Ok(()));
    let older = verified(&[&[1, 2, 3]]);
    let ends = ChainError::Older {
        newest: 0,
        known: 1,
    };
    assert_eq!(older.extends(&known), Err(ends));
    let fork = verified(&[&[1, 2, 3], &[1, 2, 3, 4], &[2, 3, 4]]);
    assert_eq!(fork.extends(&known), Err(ChainError::Fork(1)));
}
