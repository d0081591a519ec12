//! Views against a cluster of our own making: real keys and statements, and failures on demand.

#![allow(clippy::unwrap_used)]

mod nodes;
mod world;

use cameo_common::api::{ApiError, ErrorCode, RESUME};
use cameo_common::ids::NodeId;

use self::nodes::{Manner, UNREAD};
use super::charge::{LAPSE_MARGIN, begin};
use super::{OpenError, pending};
use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::records::{GrantHeld, Secret};

pub(crate) use world::world;

pub(crate) const PHOTO: &[u8] = b"any bytes can be a photo";
const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

#[tokio::test]
async fn a_view_opens_the_photo_bit_for_bit_and_is_charged_once() {
    let world = world().await;
    let viewed = world.view().await.unwrap();
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!((viewed.used, viewed.left, viewed.resumed), (1, 1, false));
    world.end(&viewed);
    assert_eq!(world.view().await.unwrap().number, 2);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn an_interrupted_view_is_taken_up_again_and_not_charged_twice() {
    // Given a view that was charged, and no node that releases anything.
    let world = world().await;
    world.all(Manner::Down);
    let failed = world.view().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ClusterAway, "{failed}");
    assert_eq!(world.debits(), 1);
    let begun = pending(&world.vault, &world.held).unwrap().unwrap();

    // When the nodes are back and it is viewed again,
    world.all(Manner::Honest);
    let viewed = world.view().await.unwrap();

    // then it is the same view.
    assert!(viewed.resumed);
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!(viewed.used, 1);
    assert_eq!(*world.cluster.debits.lock().unwrap(), [begun.request]);

    // Shown, the next one is new.
    world.end(&viewed);
    assert!(!world.view().await.unwrap().resumed);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn a_node_that_lies_or_is_down_is_passed_over() {
    for (node, manner) in [
        (1, Manner::Lying),
        (2, Manner::Down),
        (1, Manner::NotDebited),
    ] {
        let world = world().await;
        world.one(NodeId(node), manner);
        let viewed = world.view().await.unwrap();
        assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    }
}

#[tokio::test]
async fn two_liars_of_three_open_nothing() {
    let world = world().await;
    world.one(NodeId(1), Manner::Lying);
    world.one(NodeId(2), Manner::Lying);
    assert!(world.view().await.is_err());
    assert!(pending(&world.vault, &world.held).unwrap().is_some());
}

#[tokio::test]
async fn a_view_that_lapsed_is_said_to_be_and_the_next_is_new() {
    // Given a view that was charged, and that no node releases,
    let world = world().await;
    world.all(Manner::NotDebited);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");
    let begun = world.begun().unwrap();

    // when its time is almost over, then it is kept;
    world.age(RESUME);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");
    assert_eq!(world.begun().unwrap().request, begun.request);

    // when it is over, then it is not.
    world.age(LAPSE_MARGIN);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::Lapsed { .. }), "{failed}");
    assert_eq!(world.begun(), None);
    world.all(Manner::Honest);
    assert!(!world.view().await.unwrap().resumed);
}

#[tokio::test]
async fn a_node_that_lies_about_the_index_is_found_out_by_asking_another() {
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
async fn false_indices_never_cost_a_charged_view() {
    // Given that all nodes that are asked tell an index that does not exist,
    let world = world().await;
    for node in NODES {
        world.cluster.indices.lock().unwrap().insert(node, u64::MAX);
    }
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");

    // when they tell the right one, then the view is still there to be taken up.
    world.cluster.indices.lock().unwrap().clear();
    let viewed = world.view().await.unwrap();
    assert!(viewed.resumed);
    assert_eq!(world.debits(), 1);
}

#[tokio::test]
async fn a_nodes_no_to_a_debit_that_it_made_does_not_cost_the_view() {
    for code in [ErrorCode::UsedUp, ErrorCode::Revoked, ErrorCode::NotFound] {
        // Given a node that has the view charged and says no, to a new one and to one taken up,
        let world = world().await;
        world
            .cluster
            .refusing
            .lock()
            .unwrap()
            .insert(NodeId(1), code);
        let refused = world.view().await.unwrap_err();
        let expected = ClusterError::from(ApiError::new(code, "no")).kind();
        assert_eq!(refused.kind(), expected);
        assert_eq!(world.view().await.unwrap_err().kind(), expected);
        assert_eq!(world.debits(), 1);

        // when another answers, then it is that view that opens.
        world.cluster.refusing.lock().unwrap().clear();
        assert!(world.view().await.unwrap().resumed);
        assert_eq!(world.debits(), 1);
    }
}

#[tokio::test]
async fn a_refused_view_ends_with_its_time() {
    let world = world().await;
    for _ in 0..2 {
        let viewed = world.view().await.unwrap();
        world.end(&viewed);
    }
    assert_eq!(world.view().await.unwrap_err().kind(), ErrorKind::UsedUp);
    assert!(world.begun().is_some());
    world.age(RESUME + LAPSE_MARGIN);
    assert_eq!(world.view().await.unwrap_err().kind(), ErrorKind::UsedUp);
    assert_eq!(world.begun(), None);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn two_views_at_once_are_one_view() {
    let world = world().await;
    let (one, other) = tokio::join!(world.view(), world.view());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.request, other.request);
    assert_eq!(world.debits(), 1);
}

#[test]
fn of_many_that_begin_at_once_all_hold_the_same_secret() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let start = std::sync::Barrier::new(8);
    let begun: Vec<_> = std::thread::scope(|scope| {
        let begin_one = || {
            start.wait();
            begin(&world.vault, &world.me, &world.held).unwrap()
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
async fn what_was_shown_late_does_not_end_the_view_that_came_after() {
    let world = world().await;
    let first = world.view().await.unwrap();
    world.end(&first);
    let second = world.view().await.unwrap();
    world.end(&first);
    assert_eq!(world.begun().unwrap().request, second.request);
}

#[tokio::test]
async fn a_carrier_that_was_altered_is_found_out_before_the_charge() {
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
        refused.to_string().contains("nothing was charged"),
        "{refused}"
    );
    assert_eq!(world.debits(), 0);
}

#[tokio::test]
async fn another_persons_carrier_is_found_out_before_the_charge() {
    let mut world = world().await;
    world.me.sealing = vec![Secret::new([77; 32])];
    let refused = world.view().await.unwrap_err();
    assert!(matches!(refused, OpenError::ForSomebodyElse), "{refused}");
    assert_eq!(world.debits(), 0);
}
