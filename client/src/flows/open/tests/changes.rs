//! Views of grants whose nodes have changed, before and after they are dealt again.

use cameo_common::ids::NodeId;

use super::nodes::Behaviour;
use super::world::told_of;
use super::{NODES, PHOTO, world};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::open::{OpenError, check_holders};

#[tokio::test]
async fn a_view_is_opened_by_the_newest_deal_of_the_nodes_that_are_left() {
    let world = world().await;
    world.change_nodes(&[2, 3]);
    world.deal(world.dealt_again(2));
    world.cluster.asked.lock().unwrap().clear();
    assert_eq!(world.view().await.unwrap().photo.bytes.as_slice(), PHOTO);
    // the one that has left holds no part of that deal
    let asked = world.cluster.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|(node, _)| *node != NODES[0]), "{asked:?}");
}

#[tokio::test]
async fn a_client_that_holds_an_older_deal_asks_for_the_debit_again() {
    // given a grant that is dealt again while its debit is answered, by the word of each node
    let world = world().await;
    world.change_nodes(&[2, 3]);
    let first = world.deal(world.dealt_again(2));
    world.cluster.older_deals.lock().unwrap().push(first);
    // when the parts that are released do not fit the deal that the debit was answered with
    let viewed = world.view().await.unwrap();
    // then the next answer has the newest deal, and the view is charged once
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!((viewed.number, world.debits()), (1, 1));
}

#[tokio::test]
async fn in_a_cluster_of_one_node_the_same_node_is_asked_again() {
    let world = world().await;
    world.change_nodes(&[3]);
    let first = world.deal(world.dealt_again(2));
    world.cluster.older_deals.lock().unwrap().push(first);
    let viewed = world.view().await.unwrap();
    assert_eq!((viewed.photo.bytes.as_slice(), world.debits()), (PHOTO, 1));
}

#[tokio::test]
async fn attack_a_deal_that_a_node_answers_a_debit_with_again_and_again_opens_nothing() {
    // given a node that always answers with the deal before, while parts are of the newest
    let world = world().await;
    world.change_nodes(&[3]);
    let first = world.deal(world.dealt_again(2));
    *world.cluster.older_deals.lock().unwrap() = vec![first; 8];
    // then the view fails, is not charged twice, and is kept
    assert!(world.view().await.is_err());
    assert_eq!(world.debits(), 1);
    assert!(world.begun().is_some());
}

#[tokio::test]
async fn a_node_that_has_left_and_still_answers_gives_its_part() {
    // given a grant that is not dealt again, of whose nodes one is left
    let world = world().await;
    world.change_nodes(&[3]);
    // then the parts of the two others are taken where they still serve
    assert_eq!(world.view().await.unwrap().photo.bytes.as_slice(), PHOTO);
}

#[tokio::test]
async fn a_charged_view_of_too_few_holders_says_who_has_to_do_what_and_is_resumed_then() {
    // given a grant of whose nodes one is left, and the others are gone
    let world = world().await;
    world.change_nodes(&[3]);
    for gone in [1, 2] {
        world.one(NodeId(gone), Behaviour::Down);
    }
    // when a view of it is charged
    let error = world.view().await.unwrap_err();
    // then it is said that the owner has to deal it again
    let expected = OpenError::TooFewHolders {
        number: 1,
        owner: "ada".parse().unwrap(),
        left: 1,
        needed: 2,
    };
    assert_eq!(error.to_string(), expected.to_string());
    assert_eq!(error.kind(), ErrorKind::ClusterAway);
    // and the view is resumed once they have
    world.deal(world.dealt_again(2));
    let viewed = world.view().await.unwrap();
    assert!(viewed.resumed);
    assert_eq!((viewed.photo.bytes.as_slice(), world.debits()), (PHOTO, 1));
}

#[tokio::test]
async fn a_view_of_too_few_holders_is_not_charged_where_that_is_known_before() {
    let world = world().await;
    let deal = world.newest_deal();
    let check = async || check_holders(&world.api, &world.held, &deal).await;
    // given nodes that have not changed, then a view is charged
    world.api.newest_descriptor().await;
    check().await.unwrap();
    // when two of three are removed by force
    world.change_nodes(&[3]);
    let mut told = told_of(&world.held, world.held.rights.clone(), 0);
    told.deal = deal.clone();
    world.all_nodes_tell(told);
    world.api.newest_descriptor().await;
    // then it is not, and that is said
    let error = check().await.unwrap_err();
    assert!(error.to_string().contains("no view was charged"), "{error}");
    assert!(matches!(
        error,
        OpenError::NotDealtAgain {
            left: 1,
            needed: 2,
            ..
        }
    ));
    // and with enough of them left it is charged
    let other = super::world().await;
    other.change_nodes(&[2, 3]);
    other.api.newest_descriptor().await;
    check_holders(&other.api, &other.held, &other.newest_deal())
        .await
        .unwrap();
}

#[tokio::test]
async fn attack_one_node_that_shows_an_old_deal_keeps_no_view_from_its_charge() {
    // given a grant that was dealt again, and a node that shows the deal before
    let world = world().await;
    world.change_nodes(&[3]);
    let old = world.deal(world.dealt_again(2));
    let mut told = told_of(&world.held, world.held.rights.clone(), 0);
    told.deal = world.newest_deal();
    world.all_nodes_tell(told);
    world.api.newest_descriptor().await;
    // then the others are asked
    check_holders(&world.api, &world.held, &old).await.unwrap();
}
