//! Requests of devices that their user has revoked.

use std::future::ready;

use cameo_common::api::{DeviceInfo, UserInfo};
use cameo_common::identity::DeviceRevocation;
use cameo_common::peer::{PeerCall, PeerRefusal, PeerReply, PeerRequest};

use super::*;
use crate::agent::serve::Service;
use crate::directory;
use crate::peer::Handler;

/// Device seed of the other party.
const DEVICE: [u8; 32] = [66; 32];

fn certificate(sequence: u64) -> Signed<DeviceCertificate> {
    let content = DeviceCertificate {
        user: key(OTHER).public(),
        device: key(DEVICE).public(),
        sequence,
        not_after: Millis::MAX,
    };
    Signed::new(&key(OTHER), content)
}

/// The directory's answer about Ada, whose device is revoked.
fn revoked() -> UserInfo {
    let content = DeviceRevocation {
        user: key(OTHER).public(),
        cluster: descriptor().founds().unwrap(),
        device: key(DEVICE).public(),
        sequence: 2,
    };
    UserInfo {
        card: Signed::new(&key(OTHER), card("ada", OTHER)),
        devices: vec![DeviceInfo {
            certificate: certificate(1),
            endpoint: None,
            epoch: None,
            revocation: Some(Signed::new(&key(OTHER), content)),
        }],
        online: None,
        epoch: None,
        retired: None,
    }
}

async fn ping(service: &Service, sequence: u64) -> PeerReply {
    let call = PeerCall {
        card: Signed::new(&key(OTHER), card("ada", OTHER)),
        certificate: certificate(sequence),
        request: PeerRequest::Ping,
    };
    let device = key(DEVICE).public().0;
    service.handle(device, call, None).await.message
}

#[tokio::test]
async fn attack_a_revoked_device_is_not_served_once_its_user_was_looked_up() {
    // given a contact whose device was served before
    let routes = Router::new().route("/v1/users/{name}", get(|| ready(Json(revoked()))));
    let world = with_node(routes).await;
    let ada = card("ada", OTHER);
    let signed = Signed::new(&key(OTHER), ada.clone());
    directory::pin(world.vault(), &signed, &ada).unwrap();
    let service = Service::new(world.core.clone());
    assert!(matches!(ping(&service, 1).await, PeerReply::Pong));
    // when Ada is looked up
    let ctx = &world.core.ctx;
    let found = directory::look_up(&ctx.api, &ctx.vault, &ada.name).await;
    assert!(found.unwrap().devices.is_empty());
    // then it is refused, also with a newer certificate
    for sequence in [1, 9] {
        let reply = ping(&service, sequence).await;
        assert!(
            matches!(&reply, PeerReply::Refused { code: PeerRefusal::NotAccepted, message }
                if message.contains("revoked")),
            "{reply:?}"
        );
    }
}
