//! Later deals of a grant, and the grants that need one, while the nodes have not changed.

use cameo_common::api::{GrantsToDealAgain, PutDeal, paths};
use cameo_common::ids::GrantId;
use cameo_common::signed::Signed;
use cameo_common::statements::Deal;

use crate::http::Answer;
use crate::person::{Person, Shared};
use crate::world::World;

async fn put(world: &World, by: &Person, path: &GrantId, deal: Signed<Deal>) -> Answer {
    let path = paths::fill(paths::DEALS, path);
    by.command(world, 2, &path, &PutDeal { deal }).await
}

async fn a_grant(world: &World) -> (Person, Person, Shared) {
    let ada = Person::registered(world, "ada").await;
    let bob = Person::registered(world, "bob").await;
    let shared = ada.share(world, &bob, b"photo", 2).await;
    (ada, bob, shared)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deal_is_a_command_of_the_owner_for_the_grant_in_the_path() {
    let world = World::new(3).await;
    let (ada, bob, shared) = a_grant(&world).await;
    let grant = shared.grant;
    let newest = Signed::new(&ada.identity, shared.deal.clone());

    // The newest deal again changes nothing.
    let answer = put(&world, &ada, &grant, newest.clone()).await;
    assert_eq!(
        (answer.status, answer.json()["done"].as_bool()),
        (200, Some(true))
    );

    // There is no second one to the same nodes.
    let next = Deal {
        number: 2,
        ..shared.deal.clone()
    };
    let next = Signed::new(&ada.identity, next);
    let answer = put(&world, &ada, &grant, next.clone()).await;
    assert_eq!(answer.code(), "bad_deal");

    // It is the owner's to make, for the grant in the path, with the owner's own signature.
    assert_eq!(put(&world, &bob, &grant, next.clone()).await.status, 403);
    let other = GrantId([7; 32]);
    assert_eq!(put(&world, &ada, &other, next).await.code(), "mismatch");
    let mut forged = newest.as_bytes().to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let answer = put(&world, &ada, &grant, Signed::from_bytes(forged)).await;
    assert_ne!(answer.status, 200);

    // And what the device has signed, not another deal.
    let path = paths::fill(paths::DEALS, &grant);
    let body = PutDeal {
        deal: newest.clone(),
    };
    let signed = PutDeal {
        deal: Signed::from_bytes(vec![1]),
    };
    let op = (&signed).into();
    let answer = ada.command_of(&world, 1, &path, &body, &op).await;
    assert_eq!(answer.code(), "not_authenticated");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_grant_needs_a_new_deal_while_the_nodes_are_the_same() {
    let world = World::new(3).await;
    let (ada, _, shared) = a_grant(&world).await;
    let path = paths::GRANTS_TO_DEAL_AGAIN;
    let page: GrantsToDealAgain = ada.get(&world, 3, path).await.read();
    assert_eq!((page.grants, page.next), (vec![], None));
    let after = format!("{path}?after={}", shared.grant);
    assert_eq!(ada.get(&world, 1, &after).await.status, 200);
    let unknown = format!("{path}?surprise=1");
    assert_eq!(ada.get(&world, 1, &unknown).await.code(), "bad_request");
    // A stranger has no list.
    let eve = Person::new("eve");
    assert_ne!(eve.get(&world, 1, path).await.status, 200);
}
