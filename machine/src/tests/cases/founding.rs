use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::ids::{Hash, NodeId};

use crate::tests::cast::{ada, cluster_id, descriptor};
use crate::tests::script::Script;
use crate::{Caller, Op, Refusal, read};

#[test]
fn the_first_entry_sets_the_clusters_id_and_descriptor() {
    let mut script = Script::new();
    assert_eq!(read::cluster_id(&script.state), None);
    script.node_does(Op::Found(descriptor())).unwrap();
    assert_eq!(read::cluster_id(&script.state), Some(cluster_id()));
    let told = read::descriptors(&script.state);
    assert_eq!(told, Some(Descriptors::of_first(descriptor())));
}

#[test]
fn commands_are_refused_before_the_cluster_is_founded() {
    let mut script = Script::new();
    let reply = script.does(&ada(), ada().registers());
    assert_eq!(reply, Err(Refusal::NotFounded));
    let reply = script.node_does(Op::ExpireSessions(vec![]));
    assert_eq!(reply, Err(Refusal::NotFounded));
}

#[test]
fn a_cluster_is_founded_once() {
    let mut script = Script::with(&[]);
    let other = Descriptor {
        nonce: Hash([1; 32]),
        ..descriptor()
    };
    for again in [descriptor(), other] {
        let reply = script.node_does(Op::Found(again));
        assert_eq!(reply, Err(Refusal::AlreadyFounded));
    }
}

#[test]
fn an_invalid_first_descriptor_is_refused() {
    let mut empty = descriptor();
    empty.nodes.clear();
    let mut later = descriptor();
    later.number = 1;
    let mut unsorted = descriptor();
    unsorted.nodes.reverse();
    let mut twice = descriptor();
    twice.nodes[1] = twice.nodes[0].clone();
    let mut unknown = descriptor();
    unknown.version += 1;
    for bad in [empty, later, unsorted, twice, unknown] {
        let reply = Script::new().node_does(Op::Found(bad));
        assert_eq!(reply, Err(Refusal::Malformed));
    }
}

#[test]
fn attack_only_a_node_of_the_descriptor_founds_the_cluster() {
    let mut script = Script::new();
    let stranger = script.enter(Caller::Node(NodeId(9)), Op::Found(descriptor()));
    assert!(matches!(stranger.reply, Err(Refusal::Forbidden(_))));
    // No device speaks before there is a cluster that it can name.
    let device = script.does(&ada(), Op::Found(descriptor()));
    assert_eq!(device, Err(Refusal::NotFounded));
    script.node_does(Op::Found(descriptor())).unwrap();
    let device = script.does(&ada(), Op::Found(descriptor()));
    assert!(matches!(device, Err(Refusal::Forbidden(_))));
}

#[test]
fn bytes_that_do_not_decode_are_refused() {
    let mut script = Script::with(&[]);
    for bytes in [&[][..], &[1], &[2, 0, 0], &[0xff; 40]] {
        assert_eq!(script.apply(bytes).reply, Err(Refusal::UnknownEntry));
    }
}
