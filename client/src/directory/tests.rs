//! Keys, cards, certificates and addresses, of which no older version is accepted.

#![allow(clippy::unwrap_used)]
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use axum::{Json, Router};
use cameo_common::api::{ClusterInfo, Online, UserInfo, paths};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::identity::{DeviceRevocation, EndpointRecord, UserCard};
use cameo_common::ids::{ClusterId, Hash, Millis, NodeId};
use cameo_common::registration::RegistrationMode;
use cameo_common::signed::Signed;
use cameo_common::statements::NodeAddress;

use super::resolve::accept;
use super::*;
use crate::cluster_api::mock_node::{MockPort, node_key};
use crate::cluster_api::{ClusterApi, Pinned};
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::Vault;
use crate::vault::records::Contact;
use crate::vault::{Home, Passphrase};
use cameo_common::identity::DeviceCertificate;
use cameo_common::keys::{PublicKey, SealingPublic, SigningKey};

fn card(seed: u8, sequence: u64) -> (Signed<UserCard>, UserCard) {
    let key = SigningKey::from_seed([seed; 32]);
    let card = UserCard {
        name: "bob".parse().unwrap(),
        key: key.public(),
        sealing: SealingPublic([1; 32]),
        sequence,
    };
    (Signed::new(&key, card.clone()), card)
}

fn vault() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
    (folder, vault)
}

#[test]
fn attack_another_key_under_a_known_name_is_refused_for_good() {
    let (_folder, vault) = vault();
    let (signed, first) = card(1, 1);
    assert!(pin(&vault, &signed, &first).unwrap());
    assert!(!pin(&vault, &signed, &first).unwrap());
    let (forged, other) = card(2, 9);
    let refused = pin(&vault, &forged, &other).unwrap_err();
    assert!(matches!(refused, PinError::KeyChanged(_)));
    assert_eq!(refused.kind(), ErrorKind::IdentityChanged);
    let kept = vault.get::<Contact>("bob").unwrap().unwrap();
    assert_eq!(kept.key, first.key);
}

#[test]
fn attack_an_older_card_from_the_directory_is_refused() {
    let (_folder, vault) = vault();
    let (new, newer) = card(1, 5);
    pin(&vault, &new, &newer).unwrap();
    let (old, older) = card(1, 4);
    assert!(matches!(
        pin(&vault, &old, &older),
        Err(PinError::OlderCard(_))
    ));
    let (next, latest) = card(1, 6);
    assert!(!pin(&vault, &next, &latest).unwrap());
    assert_eq!(vault.get::<Contact>("bob").unwrap().unwrap().sequence, 6);
}

/// The directory's answer about bob's only device: its certificate, and its address if any.
fn answer(certified: u64, endpoint: Option<(u64, &str)>) -> UserInfo {
    let (user, device) = (
        SigningKey::from_seed([1; 32]),
        SigningKey::from_seed([2; 32]),
    );
    let certificate = DeviceCertificate {
        user: user.public(),
        device: device.public(),
        sequence: certified,
        // Only the first one has not expired.
        not_after: if certified > 1 {
            Millis(1)
        } else {
            Millis::MAX
        },
    };
    let endpoint = endpoint.map(|(sequence, address)| EndpointRecord {
        device: device.public(),
        sequence,
        addresses: vec![address.to_owned()],
        relay: None,
    });
    UserInfo {
        card: card(1, 1).0,
        devices: vec![cameo_common::api::DeviceInfo {
            certificate: Signed::new(&user, certificate),
            endpoint: endpoint.map(|endpoint| Signed::new(&device, endpoint)),
            epoch: None,
            revocation: None,
        }],
        online: None,
        epoch: None,
        retired: None,
    }
}

fn reached(vault: &Vault, info: &UserInfo) -> Vec<String> {
    let person = accept(vault, &"bob".parse().unwrap(), info).unwrap();
    let direct = person.reach.addresses.iter().flat_map(|at| &at.direct);
    direct.map(ToString::to_string).collect()
}

#[test]
fn attack_an_older_address_of_a_device_is_refused() {
    let (_folder, vault) = vault();
    let (old, new) = ("10.0.0.1:1", "10.0.0.2:2");
    assert_eq!(reached(&vault, &answer(1, Some((4, old)))), [old]);
    assert_eq!(reached(&vault, &answer(1, Some((5, new)))), [new]);
    assert_eq!(reached(&vault, &answer(1, Some((4, old)))), [new]);
    // Also if none was reported in between.
    assert!(reached(&vault, &answer(1, None)).is_empty());
    assert_eq!(reached(&vault, &answer(1, Some((4, old)))), [new]);
}

#[test]
fn an_address_that_cannot_be_parsed_is_reported() {
    let (_folder, vault) = vault();
    let info = answer(1, Some((1, "no\nwhere")));
    let person = accept(&vault, &"bob".parse().unwrap(), &info).unwrap();
    assert!(person.reach.addresses.is_empty());
    assert_eq!(person.reach.unreadable, ["nowhere"]);
}

#[test]
fn attack_an_older_certificate_of_a_device_is_refused() {
    let (_folder, vault) = vault();
    let bob = "bob".parse().unwrap();
    let devices = |sequence| {
        let person = accept(&vault, &bob, &answer(sequence, None)).unwrap();
        person.devices.len()
    };
    assert_eq!(devices(1), 1);
    assert_eq!(devices(2), 0);
    assert_eq!(devices(1), 0);
}

/// The same answer with a revocation of the device, signed by the user or by somebody else.
fn revoked(by: &SigningKey) -> UserInfo {
    let mut info = answer(1, Some((1, "10.0.0.1:1")));
    let content = DeviceRevocation {
        user: by.public(),
        cluster: ClusterId([7; 32]),
        device: SigningKey::from_seed([2; 32]).public(),
        sequence: 2,
    };
    info.devices[0].revocation = Some(Signed::new(by, content));
    info
}

#[test]
fn attack_a_revoked_device_stays_refused_when_the_directory_hides_its_revocation() {
    let (_folder, vault) = vault();
    let bob = "bob".parse().unwrap();
    let device = SigningKey::from_seed([2; 32]).public();
    let before = answer(1, Some((1, "10.0.0.1:1")));
    assert_eq!(reached(&vault, &before).len(), 1);
    assert!(!is_revoked(&vault, &bob, &device).unwrap());
    // given a revocation that was seen once
    let seen = revoked(&SigningKey::from_seed([1; 32]));
    assert!(reached(&vault, &seen).is_empty());
    // when the directory leaves it out, or names a newer certificate
    for info in [before, answer(9, None)] {
        assert!(accept(&vault, &bob, &info).unwrap().devices.is_empty());
        assert!(reached(&vault, &info).is_empty());
    }
    assert!(is_revoked(&vault, &bob, &device).unwrap());
}

#[test]
fn attack_a_revocation_that_its_user_has_not_signed_is_ignored() {
    let (_folder, vault) = vault();
    let forged = revoked(&SigningKey::from_seed([9; 32]));
    assert_eq!(reached(&vault, &forged).len(), 1);
    let bob = "bob".parse().unwrap();
    let device = SigningKey::from_seed([2; 32]).public();
    assert!(!is_revoked(&vault, &bob, &device).unwrap());
}

/// A client of nodes, which say so of bob's retirement, or nothing; the first one is asked first.
/// Only the last one tells who is online.
async fn nodes(said: &[Option<Option<Millis>>]) -> ClusterApi {
    let identity = |number: u64| NodeIdentity {
        id: NodeId(number),
        key: node_key(number).public(),
        sealing: SealingPublic([2; 32]),
    };
    let (operator, mode) = (PublicKey([8; 32]), RegistrationMode::Open);
    let count = said.len() as u64;
    let identities = (1..=count).map(identity).collect();
    let descriptor = Descriptor::genesis(identities, operator, mode, Hash([3; 32]));
    let cluster = descriptor.founds().unwrap();
    let mut urls = Vec::new();
    for (number, says) in (1u64..).zip(said) {
        let port = MockPort::bind().await;
        let address = NodeAddress {
            key: node_key(number).public(),
            cluster,
            url: port.url.clone(),
            stated: Millis(1),
        };
        let info = ClusterInfo {
            schema: 1,
            cluster,
            descriptors: Descriptors::of_first(descriptor.clone()),
            address: Signed::new(&node_key(number), address),
            nodes: Vec::new(),
            now: crate::clock::now(),
        };
        let mut routes =
            Router::new().route(paths::CLUSTER, get(move || ready(Json(info.clone()))));
        if let Some(retired) = *says {
            let user = UserInfo {
                retired,
                ..answer(1, None)
            };
            routes = routes.route("/v1/users/{name}", get(move || ready(Json(user.clone()))));
        }
        if number == count {
            let online = Online { users: Vec::new() };
            routes = routes.route(paths::USERS, get(move || ready(Json(online.clone()))));
        }
        urls.push(port.url.clone());
        port.serve(number, routes);
    }
    let device = Arc::new(SigningKey::from_seed([7; 32]));
    let pinned = Pinned {
        cluster,
        nodes: urls,
    };
    ClusterApi::with_deadline(pinned, device, Duration::from_millis(500)).unwrap()
}

#[tokio::test]
async fn attack_one_nodes_word_retires_nobody() {
    let (_folder, vault) = vault();
    let bob = "bob".parse().unwrap();
    let (yes, no) = (Some(Some(Millis(1))), Some(None));
    let cases: [(&[_], bool); 7] = [
        (&[no, no], false),
        (&[yes, no], false),
        (&[yes, yes], true),
        (&[yes], true),
        // nor if no other one says anything
        (&[yes, None, None], false),
        (&[yes, None, no], false),
        (&[yes, None, yes], true),
    ];
    for (said, retired) in cases {
        let api = nodes(said).await;
        let found = look_up_active(&api, &vault, &bob).await;
        let refused = matches!(found, Err(DirectoryError::Retired(_)));
        assert_eq!(refused, retired, "{said:?}");
    }
}

#[tokio::test]
async fn attack_one_nodes_word_that_a_user_is_retired_is_not_its_own_second_opinion() {
    // given a node that says so, and another one that has answered last when it is doubted
    let (_folder, vault) = vault();
    let bob = "bob".parse().unwrap();
    let api = nodes(&[Some(Some(Millis(1))), Some(None), Some(None)]).await;
    let found = look_up(&api, &vault, &bob).await.unwrap();
    assert_eq!(found.retired, Some(Millis(1)));
    api.online().await.unwrap();
    // then the first one is not asked about itself
    assert!(!is_retired(&api, &found).await);
}
