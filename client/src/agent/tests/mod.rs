//! Tests of the agent's core with a home of its own, and with a mock node or none.

#![allow(clippy::unwrap_used)]

mod compacted;
mod devices;
mod events;
mod incoming_requests;
pub(crate) mod meanwhile;
mod one_look_up;
mod one_node;
mod outbox;
mod receive;
mod recording;
pub(crate) mod retirement;
mod rights;
mod sent_carriers;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use cameo_codec::Codec;
use cameo_common::api::{ApiError, ClusterInfo, ErrorCode, GrantInfo, Role};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, Millis, NodeId, RequestId};
use cameo_common::keys::{PublicKey, SealingSecret, SigningKey};
use cameo_common::peer::PeerUser;
use cameo_common::registration::RegistrationMode;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{NodeAddress, PhotoRequest};
use tokio::sync::{Notify, watch};

use super::*;
use crate::cluster_api::mock_node::MockPort;
use crate::cluster_api::{ClusterApi, Pinned};
use crate::directory::ResolvedUser;
use crate::peer::{MemoryNetwork, Reach};
use crate::vault::records::{
    GrantHeld, GrantOwned, Identity, Image, Incoming, IncomingState, Look, Outgoing, OutgoingState,
    Policy, RequestSubject, Secret, Stage, Terms, change,
};
use crate::vault::{Home, Passphrase, Vault};

/// Identity seed of the home's user.
pub(crate) const ME: [u8; 32] = [1; 32];
/// Identity seed of the other party.
pub(crate) const OTHER: [u8; 32] = [9; 32];
/// Identity seed of an uninvolved user.
pub(crate) const STRANGER: [u8; 32] = [77; 32];
pub(crate) const SEALING: [u8; 32] = [3; 32];
pub(crate) const IMAGE: ImageId = ImageId([4; 16]);

pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub core: Core,
}

pub(crate) fn key(seed: [u8; 32]) -> SigningKey {
    SigningKey::from_seed(seed)
}

fn card(name: &str, seed: [u8; 32]) -> UserCard {
    UserCard {
        name: name.parse().unwrap(),
        key: key(seed).public(),
        sealing: SealingSecret::from_bytes(SEALING).public(),
        sequence: 1,
    }
}

/// A user whose card is verified.
pub(crate) fn person(name: &str, seed: [u8; 32]) -> PeerUser {
    PeerUser {
        name: name.parse().unwrap(),
        card: card(name, seed),
    }
}

/// The other party from the directory, without a device.
pub(crate) fn somebody(name: &str) -> ResolvedUser {
    let user = person(name, OTHER);
    ResolvedUser {
        name: user.name,
        card: user.card,
        reach: Reach::default(),
        devices: Vec::new(),
        online: None,
        epoch: None,
        first_contact: false,
        retired: None,
    }
}

pub(crate) fn descriptor() -> Descriptor {
    descriptor_of(1)
}

/// Of so many nodes, whose key seeds are 50 and on.
fn descriptor_of(nodes: usize) -> Descriptor {
    let node = |number: u8| NodeIdentity {
        id: NodeId(u64::from(number) + 1),
        key: key([50 + number; 32]).public(),
        sealing: SealingSecret::from_bytes([51 + number; 32]).public(),
    };
    Descriptor::genesis(
        (0..nodes as u8).map(node).collect(),
        PublicKey([8; 32]),
        RegistrationMode::Open,
        Hash([7; 32]),
    )
}

fn identity(cluster: ClusterId) -> Identity {
    let device = [2; 32];
    let card = card("ben", ME);
    let certificate = DeviceCertificate {
        user: card.key,
        device: key(device).public(),
        sequence: 1,
        not_after: Millis::MAX,
    };
    Identity {
        name: card.name.clone(),
        identity: Secret::new(ME),
        device: Secret::new(device),
        sealing: vec![Secret::new(SEALING)],
        card: Signed::new(&key(ME), card),
        certificate: Signed::new(&key(ME), certificate),
        cluster,
        nodes: Vec::new(),
        endpoint_sequence: 0,
        created: Millis(0),
        registered: true,
    }
}

/// A home whose cluster cannot be reached.
pub(crate) fn alone() -> World {
    world(&descriptor(), Vec::new())
}

/// A home with a node that answers these routes.
pub(crate) async fn with_node(routes: Router) -> World {
    with_nodes(vec![routes]).await
}

/// A home with nodes that answer these routes, each its own.
pub(crate) async fn with_nodes(all: Vec<Router>) -> World {
    let descriptor = descriptor_of(all.len());
    let cluster = descriptor.founds().unwrap();
    let mut urls = Vec::new();
    for (seed, routes) in (50..).zip(all) {
        let port = MockPort::bind().await;
        urls.push(port.url.clone());
        let address = NodeAddress {
            key: key([seed; 32]).public(),
            cluster,
            url: port.url.clone(),
            stated: Millis(1),
        };
        let info = ClusterInfo {
            schema: 1,
            cluster,
            descriptors: Descriptors::of_first(descriptor.clone()),
            address: Signed::new(&key([seed; 32]), address),
            nodes: Vec::new(),
            now: crate::clock::now(),
        };
        let told = get(move || std::future::ready(Json(info.clone())));
        port.serve(u64::from(seed), routes.route("/v1/cluster", told));
    }
    world(&descriptor, urls)
}

fn world(descriptor: &Descriptor, nodes: Vec<String>) -> World {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
    let mut me = identity(descriptor.founds().unwrap());
    me.nodes.clone_from(&nodes);
    vault.put(Identity::ID, &me).unwrap();
    let pinned = Pinned {
        cluster: me.cluster,
        nodes,
    };
    let deadline = Duration::from_millis(300);
    let api = ClusterApi::with_deadline(pinned, Arc::new(me.device_key()), deadline).unwrap();
    let transport = MemoryNetwork::new().bind(me.device_key().public().0);
    let ctx = Context {
        vault,
        me: Arc::new(me),
        api,
    };
    let core = Core {
        peers: ctx.peers(transport),
        ctx,
        notices: Notices::default(),
        wake: Arc::new(Notify::new()),
        epoch: Arc::new(watch::Sender::new(None)),
        refused: Arc::new(watch::Sender::new(None)),
        renew: Arc::new(Notify::new()),
        listed: false,
        notified_rights: Arc::default(),
        retirements: Arc::default(),
        ended: Arc::new(watch::Sender::new(None)),
    };
    World {
        _folder: folder,
        core,
    }
}

impl World {
    pub(crate) fn vault(&self) -> &Vault {
        &self.core.ctx.vault
    }

    pub(crate) fn owned(&self, id: GrantId) -> GrantOwned {
        self.vault().get(&id.to_string()).unwrap().unwrap()
    }

    pub(crate) fn held(&self, id: GrantId) -> Option<GrantHeld> {
        self.vault().get(&id.to_string()).unwrap()
    }

    pub(crate) fn outgoing(&self, id: RequestId) -> Outgoing {
        self.vault().get(&id.to_string()).unwrap().unwrap()
    }
}

pub(crate) fn no(code: ErrorCode) -> Response {
    (StatusCode::BAD_REQUEST, Json(ApiError::new(code, "no"))).into_response()
}

/// A signed request for the image.
pub(crate) fn signed_request(viewer: [u8; 32], owner: [u8; 32], id: u8) -> Signed<PhotoRequest> {
    let request = PhotoRequest {
        viewer: key(viewer).public(),
        owner: key(owner).public(),
        image: IMAGE,
        request: RequestId([id; 16]),
        asked_at: Millis(1),
    };
    Signed::new(&key(viewer), request)
}

pub(crate) fn rights(owner: [u8; 32], grant: GrantId, version: u64) -> Signed<Rights> {
    let rights = Rights {
        owner: key(owner).public(),
        grant,
        version,
        permitted: 2,
        expires: None,
        revoked: false,
        may_save: false,
        offline: 0,
    };
    Signed::new(&key(owner), rights)
}

/// What a node tells the owner of the grant [`owned`].
pub(crate) fn told_of(rights: Signed<Rights>, used: u32) -> GrantInfo {
    let (known, shown) = (owned(Stage::Settled), rights.unverified().unwrap());
    GrantInfo {
        grant: known.grant,
        role: Role::Owner,
        owner: "ben".parse().unwrap(),
        viewer: known.viewer,
        image: known.image,
        created: Millis(1),
        manifest: known.manifest,
        rights,
        deal: known.deal,
        version: shown.version,
        permitted: shown.permitted,
        used,
        left: shown.permitted.saturating_sub(used),
        expires: shown.expires,
        revoked: shown.revoked,
        receipt: None,
        acknowledged: 0,
        in_mailbox: false,
        other_retired: None,
        closed: false,
    }
}

/// An image of the home's user.
pub(crate) fn image(policy: Policy) -> Image {
    Image {
        image: IMAGE,
        title: "t".into(),
        name: "n.jpg".into(),
        media_type: "image/jpeg".into(),
        bytes: 2,
        hash: Hash([3; 32]),
        width: 4,
        height: 5,
        policy,
        terms: Terms {
            views: 3,
            expires_after_ms: None,
            may_save: false,
        },
        look: Look {
            codec: Codec::Veil,
            depth: 2,
            caption: None,
            own_cover: false,
        },
        added: Millis(0),
    }
}

/// Request 1 of the other party, for an open image.
pub(crate) fn keep_request(world: &World, state: IncomingState) -> Incoming {
    let vault = world.vault();
    vault.put(&IMAGE.to_string(), &image(Policy::Open)).unwrap();
    let incoming = Incoming {
        request: RequestId([1; 16]),
        viewer: "ada".parse().unwrap(),
        viewer_key: key(OTHER).public(),
        image: IMAGE,
        asked: RequestSubject::Photo(signed_request(OTHER, ME, 1)),
        note: String::new(),
        received: Millis(1),
        state,
    };
    vault.put(&incoming.request.to_string(), &incoming).unwrap();
    incoming
}

/// A grant of the home's user to the other party, for request 1.
pub(crate) fn owned(stage: Stage) -> GrantOwned {
    let grant = GrantId([20; 32]);
    GrantOwned {
        grant,
        image: IMAGE,
        viewer: "ada".parse().unwrap(),
        viewer_key: key(OTHER).public(),
        request: signed_request(OTHER, ME, 1),
        request_id: RequestId([1; 16]),
        manifest: Signed::from_bytes(vec![1]),
        deal: Signed::from_bytes(vec![2]),
        cluster_share: Secret::new([3; 32]),
        rights: rights(ME, grant, 1),
        version: 1,
        recorded_version: 1,
        acknowledged: 0,
        revoked: false,
        expires: None,
        codec_key: Secret::new([4; 32]),
        carrier: Hash([5; 32]),
        carrier_length: 6,
        worker: NodeId(1),
        leader: NodeId(1),
        stage,
        receipt: None,
        created: Millis(0),
    }
}
