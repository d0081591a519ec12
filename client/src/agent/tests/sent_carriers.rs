//! Carriers in `sent/`: kept while they may be sent, and no longer.

use cameo_common::peer::PeerRefusal;

use super::*;
use crate::agent::serve::Service;
use crate::flows::share::{SENT_KEPT, drop_sent};

/// A home with a grant, and its carrier.
fn sent(edit: impl Fn(&mut GrantOwned)) -> World {
    let world = alone();
    let mut grant = owned(Stage::Settled);
    grant.created = crate::clock::now();
    edit(&mut grant);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    world
        .vault()
        .put_blob(GrantOwned::CARRIERS, &grant.blob(), b"a carrier")
        .unwrap();
    world
}

fn carriers(world: &World) -> usize {
    let names = world.vault().list_blobs(GrantOwned::CARRIERS).unwrap();
    names.len()
}

#[tokio::test]
async fn a_carrier_goes_when_it_was_delivered_long_ago_or_its_grant_has_ended() {
    let now = crate::clock::now();
    type Edit = fn(&mut GrantOwned);
    let cases: [(Edit, Millis, usize); 6] = [
        (|_| {}, now, 1),
        (|_| {}, now.plus(2 * SENT_KEPT), 0),
        (|owned| owned.revoked = true, now, 0),
        (|owned| owned.expires = Some(Millis(1)), now, 0),
        (
            |owned| owned.stage = Stage::Recorded,
            now.plus(2 * SENT_KEPT),
            1,
        ),
        (
            |owned| {
                owned.stage = Stage::Recorded;
                owned.revoked = true;
            },
            now,
            0,
        ),
    ];
    for (number, (edit, at, left)) in cases.into_iter().enumerate() {
        let world = sent(edit);
        assert_eq!(drop_sent(world.vault(), at).unwrap(), 1 - left, "{number}");
        assert_eq!(carriers(&world), left, "{number}");
        assert_eq!(drop_sent(world.vault(), at).unwrap(), 0);
    }
}

#[tokio::test]
async fn a_carrier_that_is_not_kept_any_more_is_refused_and_not_promised() {
    // given a delivered grant whose carrier was removed
    let world = sent(|_| {});
    let grant = owned(Stage::Settled).grant;
    drop_sent(world.vault(), crate::clock::now().plus(2 * SENT_KEPT)).unwrap();
    keep_request(&world, IncomingState::Granted(grant));
    // when the viewer repeats the request
    let service = Service::new(world.core.clone());
    let asked = service.receive_request(&person("ada", OTHER), &signed_request(OTHER, ME, 1), "");
    // then
    let refused = asked.unwrap_err();
    assert_eq!(refused.code, PeerRefusal::Closed);
    assert!(refused.message.contains("not kept"), "{}", refused.message);
    assert_eq!(world.owned(grant).stage, Stage::Settled);
}
