//! A new device key of a home, at nodes of which one may lie.

#![allow(clippy::unwrap_used)]

use std::future::ready;

use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_common::api::{Registered, paths};
use parking_lot::Mutex;

use super::*;
use crate::agent::tests::meanwhile::{Meanwhile, damage};
use crate::agent::tests::{ME, World, no, person, with_nodes};

/// The certificates that the ledger has.
type Ledger = Arc<Mutex<Vec<Signed<DeviceCertificate>>>>;

fn registered() -> Json<Registered> {
    Json(Registered { created: true })
}

/// The directory's answer with these devices.
fn info(certificates: &[Signed<DeviceCertificate>]) -> UserInfo {
    let card = person("ben", ME).card;
    let device = |certificate: &Signed<DeviceCertificate>| DeviceInfo {
        certificate: certificate.clone(),
        endpoint: None,
        epoch: None,
        revocation: None,
    };
    UserInfo {
        card: Signed::new(&SigningKey::from_seed(ME), card),
        devices: certificates.iter().map(device).collect(),
        online: None,
        epoch: None,
        retired: None,
    }
}

/// A node that registers devices, and shows those that are.
fn honest(ledger: &Ledger) -> Router {
    recording(ledger, || {})
}

/// The same, while this happens.
fn recording(ledger: &Ledger, meanwhile: impl Fn() + Clone + Send + Sync + 'static) -> Router {
    let (written, read) = (Arc::clone(ledger), Arc::clone(ledger));
    let register = post(move |Json(body): Json<Register>| {
        written.lock().push(body.certificate);
        meanwhile();
        ready(registered())
    });
    Router::new()
        .route(paths::USERS, register)
        .route(paths::USER, get(move || ready(Json(info(&read.lock())))))
}

/// A node that answers that a device is registered, and shows it, and does nothing.
fn liar() -> Router {
    let claimed = Ledger::default();
    honest(&claimed)
}

/// A node without a majority.
fn cut_off() -> Router {
    let away = || ready(no(ErrorCode::NoQuorum).into_response());
    Router::new()
        .route(paths::USERS, post(away))
        .route(paths::USER, get(away))
}

fn device_of(world: &World) -> PublicKey {
    let kept = world.vault().get::<Identity>(Identity::ID).unwrap();
    kept.unwrap().device_key().public()
}

#[tokio::test]
async fn attack_one_nodes_word_that_a_device_is_registered_costs_no_home_its_key() {
    // given a node that answers falsely that a device is registered, and two without a majority
    let world = with_nodes(vec![liar(), cut_off(), cut_off()]).await;
    let before = device_of(&world);
    // when the home is to get a new key
    let refused = renew(&world.core.ctx).await.unwrap_err();
    // then it keeps the old one, and that is said
    assert_eq!(device_of(&world), before);
    assert_eq!(refused.kind(), ErrorKind::ClusterAway, "{refused}");
    assert!(
        refused.to_string().contains("keeps its device"),
        "{refused}"
    );
}

#[tokio::test]
async fn attack_a_registration_that_a_liar_kept_to_itself_is_told_to_the_others() {
    // given a node that answers falsely that a device is registered, and two honest ones
    let ledger = Ledger::default();
    let world = with_nodes(vec![liar(), honest(&ledger), honest(&ledger)]).await;
    // when the home gets a new key
    let renewed = renew(&world.core.ctx).await.unwrap();
    // then the ledger has it
    assert_eq!(device_of(&world), renewed.device);
    let known = ledger.lock();
    let of_new =
        |signed: &Signed<DeviceCertificate>| signed.verify().unwrap().device == renewed.device;
    assert!(known.iter().any(of_new));
}

#[tokio::test]
async fn a_new_device_whose_key_the_home_cannot_store_is_said_to_be_registered() {
    let remove: fn(&Vault) = |vault| {
        vault.delete::<Identity>(Identity::ID).unwrap();
    };
    for (act, says) in [
        (remove, "its identity was removed meanwhile"),
        (damage::<Identity>, "is damaged"),
    ] {
        // given a home that loses its identity while the nodes register a new device
        let meanwhile = Meanwhile::of(act);
        let ledger = Ledger::default();
        let node = || {
            let meanwhile = meanwhile.clone();
            recording(&ledger, move || meanwhile.happen())
        };
        let world = with_nodes(vec![node(), node(), node()]).await;
        meanwhile.happens_to(&world);
        // when it is to get a new key
        let told = renew(&world.core.ctx).await.unwrap_err().to_string();
        // then the device is named as registered, and is to be revoked where a command can run
        let device = ledger.lock()[0].verify().unwrap().device;
        let registered = format!("the new device {device} is registered");
        assert!(told.contains(&registered), "{told}");
        assert!(told.contains(says), "{told}");
        let revoke = format!("`cameo device revoke {device}`");
        let elsewhere = format!("{revoke} in another home of yours, or restore this one first");
        assert!(told.contains(&elsewhere), "{told}");
        assert!(!told.contains("keeps its device"), "{told}");
        assert!(!told.contains("nothing was changed"), "{told}");
    }
}

#[test]
fn a_home_that_keeps_its_identity_is_told_to_revoke_the_new_device_itself() {
    let device = PublicKey([1; 32]);
    let why = VaultError::Busy("home".into()).into();
    let told = DeviceError::Unstored { device, why }.to_string();
    assert!(told.contains("It keeps its device before"), "{told}");
    assert!(!told.contains("another home"), "{told}");
}
