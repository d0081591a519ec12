//! Views against a cluster of our own making: real keys and statements, and failures on demand.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path as UrlPath, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_codec::{Channels, CodecKey, HideOptions, Picture, hide};
use cameo_common::api::{
    ApiError, ClusterInfo, DebitView, ErrorCode, RESUME, ReleasePart, Released,
};
use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{GrantId, Hash, ImageId, Millis, NodeId, RequestId};
use cameo_common::keys::SigningKey;
use cameo_common::rights::Rights;
use cameo_common::sealing::{
    Dealing, PartContext, PhotoInfo, ReleaseContext, deal, open_part, release_part, seal_photo,
};
use cameo_common::statements::{Manifest, grant_id};
use data_encoding::BASE64URL_NOPAD;
use tokio::net::TcpListener;

use super::charge::{LAPSE_MARGIN, begin};
use super::*;
use crate::clock;
use crate::cluster_api::{ClusterError, Pinned};
use crate::error_kind::{Classified, ErrorKind};
use crate::vault::records::{Secret, change};
use crate::vault::{Home, Passphrase};

pub(crate) const PHOTO: &[u8] = b"any bytes can be a photo";
const NODES: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(3)];

/// What the fake nodes know and do.
struct Cluster {
    info: ClusterInfo,
    secrets: HashMap<NodeId, SealingSecret>,
    deal: Signed<Deal>,
    permitted: u32,
    /// Debited requests, in order.
    debits: Mutex<Vec<RequestId>>,
    /// How each node answers when it is asked for its part.
    manners: Mutex<HashMap<NodeId, Manner>>,
    /// Nodes that tell another index of a debit.
    indices: Mutex<HashMap<NodeId, u64>>,
    /// What a node says to an index that it has not read.
    unread: Mutex<(ErrorCode, StatusCode)>,
    /// Nodes that refuse any debit.
    refusing: Mutex<HashMap<NodeId, ErrorCode>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Honest,
    Down,
    Lying,
    NotDebited,
}

/// Where every debit stands in the log, and as far as the nodes have read it.
const INDEX: u64 = 7;
const UNREAD: [(ErrorCode, StatusCode); 2] = [
    (ErrorCode::NotDebited, StatusCode::FORBIDDEN),
    (ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
];

type Shared = (Arc<Cluster>, NodeId);

pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub vault: Vault,
    me: Identity,
    api: ClusterApi,
    pub held: GrantHeld,
    cluster: Arc<Cluster>,
}

fn no(code: ErrorCode, status: StatusCode) -> Response {
    (status, Json(ApiError::new(code, "no"))).into_response()
}

async fn debit(State((cluster, node)): State<Shared>, Json(body): Json<DebitView>) -> Response {
    let request = body.request.verify().unwrap();
    let mut debits = cluster.debits.lock().unwrap();
    if !debits.contains(&request.request) {
        if debits.len() >= cluster.permitted as usize {
            return no(ErrorCode::UsedUp, StatusCode::FORBIDDEN);
        }
        debits.push(request.request);
    }
    let at = debits.iter().position(|id| *id == request.request).unwrap();
    let number = u32::try_from(at).unwrap() + 1;
    if let Some(code) = cluster.refusing.lock().unwrap().get(&node) {
        return no(*code, StatusCode::FORBIDDEN);
    }
    let told = cluster.indices.lock().unwrap().get(&node).copied();
    Json(Debited {
        grant: request.grant,
        request: request.request,
        number,
        used: number,
        left: cluster.permitted - number,
        index: told.unwrap_or(INDEX),
        deal: cluster.deal.clone(),
    })
    .into_response()
}

async fn part(
    State((cluster, node)): State<Shared>,
    UrlPath(_): UrlPath<String>,
    Json(body): Json<ReleasePart>,
) -> Response {
    let request = body.request.verify().unwrap();
    assert!(
        cluster.debits.lock().unwrap().contains(&request.request),
        "nobody asks for parts of a view that is not charged"
    );
    if body.index > INDEX {
        let (code, status) = *cluster.unread.lock().unwrap();
        return no(code, status);
    }
    let manner = cluster.manners.lock().unwrap()[&node];
    match manner {
        Manner::Down => return no(ErrorCode::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        Manner::NotDebited => return no(ErrorCode::NotDebited, StatusCode::FORBIDDEN),
        Manner::Honest | Manner::Lying => {}
    }
    let deal = cluster.deal.peek().unwrap();
    let dealt = deal.parts.iter().find(|part| part.node == node).unwrap();
    let context = PartContext::of(&deal, dealt);
    let mut opened = open_part(&cluster.secrets[&node], &context, dealt).unwrap();
    if manner == Manner::Lying {
        opened[5] ^= 1;
    }
    let release = ReleaseContext {
        part: context,
        request: request.request,
        request_hash: body.request.hash(),
    };
    let released = release_part(&mut clock::rng(), &release, &request.one_time, &opened).unwrap();
    Json(Released {
        node,
        deal: deal.number,
        x: released.x,
        sealed: BASE64URL_NOPAD.encode(&released.sealed),
    })
    .into_response()
}

fn identity(cluster: &Descriptor) -> Identity {
    let (seed, device) = ([1; 32], [2; 32]);
    let key = SigningKey::from_seed(seed);
    let sealing = SealingSecret::from_bytes([3; 32]);
    let card = UserCard {
        name: "ben".parse().unwrap(),
        key: key.public(),
        sealing: sealing.public(),
        sequence: 1,
    };
    let certificate = DeviceCertificate {
        user: key.public(),
        device: SigningKey::from_seed(device).public(),
        sequence: 1,
        not_after: Millis::MAX,
    };
    Identity {
        name: card.name.clone(),
        identity: Secret::new(seed),
        device: Secret::new(device),
        sealing: vec![Secret::new([3; 32])],
        card: Signed::new(&key, card),
        certificate: Signed::new(&key, certificate),
        cluster: cluster.founds().unwrap(),
        nodes: Vec::new(),
        endpoint_sequence: 0,
        created: Millis(0),
    }
}

/// Sealed, hidden and dealt as an owner would, for `me`.
fn grant(me: &Identity, descriptor: &Descriptor) -> (GrantHeld, Signed<Deal>, Vec<u8>) {
    let owner = SigningKey::from_seed([9; 32]);
    let viewer = me.identity_key().public();
    let (image, nonce) = (ImageId([4; 16]), Hash([5; 32]));
    let grant: GrantId = grant_id(&owner.public(), &viewer, &image, &nonce);
    let info = PhotoInfo {
        name: "photo.jpg".into(),
        media_type: "image/jpeg".into(),
    };
    let viewer_sealing = SealingSecret::from_bytes([3; 32]).public();
    let mut rng = clock::rng();
    let sealed = seal_photo(&mut rng, &grant, &viewer_sealing, &info, PHOTO).unwrap();
    let dealing = Dealing {
        cluster: me.cluster,
        grant,
        owner: owner.public(),
        viewer,
        number: 1,
    };
    let dealt = deal(&mut rng, &dealing, &sealed.cluster_share, descriptor).unwrap();
    let samples = vec![128; 64 * 64 * 3];
    let cover = Picture::new(64, 64, Channels::Rgb, samples).unwrap();
    let cover = cameo_codec::png::write(&cover);
    let options = HideOptions::default();
    let key = CodecKey::from_bytes([6; 32]);
    let carrier = hide(&cover, &sealed.payload, &key, &options).unwrap();
    let manifest = Manifest {
        owner: owner.public(),
        owner_name: "ada".parse().unwrap(),
        viewer,
        viewer_name: me.name.clone(),
        viewer_sealing,
        cluster: me.cluster,
        image,
        nonce,
        request: Hash([0; 32]),
        payload: sealed.payload_hash,
        payload_length: sealed.payload.len() as u64,
        key_commitment: sealed.key_commitment,
    };
    let rights = Rights {
        owner: owner.public(),
        grant,
        version: 1,
        permitted: 2,
        expires: None,
        revoked: false,
        may_save: false,
        offline: 0,
    };
    let held = GrantHeld {
        grant,
        image,
        owner: "ada".parse().unwrap(),
        owner_key: owner.public(),
        request_id: RequestId([8; 16]),
        title: String::new(),
        manifest: Signed::new(&owner, manifest),
        codec_key: Secret::new([6; 32]),
        carrier: Hash::of(&carrier),
        rights: Signed::new(&owner, rights),
        version: 1,
        confirmed: 1,
        acknowledged: 1,
        used: 0,
        received: Millis(0),
    };
    (held, Signed::new(&owner, dealt), carrier)
}

pub(crate) async fn world() -> World {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let secret = |id: NodeId| SealingSecret::from_bytes([id.0 as u8 + 50; 32]);
    let nodes = NODES.map(|id| NodeIdentity {
        id,
        key: SigningKey::from_seed([id.0 as u8; 32]).public(),
        sealing: secret(id).public(),
    });
    let descriptor = Descriptor::genesis(nodes.to_vec(), Hash([7; 32]));
    let me = identity(&descriptor);
    let (held, deal, carrier) = grant(&me, &descriptor);

    let mut listeners = Vec::new();
    for id in NODES {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        listeners.push((id, listener));
    }
    let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().unwrap());
    let urls: Vec<(NodeId, String)> = listeners.iter().map(|(id, l)| (*id, url(l))).collect();
    let cluster = Arc::new(Cluster {
        info: ClusterInfo {
            schema: 1,
            cluster: me.cluster,
            descriptors: vec![descriptor],
            nodes: urls.clone(),
            now: clock::now(),
        },
        secrets: NODES.map(|id| (id, secret(id))).into(),
        deal,
        permitted: 2,
        debits: Mutex::default(),
        manners: Mutex::new(NODES.map(|id| (id, Manner::Honest)).into()),
        indices: Mutex::default(),
        unread: Mutex::new(UNREAD[0]),
        refusing: Mutex::default(),
    });
    for (id, listener) in listeners {
        let router = Router::new()
            .route(
                "/v1/cluster",
                get(|State((cluster, _)): State<Shared>| async move { Json(cluster.info.clone()) }),
            )
            .route("/v1/grants/{grant}/views", post(debit))
            .route("/v1/grants/{grant}/parts", post(part))
            .with_state((Arc::clone(&cluster), id));
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
    vault.put(&held.grant.to_string(), &held).unwrap();
    vault
        .put_blob(GrantHeld::CARRIERS, &held.blob(), &carrier)
        .unwrap();
    let pinned = Pinned {
        cluster: me.cluster,
        nodes: urls.into_iter().map(|(_, url)| url).collect(),
    };
    let deadline = Duration::from_millis(1_200);
    let api = ClusterApi::with_deadline(pinned, Arc::new(me.device_key()), deadline).unwrap();
    World {
        _folder: folder,
        vault,
        me,
        api,
        held,
        cluster,
    }
}

impl World {
    pub async fn view(&self) -> Result<Viewed, OpenError> {
        let prepared = prepare(&self.vault, &self.me, self.held.clone()).await?;
        open(&self.vault, &self.api, &self.me, &prepared).await
    }

    fn all(&self, manner: Manner) {
        let mut manners = self.cluster.manners.lock().unwrap();
        manners.values_mut().for_each(|kept| *kept = manner);
    }

    fn one(&self, node: NodeId, manner: Manner) {
        self.cluster.manners.lock().unwrap().insert(node, manner);
    }

    fn end(&self, viewed: &Viewed) {
        shown(&self.vault, &self.held, &viewed.request).unwrap();
    }

    fn begun(&self) -> Option<PendingView> {
        pending(&self.vault, &self.held).unwrap()
    }

    /// As if the begun view were so much older.
    fn age(&self, by: Duration) {
        let id = self.held.grant.to_string();
        change::<PendingView>(&self.vault, &id, |view| {
            view.begun = view.begun.minus(by);
        })
        .unwrap();
    }

    fn debits(&self) -> usize {
        self.cluster.debits.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_view_opens_the_photo_bit_for_bit_and_is_charged_once() {
    let world = world().await;
    let viewed = world.view().await.unwrap();
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!((viewed.used, viewed.left, viewed.resumed), (1, 1, false));
    world.end(&viewed);
    assert_eq!(world.view().await.unwrap().number, 2);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn an_interrupted_view_is_taken_up_again_and_not_charged_twice() {
    // Given a view that was charged, and no node that releases anything.
    let world = world().await;
    world.all(Manner::Down);
    let failed = world.view().await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::ClusterAway, "{failed}");
    assert_eq!(world.debits(), 1);
    let begun = pending(&world.vault, &world.held).unwrap().unwrap();

    // When the nodes are back and it is viewed again,
    world.all(Manner::Honest);
    let viewed = world.view().await.unwrap();

    // then it is the same view.
    assert!(viewed.resumed);
    assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    assert_eq!(viewed.used, 1);
    assert_eq!(*world.cluster.debits.lock().unwrap(), [begun.request]);

    // Shown, the next one is new.
    world.end(&viewed);
    assert!(!world.view().await.unwrap().resumed);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn a_node_that_lies_or_is_down_is_passed_over() {
    for (node, manner) in [
        (1, Manner::Lying),
        (2, Manner::Down),
        (1, Manner::NotDebited),
    ] {
        let world = world().await;
        world.one(NodeId(node), manner);
        let viewed = world.view().await.unwrap();
        assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
    }
}

#[tokio::test]
async fn two_liars_of_three_open_nothing() {
    let world = world().await;
    world.one(NodeId(1), Manner::Lying);
    world.one(NodeId(2), Manner::Lying);
    assert!(world.view().await.is_err());
    assert!(pending(&world.vault, &world.held).unwrap().is_some());
}

#[tokio::test]
async fn a_view_that_lapsed_is_said_to_be_and_the_next_is_new() {
    // Given a view that was charged, and that no node releases,
    let world = world().await;
    world.all(Manner::NotDebited);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");
    let begun = world.begun().unwrap();

    // when its time is almost over, then it is kept;
    world.age(RESUME);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");
    assert_eq!(world.begun().unwrap().request, begun.request);

    // when it is over, then it is not.
    world.age(LAPSE_MARGIN);
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::Lapsed { .. }), "{failed}");
    assert_eq!(world.begun(), None);
    world.all(Manner::Honest);
    assert!(!world.view().await.unwrap().resumed);
}

#[tokio::test]
async fn a_node_that_lies_about_the_index_is_found_out_by_asking_another() {
    for unread in UNREAD {
        let world = world().await;
        *world.cluster.unread.lock().unwrap() = unread;
        let node = 1;
        world
            .cluster
            .indices
            .lock()
            .unwrap()
            .insert(NodeId(node), u64::MAX);
        let viewed = world.view().await.unwrap();
        assert_eq!(viewed.photo.bytes.as_slice(), PHOTO);
        assert_eq!(world.debits(), 1);
    }
}

#[tokio::test]
async fn false_indices_never_cost_a_charged_view() {
    // Given that all nodes that are asked tell an index that does not exist,
    let world = world().await;
    for node in NODES {
        world.cluster.indices.lock().unwrap().insert(node, u64::MAX);
    }
    let failed = world.view().await.unwrap_err();
    assert!(matches!(failed, OpenError::NotReleased { .. }), "{failed}");

    // when they tell the right one, then the view is still there to be taken up.
    world.cluster.indices.lock().unwrap().clear();
    let viewed = world.view().await.unwrap();
    assert!(viewed.resumed);
    assert_eq!(world.debits(), 1);
}

#[tokio::test]
async fn a_nodes_no_to_a_debit_that_it_made_does_not_cost_the_view() {
    for code in [ErrorCode::UsedUp, ErrorCode::Revoked, ErrorCode::NotFound] {
        // Given a node that has the view charged and says no, to a new one and to one taken up,
        let world = world().await;
        world
            .cluster
            .refusing
            .lock()
            .unwrap()
            .insert(NodeId(1), code);
        let refused = world.view().await.unwrap_err();
        let expected = ClusterError::from(ApiError::new(code, "no")).kind();
        assert_eq!(refused.kind(), expected);
        assert_eq!(world.view().await.unwrap_err().kind(), expected);
        assert_eq!(world.debits(), 1);

        // when another answers, then it is that view that opens.
        world.cluster.refusing.lock().unwrap().clear();
        assert!(world.view().await.unwrap().resumed);
        assert_eq!(world.debits(), 1);
    }
}

#[tokio::test]
async fn a_refused_view_ends_with_its_time() {
    let world = world().await;
    for _ in 0..2 {
        let viewed = world.view().await.unwrap();
        world.end(&viewed);
    }
    assert_eq!(world.view().await.unwrap_err().kind(), ErrorKind::UsedUp);
    assert!(world.begun().is_some());
    world.age(RESUME + LAPSE_MARGIN);
    assert_eq!(world.view().await.unwrap_err().kind(), ErrorKind::UsedUp);
    assert_eq!(world.begun(), None);
    assert_eq!(world.debits(), 2);
}

#[tokio::test]
async fn two_views_at_once_are_one_view() {
    let world = world().await;
    let (one, other) = tokio::join!(world.view(), world.view());
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.request, other.request);
    assert_eq!(world.debits(), 1);
}

#[test]
fn of_many_that_begin_at_once_all_hold_the_same_secret() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(world());
    let start = std::sync::Barrier::new(8);
    let begun: Vec<_> = std::thread::scope(|scope| {
        let begin_one = || {
            start.wait();
            begin(&world.vault, &world.me, &world.held).unwrap()
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(begin_one)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let kept = world.begun().unwrap();
    assert!(begun.iter().all(|(view, _)| *view == kept));
    assert_eq!(begun.iter().filter(|(_, resumed)| !resumed).count(), 1);
}

#[tokio::test]
async fn what_was_shown_late_does_not_end_the_view_that_came_after() {
    let world = world().await;
    let first = world.view().await.unwrap();
    world.end(&first);
    let second = world.view().await.unwrap();
    world.end(&first);
    assert_eq!(world.begun().unwrap().request, second.request);
}

#[tokio::test]
async fn a_carrier_that_was_altered_is_found_out_before_the_charge() {
    let world = world().await;
    let blob = world.held.blob();
    let mut carrier = world
        .vault
        .get_blob(GrantHeld::CARRIERS, &blob)
        .unwrap()
        .unwrap();
    let middle = carrier.len() / 2;
    carrier[middle] ^= 0x10;
    world
        .vault
        .put_blob(GrantHeld::CARRIERS, &blob, &carrier)
        .unwrap();
    let refused = world.view().await.unwrap_err();
    assert!(
        refused.to_string().contains("nothing was charged"),
        "{refused}"
    );
    assert_eq!(world.debits(), 0);
}

#[tokio::test]
async fn another_persons_carrier_is_found_out_before_the_charge() {
    let mut world = world().await;
    world.me.sealing = vec![Secret::new([77; 32])];
    let refused = world.view().await.unwrap_err();
    assert!(matches!(refused, OpenError::ForSomebodyElse), "{refused}");
    assert_eq!(world.debits(), 0);
}
