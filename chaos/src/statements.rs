//! Statements of users, as their devices sign them: made from keys, a time and random numbers that
//! the caller has.

use std::time::Duration;

use cameo_common::api::{CreateGrant, Register, Released, VIEW_REQUEST_LIFETIME};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, Millis, RequestId, UserName};
use cameo_common::keys::{PublicKey, SealingPublic, SealingSecret, SigningKey};
use cameo_common::op::Authorization;
use cameo_common::rights::Rights;
use cameo_common::sealing::{
    Dealing, PartContext, ReleaseContext, SealingError, Share, deal, open_release,
};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest, PhotoRequest, ViewRequest};
use data_encoding::BASE64URL_NOPAD;
use rand::CryptoRng;
use zeroize::Zeroizing;

/// Validity of a device's certificate: clocks are set forward in some runs.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// Bytes of a payload that nobody sends.
const PAYLOAD_BYTES: u64 = 1_000;

/// A user in statements.
#[derive(Debug, Clone, Copy)]
pub struct Party<'a> {
    pub name: &'a UserName,
    pub identity: &'a SigningKey,
    pub sealing: SealingPublic,
}

/// What the owner permits in a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    pub views: u32,
    pub revoked: bool,
    pub expires: Option<Millis>,
}

impl Party<'_> {
    /// The user's first card.
    #[must_use]
    pub fn card(self) -> Signed<UserCard> {
        let card = UserCard {
            name: self.name.clone(),
            key: self.identity.public(),
            sealing: self.sealing,
            sequence: 1,
        };
        Signed::new(self.identity, card)
    }

    /// The certificate of a device that is certified now.
    #[must_use]
    pub fn certificate(self, device: PublicKey, now: Millis) -> Signed<DeviceCertificate> {
        let certificate = DeviceCertificate {
            user: self.identity.public(),
            device,
            sequence: 1,
            not_after: now.plus(CERTIFICATE_LIFE),
        };
        Signed::new(self.identity, certificate)
    }

    /// The registration of the user with a device.
    #[must_use]
    pub fn registration(self, device: PublicKey, now: Millis) -> Register {
        Register {
            card: self.card(),
            certificate: self.certificate(device, now),
            invite: None,
        }
    }

    /// What this user permits, as the owner of a grant.
    #[must_use]
    pub fn rights(self, grant: GrantId, version: u64, permission: Permission) -> Signed<Rights> {
        let rights = Rights {
            owner: self.identity.public(),
            grant,
            version,
            permitted: permission.views,
            expires: permission.expires,
            revoked: permission.revoked,
            may_save: false,
            offline: 0,
        };
        Signed::new(self.identity, rights)
    }
}

/// A new grant of a made-up image, and its id.
///
/// # Errors
/// When the descriptor cannot be dealt to.
pub fn new_grant(
    rng: &mut impl CryptoRng,
    now: Millis,
    (cluster, descriptor): (ClusterId, &Descriptor),
    (owner, viewer): (Party<'_>, Party<'_>),
    first: Permission,
) -> Result<(GrantId, CreateGrant), SealingError> {
    grant_of(
        rng,
        now,
        (cluster, descriptor),
        (owner, viewer),
        (first, None),
    )
}

/// The same of a share that the owner keeps, to deal it again.
///
/// # Errors
/// When the descriptor cannot be dealt to.
pub fn new_grant_of(
    rng: &mut impl CryptoRng,
    now: Millis,
    (cluster, descriptor): (ClusterId, &Descriptor),
    (owner, viewer): (Party<'_>, Party<'_>),
    (first, share): (Permission, &Share),
) -> Result<(GrantId, CreateGrant), SealingError> {
    let share = Some(share);
    grant_of(
        rng,
        now,
        (cluster, descriptor),
        (owner, viewer),
        (first, share),
    )
}

fn grant_of(
    rng: &mut impl CryptoRng,
    now: Millis,
    (cluster, descriptor): (ClusterId, &Descriptor),
    (owner, viewer): (Party<'_>, Party<'_>),
    (first, share): (Permission, Option<&Share>),
) -> Result<(GrantId, CreateGrant), SealingError> {
    let image = ImageId(random(rng));
    let request = PhotoRequest {
        viewer: viewer.identity.public(),
        owner: owner.identity.public(),
        image,
        request: RequestId(random(rng)),
        asked_at: now,
    };
    let request = Signed::new(viewer.identity, request);
    let manifest = Manifest {
        owner: owner.identity.public(),
        owner_name: owner.name.clone(),
        viewer: viewer.identity.public(),
        viewer_name: viewer.name.clone(),
        viewer_sealing: viewer.sealing,
        cluster,
        image,
        nonce: Hash(random(rng)),
        request: request.hash(),
        payload: Hash(random(rng)),
        payload_length: PAYLOAD_BYTES,
        key_commitment: Hash(random(rng)),
    };
    let grant = manifest.grant_id();
    let dealing = Dealing {
        cluster,
        grant,
        owner: manifest.owner,
        viewer: manifest.viewer,
        number: 1,
        first_floor: FirstFloor::NEW,
    };
    let share = share.cloned().unwrap_or_else(|| Share::random(rng));
    let dealt = deal(rng, &dealing, &share, descriptor)?;
    let body = CreateGrant {
        request,
        manifest: Signed::new(owner.identity, manifest),
        deal: Signed::new(owner.identity, dealt),
        rights: owner.rights(grant, 1, first),
    };
    Ok((grant, body))
}

/// A view that a device asks for, and what its parts are opened with.
#[derive(Debug, Clone)]
pub struct View {
    pub request: RequestId,
    pub signed: Signed<ViewRequest>,
    one_time: SealingSecret,
}

impl View {
    /// A view of a grant of a cluster.
    #[must_use]
    pub fn new(
        device: &SigningKey,
        (cluster, grant): (ClusterId, GrantId),
        request: RequestId,
        one_time: SealingSecret,
        now: Millis,
    ) -> Self {
        let content = ViewRequest {
            device: device.public(),
            cluster,
            grant,
            request,
            one_time: one_time.public(),
            not_after: now.plus(VIEW_REQUEST_LIFETIME),
        };
        Self {
            request,
            signed: Signed::new(device, content),
            one_time,
        }
    }

    /// The part of a node, if it is the one that was dealt to it, sealed to this view's key.
    #[must_use]
    pub fn open(&self, deal: &Deal, released: &Released) -> Option<Zeroizing<Vec<u8>>> {
        let part = deal.parts.iter().find(|part| part.node == released.node)?;
        if (released.deal, released.x) != (deal.number, part.x) {
            return None;
        }
        let context = ReleaseContext {
            part: PartContext::of(deal, part),
            request: self.request,
            request_hash: self.signed.hash(),
        };
        let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes()).ok()?;
        open_release(&self.one_time, &context, part, &sealed).ok()
    }
}

/// The header of a command, as its device signs it.
#[must_use]
pub fn authorization(
    device: &SigningKey,
    cluster: ClusterId,
    request: RequestId,
    not_after: Millis,
    op: Hash,
) -> String {
    let authorization = Authorization {
        device: device.public(),
        cluster,
        request,
        not_after,
        op,
    };
    BASE64URL_NOPAD.encode(Signed::new(device, authorization).as_bytes())
}

fn random<const N: usize>(rng: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}
