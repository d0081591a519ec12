//! Deliveries: accepted for a request of this user, refused if they do not fit it.

use std::path::PathBuf;

use cameo_codec::{Channels, CodecKey, HideOptions, Picture, hide};
use cameo_common::ids::Millis;
use cameo_common::peer::{Delivery, PeerRefusal};
use cameo_common::sealing::{PhotoInfo, seal_photo};
use cameo_common::statements::{Manifest, Receipt, grant_id};

use super::*;
use crate::agent::serve::{Refusal, Service};
use crate::clock;
use crate::flows::receive::MAX_PARTS;
use crate::peer::Content;
use crate::vault::records::EarlierCluster;

const REQUEST: RequestId = RequestId([1; 16]);
const CODEC_KEY: [u8; 32] = [6; 32];

/// A delivery of the other party for request 1, and its carrier.
#[derive(Clone)]
struct Parcel {
    grant: GrantId,
    manifest: Manifest,
    delivery: Delivery,
    carrier: Vec<u8>,
}

fn asking(state: OutgoingState) -> World {
    let world = alone();
    let outgoing = Outgoing {
        request: REQUEST,
        owner: "ada".parse().unwrap(),
        owner_key: key(OTHER).public(),
        image: IMAGE,
        title: "t".into(),
        signed: signed_request(ME, OTHER, 1),
        note: String::new(),
        asked_at: Millis(1),
        state,
    };
    world.vault().put(&REQUEST.to_string(), &outgoing).unwrap();
    world
}

fn parcel(nonce: u8) -> Parcel {
    let (owner, viewer) = (key(OTHER).public(), key(ME).public());
    let nonce = Hash([nonce; 32]);
    let request = signed_request(ME, OTHER, 1).hash();
    let grant = grant_id(&owner, &viewer, &IMAGE, &nonce, &request);
    let info = PhotoInfo {
        name: "photo.jpg".into(),
        media_type: "image/jpeg".into(),
    };
    let viewer_sealing = SealingSecret::from_bytes(SEALING).public();
    let sealed = seal_photo(&mut clock::rng(), &grant, &viewer_sealing, &info, b"photo").unwrap();
    let cover = Picture::new(64, 64, Channels::Rgb, vec![128; 64 * 64 * 3]).unwrap();
    let cover = cameo_codec::png::write(&cover);
    let codec_key = CodecKey::from_bytes(CODEC_KEY);
    let carrier = hide(&cover, &sealed.payload, &codec_key, &HideOptions::default()).unwrap();
    let manifest = Manifest {
        owner,
        owner_name: "ada".parse().unwrap(),
        viewer,
        viewer_name: "ben".parse().unwrap(),
        viewer_sealing,
        cluster: descriptor().founds().unwrap(),
        image: IMAGE,
        nonce,
        request,
        payload: sealed.payload_hash,
        payload_length: sealed.payload.len() as u64,
        key_commitment: sealed.key_commitment,
    };
    Parcel {
        grant,
        delivery: Delivery {
            manifest: Signed::new(&key(OTHER), manifest.clone()),
            rights: rights(OTHER, grant, 1),
            codec_key: CODEC_KEY,
            carrier: Hash::of(&carrier),
            carrier_length: carrier.len() as u64,
            offset: carrier.len() as u64,
            request: REQUEST,
            media_type: "image/jpeg".to_owned(),
        },
        manifest,
        carrier,
    }
}

impl Parcel {
    fn content(&self) -> Content {
        Content::of(&self.carrier)
    }

    /// Stores the whole carrier as a finished transfer, so that the delivery needs no body.
    fn transfer(&self, world: &World) {
        std::fs::write(self.part(world), &self.carrier).unwrap();
    }

    async fn offer(&self, world: &World) -> Result<u64, Refusal> {
        let from = person("ada", OTHER);
        let service = Service::new(world.core.clone());
        let offered = service.receiver(&from);
        Ok(offered
            .wanted(&REQUEST, &self.grant, self.content())
            .await?)
    }

    async fn deliver(&self, world: &World) -> Result<Receipt, Refusal> {
        let from = person("ada", OTHER);
        let service = Service::new(world.core.clone());
        let receipt = service.receiver(&from).take(&self.delivery, None).await?;
        Ok(receipt.verify().unwrap())
    }

    fn part(&self, world: &World) -> PathBuf {
        let name = blake3::Hash::from(self.content().hash).to_hex();
        let parts = world.vault().home().parts().unwrap();
        parts.join(format!("{name}.part"))
    }

    /// The delivery with an edited manifest, signed by `signer`, and fitting rights.
    fn manifest(&self, signer: [u8; 32], edit: impl FnOnce(&mut Manifest)) -> Parcel {
        let mut manifest = self.manifest.clone();
        edit(&mut manifest);
        let mut parcel = self.clone();
        parcel.grant = manifest.grant_id();
        parcel.delivery.rights = rights(signer, parcel.grant, 1);
        parcel.delivery.manifest = Signed::new(&key(signer), manifest);
        parcel
    }
}

fn carrier(world: &World, grant: GrantId) -> Option<Vec<u8>> {
    let name = format!("{grant}.png");
    world.vault().get_blob(GrantHeld::CARRIERS, &name).unwrap()
}

fn not_accepted<T: std::fmt::Debug>(outcome: Result<T, Refusal>, what: &str) {
    assert_eq!(
        outcome.unwrap_err().code,
        PeerRefusal::NotAccepted,
        "{what}"
    );
}

#[tokio::test]
async fn a_requested_carrier_is_stored_and_gets_a_receipt() {
    let (world, parcel) = (asking(OutgoingState::Preparing), parcel(1));
    assert_eq!(parcel.offer(&world).await.unwrap(), 0);
    parcel.transfer(&world);
    let receipt = parcel.deliver(&world).await.unwrap();
    assert_eq!(
        (receipt.grant, receipt.carrier),
        (parcel.grant, parcel.delivery.carrier)
    );
    assert_eq!(carrier(&world, parcel.grant), Some(parcel.carrier.clone()));
    assert_eq!(
        world.outgoing(REQUEST).state,
        OutgoingState::Arrived(parcel.grant)
    );
    assert_eq!(parcel.offer(&world).await.unwrap(), parcel.content().length);
}

#[tokio::test]
async fn a_carrier_by_a_manifest_of_an_earlier_cluster_of_this_home_is_stored() {
    // given a carrier by a manifest of before the cluster was restored
    let before = ClusterId([91; 32]);
    let world = asking(OutgoingState::Preparing);
    let parcel = parcel(1).manifest(OTHER, |manifest| manifest.cluster = before);
    parcel.transfer(&world);
    not_accepted(parcel.deliver(&world).await, "an unknown cluster");
    // when the home has followed
    let earlier = EarlierCluster {
        cluster: before,
        nodes: Vec::new(),
        newest: None,
        next: world.core.ctx.me.cluster,
        followed: Millis(1),
    };
    let vault = world.vault();
    vault.put(&before.to_string(), &earlier).unwrap();
    // then it is accepted
    let receipt = parcel.deliver(&world).await.unwrap();
    assert_eq!(receipt.grant, parcel.grant);
}

#[tokio::test]
async fn attack_deliveries_that_do_not_fit_the_request_are_refused() {
    let good = parcel(1);
    let forged = |bytes: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[7] ^= 1;
        bytes
    };
    let with = |edit: &dyn Fn(&mut Delivery)| {
        let mut parcel = good.clone();
        edit(&mut parcel.delivery);
        parcel
    };
    let stranger = key(STRANGER).public();
    let cases = [
        (
            "a forged manifest",
            with(&|delivery| {
                delivery.manifest = Signed::from_bytes(forged(delivery.manifest.as_bytes()));
            }),
        ),
        (
            "forged rights",
            with(&|delivery| {
                delivery.rights = Signed::from_bytes(forged(delivery.rights.as_bytes()));
            }),
        ),
        (
            "a stranger's rights",
            with(&|delivery| {
                delivery.rights = rights(STRANGER, good.grant, 1);
            }),
        ),
        (
            "another grant's rights",
            with(&|delivery| {
                delivery.rights = rights(OTHER, GrantId([8; 32]), 1);
            }),
        ),
        (
            "an unknown request",
            with(&|delivery| {
                delivery.request = RequestId([2; 16]);
            }),
        ),
        (
            "a stranger's manifest",
            good.manifest(STRANGER, |said| said.owner = stranger),
        ),
        (
            "another viewer",
            good.manifest(OTHER, |said| said.viewer = stranger),
        ),
        (
            "another cluster",
            good.manifest(OTHER, |said| said.cluster.0[0] ^= 1),
        ),
        (
            "another image",
            good.manifest(OTHER, |said| said.image.0[0] ^= 1),
        ),
        (
            "another request",
            good.manifest(OTHER, |said| said.request.0[0] ^= 1),
        ),
        (
            "another sealing key",
            good.manifest(OTHER, |said| {
                said.viewer_sealing = SealingSecret::from_bytes([99; 32]).public();
            }),
        ),
    ];
    for (what, bad) in cases {
        let world = asking(OutgoingState::Preparing);
        bad.transfer(&world);
        not_accepted(bad.deliver(&world).await, what);
        // Before anything of the carrier was received.
        assert!(bad.part(&world).is_file(), "{what}");
        assert_eq!(world.held(bad.grant), None, "{what}");
        assert_eq!(carrier(&world, bad.grant), None, "{what}");
        assert_eq!(
            world.outgoing(REQUEST).state,
            OutgoingState::Preparing,
            "{what}"
        );
    }
}

#[tokio::test]
async fn attack_another_user_cannot_answer_a_request() {
    let (world, parcel) = (asking(OutgoingState::Preparing), parcel(1));
    parcel.transfer(&world);
    let from = person("eve", STRANGER);
    let service = Service::new(world.core.clone());
    let receiver = service.receiver(&from);
    let taken = receiver.take(&parcel.delivery, None).await;
    not_accepted(taken.map_err(Refusal::from), "take");
    let offered = receiver
        .wanted(&REQUEST, &parcel.grant, parcel.content())
        .await;
    not_accepted(offered.map_err(Refusal::from), "offer");
}

#[tokio::test]
async fn attack_a_known_grant_keeps_its_carrier_and_key() {
    let (world, good) = (asking(OutgoingState::Preparing), parcel(1));
    good.transfer(&world);
    good.deliver(&world).await.unwrap();
    let kept = world.held(good.grant);

    // Carriers of the same and of another length, and the same one under another key.
    let mut same_length = good.clone();
    same_length.carrier[9] ^= 1;
    let mut longer = good.clone();
    longer.carrier.push(0);
    let mut other_key = good.clone();
    other_key.delivery.codec_key = [7; 32];
    for mut bad in [same_length, longer, other_key] {
        bad.delivery.carrier = Hash::of(&bad.carrier);
        bad.delivery.carrier_length = bad.carrier.len() as u64;
        bad.transfer(&world);
        if bad.delivery.carrier != good.delivery.carrier {
            not_accepted(bad.offer(&world).await, "offer");
        }
        not_accepted(bad.deliver(&world).await, "take");
        assert_eq!(carrier(&world, good.grant), Some(good.carrier.clone()));
        assert_eq!(world.held(good.grant), kept);
    }
}

#[tokio::test]
async fn a_damaged_or_missing_carrier_is_received_again() {
    let (world, parcel) = (asking(OutgoingState::Preparing), parcel(1));
    parcel.transfer(&world);
    parcel.deliver(&world).await.unwrap();
    let kept = world.held(parcel.grant);
    let name = format!("{}.png", parcel.grant);
    let mut damaged = parcel.carrier.clone();
    damaged[100] ^= 1;
    for lost in [Some(damaged), None] {
        match lost {
            Some(damaged) => drop(
                world
                    .vault()
                    .put_blob(GrantHeld::CARRIERS, &name, &damaged)
                    .unwrap(),
            ),
            None => assert!(
                world
                    .vault()
                    .delete_blob(GrantHeld::CARRIERS, &name)
                    .unwrap()
            ),
        }
        assert_eq!(parcel.offer(&world).await.unwrap(), 0);
        parcel.transfer(&world);
        parcel.deliver(&world).await.unwrap();
        assert_eq!(carrier(&world, parcel.grant), Some(parcel.carrier.clone()));
        assert_eq!(world.held(parcel.grant), kept);
    }
}

#[tokio::test]
async fn an_answered_request_accepts_no_other_grant() {
    let (first, second) = (parcel(1), parcel(2));
    let world = asking(OutgoingState::Preparing);
    first.transfer(&world);
    first.deliver(&world).await.unwrap();
    second.transfer(&world);
    // Repeated because the carrier was lost, the request still accepts the same grant only.
    for state in [OutgoingState::Arrived(first.grant), OutgoingState::Signed] {
        change::<Outgoing>(world.vault(), &REQUEST.to_string(), |kept| {
            kept.state = state
        })
        .unwrap();
        not_accepted(second.offer(&world).await, "offer");
        not_accepted(second.deliver(&world).await, "take");
        assert_eq!(first.offer(&world).await.unwrap(), first.content().length);
    }
    let world = asking(OutgoingState::Denied("no".into()));
    first.transfer(&world);
    not_accepted(first.offer(&world).await, "offer after a no");
    not_accepted(first.deliver(&world).await, "take after a no");
    assert_eq!(world.held(first.grant), None);
}

#[tokio::test]
async fn a_failed_request_still_accepts_its_carrier() {
    let (world, parcel) = (asking(OutgoingState::Preparing), parcel(1));
    let service = Service::new(world.core.clone());
    let stranger = service.record_failure(&person("eve", STRANGER), &REQUEST);
    not_accepted(stranger, "a stranger");
    assert_eq!(world.outgoing(REQUEST).state, OutgoingState::Preparing);

    let owner = person("ada", OTHER);
    service.record_failure(&owner, &REQUEST).unwrap();
    assert_eq!(world.outgoing(REQUEST).state, OutgoingState::Failed);
    parcel.transfer(&world);
    parcel.deliver(&world).await.unwrap();
    let arrived = OutgoingState::Arrived(parcel.grant);
    assert_eq!(world.outgoing(REQUEST).state, arrived);

    // A received carrier does not fail any more.
    service.record_failure(&owner, &REQUEST).unwrap();
    assert_eq!(world.outgoing(REQUEST).state, arrived);
}

#[tokio::test]
async fn the_number_of_incomplete_carriers_is_bounded() {
    let world = asking(OutgoingState::Preparing);
    let parcel = parcel(1);
    let from = person("ada", OTHER);
    let service = Service::new(world.core.clone());
    let receiver = service.receiver(&from);
    for number in 0..3 * MAX_PARTS {
        let content = Content::of(&number.to_le_bytes());
        let offered = receiver.wanted(&REQUEST, &parcel.grant, content).await;
        offered.unwrap();
    }
    let parts = world.vault().home().parts().unwrap();
    assert_eq!(std::fs::read_dir(parts).unwrap().count(), MAX_PARTS);
}
