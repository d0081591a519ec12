#![allow(clippy::unwrap_used)]

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::{DescriptorLink, Succession};
use cameo_common::ids::{ClusterId, Hash, NodeId};
use cameo_common::keys::{SealingPublic, SigningKey};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;

use super::super::super::meta::Applied;
use super::super::super::snapshot::Writer;
use super::*;
use crate::certificate::Certificate;
use crate::consensus_types::aliases::{CommittedLeaderId, LogId};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed([seed; 32])
}

fn nodes(ids: impl IntoIterator<Item = u8>) -> Vec<NodeIdentity> {
    let node = |id: u8| NodeIdentity {
        id: NodeId(u64::from(id)),
        key: key(id).public(),
        sealing: SealingPublic([id; 32]),
    };
    ids.into_iter().map(node).collect()
}

/// Nodes 1 to 3; after them nodes 4 to 6.
fn chain() -> (ClusterId, Descriptors) {
    let operator = key(9);
    let mode = RegistrationMode::Open;
    let first = Descriptor::genesis(nodes(1..=3), operator.public(), mode, Hash([3; 32]));
    let cluster = first.founds().unwrap();
    let next = first.successor(nodes(4..=6));
    let signed = |key: &SigningKey| {
        let succession = Succession {
            cluster,
            previous: first.hash(),
            next: next.hash(),
            signer: key.public(),
        };
        Signed::new(key, succession)
    };
    let link = DescriptorLink {
        operator: signed(&operator),
        voters: vec![signed(&key(1)), signed(&key(2))],
        descriptor: next.clone(),
    };
    let mut descriptors = Descriptors::of_first(first);
    descriptors.links.push(link);
    (cluster, descriptors)
}

/// A snapshot without rows, signed by these nodes.
fn written(folder: &Path, cluster: ClusterId, by: &[u8]) {
    let applied = Applied {
        log_id: Some(LogId::new(CommittedLeaderId::new(1), 5)),
        ..Applied::default()
    };
    let digest = crate::store::state::digest::RowDigest::default();
    let point = applied.point(&digest.hash()).unwrap();
    let signed = by.iter().map(|node| point.signed(&key(*node), cluster));
    let writer = Writer::create(&folder.join("1-5-own.snap"), &applied).unwrap();
    writer.finish(Some(&Certificate(signed.collect()))).unwrap();
}

#[test]
fn a_snapshot_that_later_nodes_have_certified_is_whole_where_the_state_knows_them() {
    let (cluster, descriptors) = chain();
    let voters = Voters::of(&descriptors.first, cluster);
    for (by, is_whole) in [
        (&[4, 5][..], true),
        (&[1, 2], true),
        (&[4], false),
        (&[7, 8], false),
    ] {
        // given a snapshot from before a change of the nodes, with the signatures of these
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), cluster, by);
        // then it counts by the descriptors of the state
        let found = check(folder.path(), Some(&voters), Some(descriptors.clone())).unwrap();
        let certified = found[0].found.as_ref().map(|found| found.certified);
        assert_eq!(certified.ok(), is_whole.then_some(Certified::Yes), "{by:?}");
    }
    // and a chain that does not prove itself adds nobody
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), cluster, &[4, 5]);
    let mut unsigned = descriptors;
    unsigned.links[0].voters.clear();
    let found = check(folder.path(), Some(&voters), Some(unsigned)).unwrap();
    assert!(found[0].found.is_err());
}
