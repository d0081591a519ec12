//! Events from a node, which are accepted only with the right signatures.

use std::future::ready;

use cameo_common::api::{Event, EventKind};
use cameo_common::ids::Millis;
use cameo_common::statements::{Receipt, RightsAck};

use super::*;
use crate::agent::events::{TOKEN, process, read};
use crate::vault::records::EventToken;

fn with_grant(grant: &GrantOwned) -> World {
    let world = alone();
    world.vault().put(&grant.grant.to_string(), grant).unwrap();
    world
}

async fn hear(world: &World, kind: EventKind) {
    let event = Event {
        sequence: 1,
        at: Millis(1),
        kind,
    };
    process(&world.core, &event).await.unwrap();
}

fn receipt(seed: [u8; 32], grant: GrantId, carrier: Hash) -> Signed<Receipt> {
    let receipt = Receipt {
        viewer: key(seed).public(),
        grant,
        carrier,
        received_at: Millis(1),
    };
    Signed::new(&key(seed), receipt)
}

#[tokio::test]
async fn attack_only_the_viewers_receipt_for_this_carrier_settles_a_grant() {
    let grant = owned(Stage::Recorded);
    let good = receipt(OTHER, grant.grant, grant.carrier);
    let mut forged = good.as_bytes().to_vec();
    forged[0] ^= 1;
    for (what, bad) in [
        ("forged", Signed::from_bytes(forged)),
        (
            "a stranger's",
            receipt(STRANGER, grant.grant, grant.carrier),
        ),
        (
            "another grant's",
            receipt(OTHER, GrantId([8; 32]), grant.carrier),
        ),
        (
            "another carrier's",
            receipt(OTHER, grant.grant, Hash([8; 32])),
        ),
    ] {
        let world = with_grant(&grant);
        let told = EventKind::Received {
            grant: grant.grant,
            receipt: bad,
        };
        hear(&world, told).await;
        assert_eq!(world.owned(grant.grant), grant, "{what}");
    }
    let world = with_grant(&grant);
    let told = EventKind::Received {
        grant: grant.grant,
        receipt: good.clone(),
    };
    hear(&world, told).await;
    let kept = world.owned(grant.grant);
    assert_eq!(kept.stage, Stage::Settled);
    assert_eq!(kept.receipt, Some(good));
}

#[tokio::test]
async fn a_repeated_receipt_does_not_stop_a_carrier_that_is_sent_again() {
    let mut grant = owned(Stage::Recorded);
    let first = receipt(OTHER, grant.grant, grant.carrier);
    grant.receipt = Some(first.clone());
    let world = with_grant(&grant);
    let told = EventKind::Received {
        grant: grant.grant,
        receipt: first,
    };
    hear(&world, told).await;
    assert_eq!(world.owned(grant.grant).stage, Stage::Recorded);
}

#[tokio::test]
async fn attack_a_version_that_was_never_signed_is_not_acknowledged() {
    let mut grant = owned(Stage::Settled);
    grant.version = 3;
    let world = with_grant(&grant);
    for (told, kept) in [(u64::MAX, 0), (4, 0), (3, 3), (2, 3)] {
        hear(&world, acknowledged(OTHER, grant.grant, told)).await;
        assert_eq!(world.owned(grant.grant).acknowledged, kept);
    }
}

fn acknowledged(seed: [u8; 32], grant: GrantId, version: u64) -> EventKind {
    let ack = RightsAck {
        viewer: key(seed).public(),
        grant,
        version,
    };
    let ack = Signed::new(&key(seed), ack);
    EventKind::Acknowledged { grant, ack }
}

#[tokio::test]
async fn attack_no_node_acknowledges_rights_for_the_viewer() {
    let mut grant = owned(Stage::Settled);
    grant.version = 3;
    let world = with_grant(&grant);
    let EventKind::Acknowledged { ack, .. } = acknowledged(OTHER, grant.grant, 3) else {
        unreachable!()
    };
    let mut forged = ack.as_bytes().to_vec();
    forged[0] ^= 1;
    let ack = Signed::from_bytes(forged);
    let EventKind::Acknowledged { ack: elsewhere, .. } = acknowledged(OTHER, GrantId([8; 32]), 3)
    else {
        unreachable!()
    };
    let id = grant.grant;
    for told in [
        EventKind::Acknowledged { grant: id, ack },
        acknowledged(STRANGER, id, 3),
        EventKind::Acknowledged {
            grant: id,
            ack: elsewhere,
        },
    ] {
        hear(&world, told).await;
        assert_eq!(world.owned(id).acknowledged, 0);
    }
}

#[tokio::test]
async fn a_sequence_beyond_the_last_event_is_reset() {
    for (code, kept) in [
        (ErrorCode::BadRequest, 0),
        (ErrorCode::NoQuorum, u64::MAX),
        (ErrorCode::SessionEnded, u64::MAX),
    ] {
        let routes = Router::new().route("/v1/events", get(move || ready(no(code))));
        let world = with_node(routes).await;
        let poisoned = EventToken { sequence: u64::MAX };
        world.vault().put(TOKEN, &poisoned).unwrap();
        read(&world.core).await.unwrap_err();
        let token: EventToken = world.vault().get(TOKEN).unwrap().unwrap();
        assert_eq!(token.sequence, kept, "{code:?}");
    }
}
