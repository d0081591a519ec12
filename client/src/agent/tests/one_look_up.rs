//! The answer of one node of three to a look-up: it ends no request.

use std::future::ready;

use cameo_common::api::{UserInfo, paths};

use super::*;
use crate::directory::{self, DirectoryError};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::request::{self, RequestError};
use crate::vault::records::Contact;

/// The user's card, by the owner of this seed.
fn shown(name: &str, seed: [u8; 32], sequence: u64) -> Signed<UserCard> {
    let card = UserCard {
        sequence,
        ..card(name, seed)
    };
    Signed::new(&key(seed), card)
}

/// A node that shows this card for each name.
fn shows(card: Signed<UserCard>) -> Router {
    let info = UserInfo {
        card,
        devices: Vec::new(),
        online: None,
        epoch: None,
        retired: None,
    };
    Router::new().route(paths::USER, get(move || ready(Json(info.clone()))))
}

/// A home that has pinned Ada's second card, and asks these nodes.
async fn home(nodes: Vec<Router>) -> World {
    let world = with_nodes(nodes).await;
    let signed = shown("ada", OTHER, 2);
    directory::pin(world.vault(), &signed, &signed.verify().unwrap()).unwrap();
    world
}

async fn look_up(nodes: Vec<Router>) -> Result<directory::ResolvedUser, DirectoryError> {
    let world = home(nodes).await;
    let ctx = &world.core.ctx;
    directory::look_up(&ctx.api, &ctx.vault, &"ada".parse().unwrap()).await
}

/// What a node may show in place of Ada's second card.
fn lies() -> [Signed<UserCard>; 4] {
    let mut forged = shown("ada", OTHER, 2).as_bytes().to_vec();
    forged[0] ^= 1;
    [
        shown("ada", STRANGER, 2),
        shown("ada", OTHER, 1),
        shown("eve", STRANGER, 1),
        Signed::from_bytes(forged),
    ]
}

#[tokio::test]
async fn attack_one_nodes_false_card_is_replaced_by_another_nodes() {
    for lie in lies() {
        // given a node that is asked first and lies, and two that do not
        let honest = || shows(shown("ada", OTHER, 2));
        // when a known user is looked up
        let found = look_up(vec![shows(lie), honest(), honest()]).await;
        // then they are found under their own key
        assert_eq!(found.unwrap().card.key, key(OTHER).public());
    }
}

#[tokio::test]
async fn attack_one_nodes_false_card_ends_no_request() {
    for lie in lies() {
        // given a request to Ada, a node that lies, and two that cannot be asked about users
        let world = home(vec![shows(lie), Router::new(), Router::new()]).await;
        let outgoing = Outgoing {
            request: RequestId([7; 16]),
            owner: "ada".parse().unwrap(),
            owner_key: key(OTHER).public(),
            image: IMAGE,
            title: String::new(),
            signed: signed_request(ME, OTHER, 7),
            note: String::new(),
            asked_at: Millis(1),
            state: OutgoingState::Signed,
        };
        // when it is sent
        let ctx = &world.core.ctx;
        let error = request::ask(ctx, &world.core.peers, &outgoing).await;
        // then it is to be sent again, as when no node answers
        let error = error.unwrap_err();
        assert!(matches!(error, RequestError::Directory(_)), "{error}");
        assert_eq!(error.kind(), ErrorKind::ClusterAway, "{error}");
    }
}

#[tokio::test]
async fn a_key_that_enough_nodes_show_is_another_one() {
    let other = || shows(shown("ada", STRANGER, 2));
    let found = look_up(vec![other(), Router::new(), other()]).await;
    let error = found.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityChanged, "{error}");
}

/// The key that a home pins for Ada, whom it does not know.
async fn first_contact(nodes: Vec<Router>) -> (Result<PublicKey, DirectoryError>, bool) {
    let world = with_nodes(nodes).await;
    let ctx = &world.core.ctx;
    let found = directory::look_up(&ctx.api, &ctx.vault, &"ada".parse().unwrap()).await;
    let pinned = world.vault().get::<Contact>("ada").unwrap();
    (found.map(|person| person.card.key), pinned.is_some())
}

#[tokio::test]
async fn attack_one_node_gives_no_key_of_its_own_at_first_contact() {
    let honest = || shows(shown("ada", OTHER, 2));
    let liar = || shows(shown("ada", STRANGER, 1));
    // given a node that is asked first and shows another key, and two that do not
    let (found, pinned) = first_contact(vec![liar(), honest(), honest()]).await;
    // then the key of the others is pinned
    assert_eq!((found.unwrap(), pinned), (key(OTHER).public(), true));
    // and none, while the others cannot be asked
    let (found, pinned) = first_contact(vec![liar(), Router::new(), Router::new()]).await;
    assert_eq!(found.unwrap_err().kind(), ErrorKind::ClusterAway);
    assert!(!pinned);
}
