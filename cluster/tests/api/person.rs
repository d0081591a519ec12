//! Users of the tests: keys, signed calls, and a grant as an owner's agent makes it.

use std::time::SystemTime;

use cameo_common::api::{
    self, AUTHORIZATION_HEADER, CreateGrant, Created, Register, SessionStarted, StartSession, paths,
};
use cameo_common::identity::{DeviceCertificate, EndpointRecord, UserCard};
use cameo_common::ids::{GrantId, Hash, ImageId, Millis, NodeId, RequestId, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::op::{Authorization, Op};
use cameo_common::registration::InviteUse;
use cameo_common::rights::Rights;
use cameo_common::sealing::{Dealing, PhotoInfo, Share, deal, seal_photo};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest, PhotoRequest};
use data_encoding::BASE64URL_NOPAD;
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};
use serde::Serialize;

use crate::http::{Answer, Stream, send, send_as};
use crate::world::World;

pub fn now() -> Millis {
    SystemTime::now().into()
}

pub fn generator() -> StdRng {
    StdRng::try_from_rng(&mut SysRng).unwrap()
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    generator().fill_bytes(&mut bytes);
    bytes
}

pub struct Person {
    pub name: UserName,
    pub identity: SigningKey,
    pub device: SigningKey,
    pub sealing: SealingSecret,
}

/// A grant, with the data that its owner and viewer keep.
pub struct Shared {
    pub grant: GrantId,
    pub manifest: Manifest,
    pub deal: Deal,
    pub payload: Vec<u8>,
    /// The owner keeps it, to deal it again.
    pub cluster_share: Share,
}

impl Person {
    pub fn new(name: &str) -> Self {
        Self {
            name: name.parse().unwrap(),
            identity: SigningKey::from_seed(random()),
            device: SigningKey::from_seed(random()),
            sealing: SealingSecret::from_bytes(random()),
        }
    }

    /// A registered user.
    pub async fn registered(world: &World, name: &str) -> Self {
        let person = Self::new(name);
        let answer = person.register(world).await;
        let registered: api::Registered = answer.read();
        assert!(registered.created);
        person
    }

    /// The same user at another device, which is not registered.
    pub fn second_device(&self) -> Self {
        Self {
            device: SigningKey::from_seed(random()),
            name: self.name.clone(),
            identity: SigningKey::from_seed(*self.identity.seed()),
            sealing: self.sealing.clone(),
        }
    }

    pub async fn register(&self, world: &World) -> Answer {
        self.register_with(world, None).await
    }

    pub async fn register_at(&self, world: &World, node: NodeId) -> Answer {
        let body = self.registration(None);
        self.command(world, node, paths::USERS, &body).await
    }

    pub async fn register_with(&self, world: &World, invite: Option<Signed<InviteUse>>) -> Answer {
        let body = self.registration(invite);
        self.command(world, 1, paths::USERS, &body).await
    }

    pub fn registration(&self, invite: Option<Signed<InviteUse>>) -> Register {
        let card = UserCard {
            name: self.name.clone(),
            key: self.identity.public(),
            sealing: self.sealing.public(),
            sequence: 1,
        };
        let certificate = DeviceCertificate {
            user: self.identity.public(),
            device: self.device.public(),
            sequence: 1,
            not_after: now().plus_millis(86_400_000),
        };
        Register {
            card: Signed::new(&self.identity, card),
            certificate: Signed::new(&self.identity, certificate),
            invite,
        }
    }

    pub async fn post(
        &self,
        world: &World,
        node: impl Into<NodeId>,
        path: &str,
        body: &impl Serialize,
    ) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        send_as(&self.device, world.url(node), "POST", path, &[], &body).await
    }

    /// An authorization that is right in every way.
    pub fn authorization(&self, world: &World, op: &Op) -> Authorization {
        Authorization {
            device: self.device.public(),
            cluster: world.cluster,
            request: RequestId(random()),
            not_after: now().plus_millis(60_000),
            op: op.hash(),
        }
    }

    pub fn authorize(&self, authorization: Authorization) -> (&'static str, String) {
        let signed = Signed::new(&self.device, authorization);
        (
            AUTHORIZATION_HEADER,
            BASE64URL_NOPAD.encode(signed.as_bytes()),
        )
    }

    pub async fn command<'a, B: Serialize>(
        &self,
        world: &World,
        node: impl Into<NodeId>,
        path: &str,
        body: &'a B,
    ) -> Answer
    where
        Op: From<&'a B>,
    {
        self.command_of(world, node, path, body, &Op::from(body))
            .await
    }

    pub async fn command_of(
        &self,
        world: &World,
        node: impl Into<NodeId>,
        path: &str,
        body: &impl Serialize,
        op: &Op,
    ) -> Answer {
        let body = serde_json::to_vec(body).unwrap();
        let header = self.authorize(self.authorization(world, op));
        send(world.url(node), "POST", path, &[header], &body).await
    }

    pub async fn get(&self, world: &World, node: impl Into<NodeId>, path: &str) -> Answer {
        send_as(&self.device, world.url(node), "GET", path, &[], b"").await
    }

    /// Starts a session and returns its epoch.
    pub async fn come_online(&self, world: &World) -> u64 {
        let endpoint = EndpointRecord {
            device: self.device.public(),
            sequence: now().0,
            addresses: vec!["127.0.0.1:9".to_owned()],
            relay: None,
        };
        let body = StartSession {
            endpoint: Signed::new(&self.device, endpoint),
            listed: true,
        };
        let started: SessionStarted = self.command(world, 1, paths::SESSIONS, &body).await.read();
        started.epoch
    }

    pub async fn events(&self, world: &World, node: impl Into<NodeId>, after: u64) -> Stream {
        let path = format!("{}?after={after}", paths::EVENTS);
        Stream::open(&self.device, world.url(node), &path).await
    }

    pub fn rights(&self, grant: GrantId, version: u64, permitted: u32) -> Rights {
        Rights {
            owner: self.identity.public(),
            grant,
            version,
            permitted,
            expires: None,
            revoked: false,
            may_save: false,
            offline: 0,
        }
    }

    /// Shares a photo, as an owner's agent does.
    pub async fn share(&self, world: &World, viewer: &Person, photo: &[u8], views: u32) -> Shared {
        let mut generator = generator();
        let request = Signed::new(
            &viewer.identity,
            PhotoRequest {
                viewer: viewer.identity.public(),
                owner: self.identity.public(),
                image: ImageId(random()),
                request: RequestId(random()),
                asked_at: now(),
            },
        );
        let mut manifest = Manifest {
            owner: self.identity.public(),
            owner_name: self.name.clone(),
            viewer: viewer.identity.public(),
            viewer_name: viewer.name.clone(),
            viewer_sealing: viewer.sealing.public(),
            cluster: world.cluster,
            image: request.unverified().unwrap().image,
            nonce: Hash(random()),
            request: request.hash(),
            payload: Hash([0; 32]),
            payload_length: 0,
            key_commitment: Hash([0; 32]),
        };
        let grant = manifest.grant_id();
        let info = PhotoInfo {
            name: "photo.jpg".to_owned(),
            media_type: "image/jpeg".to_owned(),
        };
        let to = viewer.sealing.public();
        let sealed = seal_photo(&mut generator, &grant, &to, &info, photo).unwrap();
        manifest.payload = sealed.payload_hash;
        manifest.payload_length = sealed.payload.len() as u64;
        manifest.key_commitment = sealed.key_commitment;
        let dealing = Dealing {
            cluster: world.cluster,
            grant,
            owner: self.identity.public(),
            viewer: viewer.identity.public(),
            number: 1,
            first_floor: FirstFloor::NEW,
        };
        let descriptor = world.descriptor().await;
        let deal = deal(&mut generator, &dealing, &sealed.cluster_share, &descriptor).unwrap();
        let body = CreateGrant {
            request,
            manifest: Signed::new(&self.identity, manifest.clone()),
            deal: Signed::new(&self.identity, deal.clone()),
            rights: Signed::new(&self.identity, self.rights(grant, 1, views)),
        };
        let created: Created = self.command(world, 1, paths::GRANTS, &body).await.read();
        assert_eq!(created.grant, grant);
        Shared {
            grant,
            manifest,
            deal,
            payload: sealed.payload,
            cluster_share: sealed.cluster_share,
        }
    }
}
