//! Requests of users whom the operator has retired, and to those who are.

use std::future::ready;

use cameo_common::api::UserInfo;
use cameo_common::peer::{PeerCall, PeerRefusal, PeerReply, PeerRequest};

use super::*;
use crate::agent::serve::Service;
use crate::directory;
use crate::flows::request;
use crate::peer::Handler;

/// Device seed of the other party.
const DEVICE: [u8; 32] = [66; 32];

/// The directory's answer about Ada.
fn told(retired: Option<Millis>) -> UserInfo {
    UserInfo {
        card: Signed::new(&key(OTHER), card("ada", OTHER)),
        devices: Vec::new(),
        online: None,
        epoch: None,
        retired,
    }
}

/// A home with an image, whose node says this of Ada, whom it knows.
pub(crate) async fn with_ada(retired: Option<Millis>) -> World {
    let routes = Router::new().route("/v1/users/{name}", get(move || ready(Json(told(retired)))));
    let world = with_node(routes).await;
    let image = image(Policy::Open);
    world.vault().put(&IMAGE.to_string(), &image).unwrap();
    let ada = card("ada", OTHER);
    let signed = Signed::new(&key(OTHER), ada.clone());
    directory::pin(world.vault(), &signed, &ada).unwrap();
    world
}

async fn answer(world: &World, request: PeerRequest) -> PeerReply {
    let service = Service::new(world.core.clone());
    let certificate = DeviceCertificate {
        user: key(OTHER).public(),
        device: key(DEVICE).public(),
        sequence: 1,
        not_after: Millis::MAX,
    };
    let call = PeerCall {
        card: Signed::new(&key(OTHER), card("ada", OTHER)),
        certificate: Signed::new(&key(OTHER), certificate),
        request,
    };
    let device = key(DEVICE).public().0;
    service.handle(device, call, None).await.message
}

fn is_refused(reply: &PeerReply) -> bool {
    matches!(reply, PeerReply::Refused { code: PeerRefusal::Closed, message }
        if message.contains("retired"))
}

fn ask() -> PeerRequest {
    PeerRequest::Ask {
        request: signed_request(OTHER, ME, 1),
        note: String::new(),
    }
}

#[tokio::test]
async fn attack_a_retired_contact_gets_no_gallery_and_no_answer_to_a_request() {
    // given a contact who is not retired
    let world = with_ada(None).await;
    let gallery = PeerRequest::Gallery { after: None };
    let reply = answer(&world, gallery.clone()).await;
    assert!(matches!(reply, PeerReply::Gallery { .. }), "{reply:?}");
    // and one who is
    let world = with_ada(Some(Millis(1))).await;
    for request in [gallery, ask()] {
        let reply = answer(&world, request).await;
        assert!(is_refused(&reply), "{reply:?}");
    }
    let kept = world.vault().list::<Incoming>().unwrap();
    assert!(kept.is_empty(), "{kept:?}");
    // then what winds down is still received
    let reply = answer(&world, PeerRequest::Ping).await;
    assert!(matches!(reply, PeerReply::Pong), "{reply:?}");
}

#[tokio::test]
async fn a_contact_is_served_while_no_node_answers() {
    let world = alone();
    let ada = card("ada", OTHER);
    let signed = Signed::new(&key(OTHER), ada.clone());
    directory::pin(world.vault(), &signed, &ada).unwrap();
    let image = image(Policy::Open);
    world.vault().put(&IMAGE.to_string(), &image).unwrap();
    let reply = answer(&world, ask()).await;
    assert!(matches!(reply, PeerReply::Asked(_)), "{reply:?}");
}

#[tokio::test]
async fn attack_the_agent_of_a_retired_user_serves_nothing() {
    // given an agent whose session the cluster refuses, because its user is retired
    let world = with_ada(None).await;
    let refusal = ApiError::new(ErrorCode::Retired, "retired");
    world.core.refused.send_replace(Some(refusal.into()));
    // then it shows no gallery and takes no request
    for request in [PeerRequest::Gallery { after: None }, ask()] {
        let reply = answer(&world, request).await;
        assert!(is_refused(&reply), "{reply:?}");
    }
}

#[tokio::test]
async fn a_request_to_an_owner_who_is_retired_ends_with_the_reason() {
    // given a request that Ada's agent has begun to answer
    let world = with_ada(Some(Millis(1))).await;
    let ctx = &world.core.ctx;
    let sent = request::request(ctx, &somebody("ada"), IMAGE, String::new(), "").unwrap();
    change::<Outgoing>(world.vault(), &sent.request.to_string(), |kept| {
        kept.state = OutgoingState::Preparing;
    })
    .unwrap();
    // when it is looked at again
    let ended = request::end_those_to_retired(ctx).await.unwrap();
    // then it has ended, and says why
    assert_eq!(ended.len(), 1);
    let state = world.outgoing(sent.request).state;
    assert!(
        matches!(&state, OutgoingState::Denied(why) if why.contains("retired ada")),
        "{state:?}"
    );
    assert!(request::end_those_to_retired(ctx).await.unwrap().is_empty());
}
