//! Views against a mock cluster with real keys and statements, and failures on demand.

#![allow(clippy::unwrap_used)]

mod changes;
mod nodes;
mod world;

use cameo_common::api::{ApiError, ErrorCode, RESUME_WINDOW};
use cameo_common::ids::NodeId;

use self::nodes::{Behaviour, UNREAD};
use super::charge::{LAPSE_MARGIN, create_or_resume};
use super::{OpenError, find_pending};
use crate::clock;
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::records::{GrantHeld, Secret};

pub(crate) use world::{World, told_of, world};

pub(crate) const PHOTO: &[u8] = b"any bytes can be a photo";
const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

#[tokio::test]
async fn a_view_opens_the_exact_photo_and_is_charged_once() {
    let world = world().await;
    let viewed = world.view().await.unwrap();
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!((viewed.used, viewed.left, viewed.resumed), (1, 1, false));
    world.finish(&viewed);
    assert_eq!(world.view().await.unwrap().number, 2);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn parts_that_come_beside_the_debit_are_not_asked_for_again() {
    // given a client that knows the nodes
    let world = world().await;
    world
        .view()
        .await
        .map(|viewed| world.finish(&viewed))
        .unwrap();
    world.cluster.asked.lock().unwrap().clear();
    // when it views
    let viewed = world.view().await.unwrap();
    assert_eq!((viewed.number, viewed.photo.bytes.as_slice()), (2, PHOTO));
    // then it has asked t nodes, before the end of the debit
    let mut asked = world.cluster.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, [(NodeId(1), false), (NodeId(2), false)]);
}

#[tokio::test]
async fn a_refused_debit_ends_the_calls_for_its_parts() {
    // given a client that knows the nodes, and a grant without views
    let world = world().await;
    for _ in 0..2 {
        world
            .view()
            .await
            .map(|viewed| world.finish(&viewed))
            .unwrap();
    }
    // then the refusal is not kept back by nodes that wait for the debit
    let OpenError::Cluster(refused) = world.view().await.unwrap_err() else {
        panic!("the ledger has refused it");
    };
    assert_eq!(refused.code(), Some(ErrorCode::UsedUp));
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn an_interrupted_view_is_resumed_and_not_charged_twice() {
    // Given a charged view that no node releases,
    let world = world().await;
    world.all(Behaviour::Down);
    let failed = world.view().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ClusterAway, "{failed}");
    assert_eq!(world.debits(), 1);
    let begun = find_pending(&world.vault, &world.held).unwrap().unwrap();

    // when the nodes are back and it is viewed again,
    world.all(Behaviour::Honest);
    let viewed = world.view().await.unwrap();

    // then it is the same view.
    assert!(viewed.resumed);
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!(viewed.used, 1);
    assert_eq!(*world.cluster.debits.lock().unwrap(), [begun.request]);

    // After it was shown, the next view is new.
    world.finish(&viewed);
    assert!(!world.view().await.unwrap().resumed);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn attack_a_garbage_part_is_replaced_by_another_nodes() {
    for (node, behaviour) in [
        (1, Behaviour::False),
        (1, Behaviour::Garbage),
        (2, Behaviour::Down),
        (1, Behaviour::NotDebited),
    ] {
        let world = world().await;
        world.one(NodeId(node), behaviour);
        let viewed = world.view().await.unwrap();
        assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    }
}

#[tokio::test]
async fn attack_with_two_false_nodes_of_three_nothing_opens() {
    let world = world().await;
    world.one(NodeId(1), Behaviour::False);
    world.one(NodeId(2), Behaviour::Garbage);
    assert!(world.view().await.is_err());
    assert!(find_pending(&world.vault, &world.held).unwrap().is_some());
}

#[tokio::test]
async fn a_lapsed_view_is_reported_and_the_next_one_is_new() {
    // Given a charged view that no node releases,
    let world = world().await;
    world.all(Behaviour::NotDebited);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");
    let begun = world.begun().unwrap();

    // when its time is almost over, then it is kept;
    world.age(RESUME_WINDOW);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");
    assert_eq!(world.begun().unwrap().request, begun.request);

    // when it is over, then it is not.
    world.age(LAPSE_MARGIN);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::Lapsed { .. }), "{failed}");
    assert_eq!(world.begun(), None);
    world.all(Behaviour::Honest);
    assert!(!world.view().await.unwrap().resumed);
}

#[tokio::test]
async fn attack_a_false_index_is_detected_by_asking_another_node() {
    for unread in UNREAD {
        let world = world().await;
        *world.cluster.unread.lock().unwrap() = unread;
        let node = 1;
        world
            .cluster
            .indices
            .lock()
            .unwrap()
            .insert(NodeId(node), u64::MAX);
        let viewed = world.view().await.unwrap();
        assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
        assert_eq!(world.debits(), 1);
    }
}

#[tokio::test]
async fn attack_false_indices_never_cost_a_charged_view() {
    // Given nodes that all return an index that does not exist,
    let world = world().await;
    for node in NODES {
        world.cluster.indices.lock().unwrap().insert(node, u64::MAX);
    }
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");

    // when they return the right one, then the view is resumed.
    world.cluster.indices.lock().unwrap().clear();
    let viewed = world.view().await.unwrap();
    assert!(viewed.resumed);
    assert_eq!(world.debits(), 1);
}

#[tokio::test]
async fn attack_a_false_refusal_of_a_recorded_debit_does_not_lose_the_view() {
    for code in [ErrorCode::UsedUp, ErrorCode::Revoked, ErrorCode::NotFound] {
        // Given nodes that charge the view and refuse it, both new and resumed,
        let world = world().await;
        let refusing = NODES.map(|node| (node, code));
        *world.cluster.refusing.lock().unwrap() = refusing.into();
        let refused = world.view().await.unwrap_err();
        let expected = ClusterError::from(ApiError::new(code, "no")).kind();
        assert_eq!(refused.kind(), expected);
        assert_eq!(world.view().await.unwrap_err().kind(), expected);
        assert_eq!(world.debits(), 1);

        // when another node answers, then the same view opens.
        world.cluster.refusing.lock().unwrap().clear();
        assert!(world.view().await.unwrap().resumed);
        assert_eq!(world.debits(), 1);
    }
}

#[tokio::test]
async fn a_refused_view_ends_when_it_lapses() {
    let world = world().await;
    for _ in 0..2 {
        let viewed = world.view().await.unwrap();
        world.finish(&viewed);
    }
    assert_eq!(world.view().await.unwrap_err().kind(), ErrorKind::UsedUp);
    assert!(world.begun().is_some());
    world.age(RESUME_WINDOW + LAPSE_MARGIN);
    assert_eq!(world.view().await.unwrap_err().kind(), ErrorKind::UsedUp);
    assert_eq!(world.begun(), None);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn attack_two_views_of_one_home_at_once_are_charged_once() {
    let world = world().await;
    let (one, other) = tokio::join!(world.view(), world.view());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.request, other.request);
    assert_eq!(world.debits(), 1);
}

#[test]
fn concurrent_views_share_one_pending_view() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let start = std::sync::Barrier::new(8);
    let begun: Vec<_> = std::thread::scope(|scope| {
        let begin_one = || {
            start.wait();
            create_or_resume(&world.vault, &world.me, &world.held, clock::now()).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin_one)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let kept = world.begun().unwrap();
    assert!(begun.iter().all(|(view, _)| *view == kept));
    assert_eq!(begun.iter().filter(|(_, resumed)| !resumed).count(), 1);
}

#[tokio::test]
async fn finishing_an_old_view_keeps_the_next_one() {
    let world = world().await;
    let first = world.view().await.unwrap();
    world.finish(&first);
    let second = world.view().await.unwrap();
    world.finish(&first);
    assert_eq!(world.begun().unwrap().request, second.request);
}

#[tokio::test]
async fn attack_an_altered_carrier_is_detected_before_the_charge() {
    let world = world().await;
    let blob = world.held.blob();
    let mut carrier = world
        .vault
        .get_blob(GrantHeld::CARRIERS, &blob)
        .unwrap()
        .unwrap();
    let middle = carrier.len() / 2;
    carrier[middle] ^= 0x10;
    world
        .vault
        .put_blob(GrantHeld::CARRIERS, &blob, &carrier)
        .unwrap();
    let refused = world.view().await.unwrap_err();
    assert!(
        refused.to_string().contains("no view was charged"),
        "{refused}"
    );
    assert_eq!(world.debits(), 0);
}

#[tokio::test]
async fn attack_another_viewers_carrier_is_detected_before_the_charge() {
    let mut world = world().await;
    world.me.sealing = vec![Secret::new([77; 32])];
    let refused = world.view().await.unwrap_err();
    assert!(matches!(refused, OpenError::ForSomebodyElse), "{refused}");
    assert_eq!(world.debits(), 0);
}

#[tokio::test]
async fn attack_one_node_does_not_hide_the_others() {
    // given a first node that says of all others that they are where it is
    let world = world().await;
    let first = NODES[0];
    *world.cluster.misleading.lock().unwrap() = Some(first);
    // and releases nothing itself
    world.one(first, Behaviour::NotDebited);
    // then the view opens with the parts of the others
    let viewed = world.view().await.unwrap();
    assert_eq!((viewed.number, world.debits()), (1, 1));
}

#[tokio::test]
async fn attack_one_node_does_not_deny_a_view() {
    for code in [ErrorCode::UsedUp, ErrorCode::Revoked, ErrorCode::NotFound] {
        // given a first node that refuses the debit
        let world = world().await;
        world
            .cluster
            .refusing
            .lock()
            .unwrap()
            .insert(NODES[0], code);
        // then another one is asked
        let viewed = world.view().await.unwrap();
        assert_eq!((viewed.number, world.debits()), (1, 1), "{code:?}");
    }
}
