//! A home with a received grant, and its mock cluster.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use cameo_codec::{Channels, CodecKey, HideOptions, Picture, hide};
use cameo_common::api::{ClusterInfo, ErrorCode, GrantInfo, Role};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::Descriptors;
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{GrantId, Hash, ImageId, Millis, NodeId, RequestId};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::rights::Rights;
use cameo_common::sealing::{Dealing, PhotoInfo, Share, deal, seal_photo};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest, NodeAddress, grant_id};

use super::nodes::{Behaviour, Cluster, Shared, UNREAD, debit, part, told};
use super::{NODES, PHOTO};
use crate::clock;
use crate::cluster_api::mock_chain::{chain, first, sealing};
use crate::cluster_api::mock_node::MockPort;
use crate::cluster_api::{ClusterApi, Pinned};
use crate::flows::context::Context;
use crate::flows::open::{OpenError, Viewed, find_pending, finish, open, prepare};
use crate::vault::records::{GrantHeld, Identity, PendingView, Secret, change};
use crate::vault::{Home, Passphrase, Vault};

pub(crate) struct World {
    _folder: tempfile::TempDir,
    pub vault: Vault,
    pub(super) me: Identity,
    pub(super) api: ClusterApi,
    pub held: GrantHeld,
    cluster_share: Share,
    pub(super) cluster: Arc<Cluster>,
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
        registered: true,
    }
}

/// A grant for `me`: sealed, hidden and dealt like by a real owner.
fn grant(me: &Identity) -> (GrantHeld, Share, Vec<u8>) {
    let owner = owner();
    let viewer = me.identity_key().public();
    let (image, nonce, request) = (ImageId([4; 16]), Hash([5; 32]), Hash([0; 32]));
    let grant: GrantId = grant_id(&owner.public(), &viewer, &image, &nonce, &request);
    let info = PhotoInfo {
        name: "photo.jpg".into(),
        media_type: "image/jpeg".into(),
    };
    let viewer_sealing = SealingSecret::from_bytes([3; 32]).public();
    let mut rng = clock::rng();
    let sealed = seal_photo(&mut rng, &grant, &viewer_sealing, &info, PHOTO).unwrap();
    let carrier = carrier(&sealed.payload);
    let manifest = Manifest {
        owner: owner.public(),
        owner_name: "ada".parse().unwrap(),
        viewer,
        viewer_name: me.name.clone(),
        viewer_sealing,
        cluster: me.cluster,
        image,
        nonce,
        request,
        payload: sealed.payload_hash,
        payload_length: sealed.payload.len() as u64,
        key_commitment: sealed.key_commitment,
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
        rights: Signed::new(&owner, rights(&owner, grant)),
        version: 1,
        confirmed: 1,
        acknowledged: 1,
        used: 0,
        received: Millis(0),
        media_type: None,
    };
    (held, sealed.cluster_share, carrier)
}

fn owner() -> SigningKey {
    SigningKey::from_seed([9; 32])
}

/// The deal of this number to a descriptor's nodes.
fn dealt(held: &GrantHeld, share: &Share, descriptor: &Descriptor, number: u64) -> Signed<Deal> {
    let manifest = held.manifest.unverified().unwrap();
    let dealing = Dealing {
        cluster: manifest.cluster,
        grant: held.grant,
        owner: manifest.owner,
        viewer: manifest.viewer,
        number,
        first_floor: FirstFloor::NEW,
    };
    let dealt = deal(&mut clock::rng(), &dealing, share, descriptor).unwrap();
    Signed::new(&owner(), dealt)
}

fn carrier(payload: &[u8]) -> Vec<u8> {
    let samples = vec![128; 64 * 64 * 3];
    let cover = Picture::new(64, 64, Channels::Rgb, samples).unwrap();
    let cover = cameo_codec::png::write(&cover);
    let key = CodecKey::from_bytes([6; 32]);
    hide(&cover, payload, &key, &HideOptions::default()).unwrap()
}

fn rights(owner: &SigningKey, grant: GrantId) -> Rights {
    Rights {
        owner: owner.public(),
        grant,
        version: 1,
        permitted: 2,
        expires: None,
        revoked: false,
        may_save: false,
        offline: 0,
    }
}

/// What a node tells the viewer of the grant.
pub(crate) fn told_of(held: &GrantHeld, rights: Signed<Rights>, used: u32) -> GrantInfo {
    let shown = rights.unverified().unwrap();
    GrantInfo {
        grant: held.grant,
        role: Role::Viewer,
        owner: held.owner.clone(),
        viewer: "ben".parse().unwrap(),
        image: held.image,
        created: Millis(1),
        manifest: held.manifest.clone(),
        rights,
        deal: Signed::from_bytes(vec![1]),
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

fn serve(cluster: &Arc<Cluster>, id: NodeId, port: MockPort) {
    let router = Router::new()
        .route(
            "/v1/cluster",
            get(|State((cluster, node)): State<Shared>| async move { Json(cluster.told_by(node)) }),
        )
        .route("/v1/grants/{grant}", get(told))
        .route("/v1/grants/{grant}/views", post(debit))
        .route("/v1/grants/{grant}/parts", post(part))
        .with_state((Arc::clone(cluster), id));
    port.serve(id, router);
}

pub(crate) async fn world() -> World {
    let descriptor = first(&NODES.map(|id| id.0));
    let me = identity(&descriptor);
    let (held, cluster_share, carrier) = grant(&me);
    let deal = dealt(&held, &cluster_share, &descriptor, 1);

    let mut listeners = Vec::new();
    for id in NODES {
        listeners.push((id, MockPort::bind().await));
    }
    let urls: Vec<(NodeId, String)> = listeners
        .iter()
        .map(|(id, port)| (*id, port.url.clone()))
        .collect();
    let addresses = urls.iter().map(|(id, url)| {
        let key = SigningKey::from_seed([id.0 as u8; 32]);
        let address = NodeAddress {
            key: key.public(),
            cluster: me.cluster,
            url: url.clone(),
            stated: Millis(1),
        };
        (*id, Signed::new(&key, address))
    });
    let cluster = Arc::new(Cluster {
        info: ClusterInfo {
            schema: 1,
            cluster: me.cluster,
            descriptors: Descriptors::of_first(descriptor),
            address: Signed::from_bytes(Vec::new()),
            nodes: urls.clone(),
            now: clock::now(),
        },
        secrets: NODES.map(|id| (id, sealing(id))).into(),
        deal: Mutex::new(deal),
        older_deals: Mutex::default(),
        changed: Mutex::default(),
        permitted: 2,
        debits: Mutex::default(),
        charged: tokio::sync::Notify::new(),
        asked: Mutex::default(),
        behaviours: Mutex::new(NODES.map(|id| (id, Behaviour::Honest)).into()),
        indices: Mutex::default(),
        unread: Mutex::new(UNREAD[0]),
        refusing: Mutex::default(),
        addresses: addresses.collect(),
        misleading: Mutex::default(),
        shown: Mutex::new(told_of(&held, held.rights.clone(), 0)),
        looks: AtomicUsize::new(0),
        false_words: Mutex::default(),
    });
    for (id, port) in listeners {
        serve(&cluster, id, port);
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
        cluster_share,
        cluster,
    }
}

impl World {
    /// Makes these the cluster's nodes.
    pub(super) fn change_nodes(&self, ids: &[u64]) {
        let changed = chain(&[&NODES.map(|id| id.0), ids]);
        *self.cluster.changed.lock().unwrap() = Some(changed);
    }

    /// The deal of this number to the present nodes.
    pub(super) fn dealt_again(&self, number: u64) -> Signed<Deal> {
        let changed = self.cluster.changed.lock().unwrap().clone().unwrap();
        dealt(&self.held, &self.cluster_share, changed.newest(), number)
    }

    /// Makes this the newest deal.
    pub(super) fn deal(&self, deal: Signed<Deal>) -> Signed<Deal> {
        std::mem::replace(&mut *self.cluster.deal.lock().unwrap(), deal)
    }

    /// The newest deal.
    pub(super) fn newest_deal(&self) -> Signed<Deal> {
        self.cluster.deal.lock().unwrap().clone()
    }

    pub fn context(&self) -> Context {
        Context {
            vault: self.vault.clone(),
            me: Arc::new(self.me.clone()),
            api: self.api.clone(),
        }
    }

    /// Has the node that is asked first say this of the grant.
    pub fn first_node_tells(&self, told: GrantInfo) {
        let mut lies = self.cluster.false_words.lock().unwrap();
        lies.insert(NODES[0], told);
    }

    /// Has all nodes say this of the grant.
    pub fn all_nodes_tell(&self, told: GrantInfo) {
        *self.cluster.shown.lock().unwrap() = told;
    }

    /// How often the nodes were asked for the grant.
    pub fn looks(&self) -> usize {
        self.cluster.looks.load(Ordering::Relaxed)
    }

    /// Has all nodes refuse any debit.
    pub fn all_nodes_refuse(&self, code: ErrorCode) {
        *self.cluster.refusing.lock().unwrap() = NODES.map(|node| (node, code)).into();
    }

    pub fn stored(&self) -> GrantHeld {
        let id = self.held.grant.to_string();
        self.vault.get(&id).unwrap().unwrap()
    }

    pub async fn view(&self) -> Result<Viewed, OpenError> {
        let prepared = prepare(&self.vault, &self.me, self.held.clone()).await?;
        open(&self.vault, &self.api, &self.me, &prepared).await
    }

    pub(super) fn all(&self, behaviour: Behaviour) {
        let mut behaviours = self.cluster.behaviours.lock().unwrap();
        behaviours.values_mut().for_each(|kept| *kept = behaviour);
    }

    pub(super) fn one(&self, node: NodeId, behaviour: Behaviour) {
        self.cluster
            .behaviours
            .lock()
            .unwrap()
            .insert(node, behaviour);
    }

    pub(super) fn finish(&self, viewed: &Viewed) {
        finish(&self.vault, &self.held, &viewed.request).unwrap();
    }

    pub(super) fn begun(&self) -> Option<PendingView> {
        find_pending(&self.vault, &self.held).unwrap()
    }

    /// Makes the pending view older.
    pub(super) fn age(&self, by: Duration) {
        let id = self.held.grant.to_string();
        change::<PendingView>(&self.vault, &id, |view| {
            view.begun = view.begun.minus(by);
        })
        .unwrap();
    }

    pub(super) fn debits(&self) -> usize {
        self.cluster.debits.lock().unwrap().len()
    }
}
