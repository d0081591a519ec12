//! New grants, as owners offer them.

use cameo_common::cluster_descriptor::{Descriptor, NodeIdentity};
use cameo_common::ids::{GrantId, Hash, ImageId};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, DealtPart, FirstFloor, Manifest, PhotoRequest};

use super::{Person, cluster_id, descriptor, rights, sign};
use crate::Op;

/// The statements of a new grant, not yet signed, so that a test can make one of them invalid.
#[derive(Debug, Clone)]
pub struct Offer {
    pub request: Signed<PhotoRequest>,
    pub manifest: Manifest,
    pub deal: Deal,
    pub rights: Rights,
}

impl Offer {
    /// Statements that grant a viewer `views` views of an owner's image.
    pub fn new(owner: &Person, viewer: &Person, image: ImageId, views: u32) -> Self {
        Self::with_nonce(owner, viewer, image, views, 1)
    }

    /// The same with a chosen nonce: each gives another grant, for another request.
    pub fn with_nonce(
        owner: &Person,
        viewer: &Person,
        image: ImageId,
        views: u32,
        nonce: u8,
    ) -> Self {
        let request = viewer.requests_as(owner, image, nonce);
        let manifest = Manifest {
            owner: owner.key(),
            owner_name: owner.name.clone(),
            viewer: viewer.key(),
            viewer_name: viewer.name.clone(),
            viewer_sealing: viewer.sealing(),
            cluster: cluster_id(),
            image,
            nonce: Hash([nonce; 32]),
            request: request.hash(),
            payload: Hash([0xaa; 32]),
            payload_length: 1_000,
            key_commitment: Hash([0xbb; 32]),
        };
        let grant = manifest.grant_id();
        Self {
            deal: deal(&manifest, &descriptor(), 1, FirstFloor::NEW),
            rights: rights(owner, grant, 1, views),
            request,
            manifest,
        }
    }

    pub fn id(&self) -> GrantId {
        self.manifest.grant_id()
    }

    /// Deals it to another descriptor.
    pub fn deal_to(&mut self, descriptor: &Descriptor) {
        self.deal = deal(&self.manifest, descriptor, 1, FirstFloor::NEW);
    }

    /// Makes it the answer to another request, and so another grant.
    pub fn answer(&mut self, request: Signed<PhotoRequest>) {
        self.refer_to(request.hash());
        self.request = request;
    }

    /// Names another request in the manifest, and so another grant in the other statements.
    pub fn refer_to(&mut self, request: Hash) {
        self.manifest.request = request;
        let grant = self.id();
        self.deal.grant = grant;
        self.rights.grant = grant;
    }

    pub fn op(&self) -> Op {
        Op::CreateGrant {
            request: self.request.clone(),
            manifest: sign(self.manifest.clone()),
            deal: sign(self.deal.clone()),
            rights: sign(self.rights.clone()),
        }
    }
}

/// A deal of the right shape with arbitrary parts, which the machine does not open.
pub fn deal(
    manifest: &Manifest,
    descriptor: &Descriptor,
    number: u64,
    first_floor: FirstFloor,
) -> Deal {
    let part = |node: &NodeIdentity| DealtPart {
        node: node.id,
        key: node.sealing,
        x: node.id.0 as u8,
        sealed: vec![node.id.0 as u8; 81],
        commitment: Hash([node.id.0 as u8; 32]),
    };
    Deal {
        owner: manifest.owner,
        viewer: manifest.viewer,
        cluster: manifest.cluster,
        grant: manifest.grant_id(),
        number,
        descriptor: descriptor.hash(),
        threshold: descriptor.threshold() as u8,
        first_floor,
        parts: descriptor.nodes.iter().map(part).collect(),
    }
}
