//! A grant and its views, as owner and viewer sign them.

use anyhow::{Context as _, ensure};
use cameo_common::api::{
    CreateGrant, DebitView, Debited, ReleasePart, Released, VIEW_REQUEST_LIFETIME, paths,
};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, GrantId, Hash, ImageId, NodeId, RequestId};
use cameo_common::keys::SealingSecret;
use cameo_common::op::Op;
use cameo_common::rights::{MAX_PERMITTED, Rights};
use cameo_common::sealing::{
    Dealing, PartContext, ReleaseContext, Share, combine, deal, open_release,
};
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, FirstFloor, Manifest, PhotoRequest, ViewRequest};
use data_encoding::BASE64URL_NOPAD;

use super::connection::Connection;
use super::people::{Person, now, random};

/// A live grant.
#[derive(Debug, Clone)]
pub struct Grant {
    pub id: GrantId,
    cluster: ClusterId,
    threshold: usize,
}

/// A request for a view, and what opens its parts.
#[derive(Debug)]
pub struct View {
    pub signed: Signed<ViewRequest>,
    request: RequestId,
    one_time: SealingSecret,
}

impl Grant {
    /// Records a grant of as many views as there can be.
    pub async fn create(
        cluster: ClusterId,
        descriptor: &Descriptor,
        owner: &Person,
        viewer: &Person,
        connection: &mut Connection,
    ) -> anyhow::Result<Self> {
        let image = ImageId(random());
        let request = PhotoRequest {
            viewer: viewer.identity.public(),
            owner: owner.identity.public(),
            image,
            request: RequestId(random()),
            asked_at: now(),
        };
        let request = Signed::new(&viewer.identity, request);
        let manifest = Manifest {
            owner: owner.identity.public(),
            owner_name: owner.name.clone(),
            viewer: viewer.identity.public(),
            viewer_name: viewer.name.clone(),
            viewer_sealing: viewer.sealing.public(),
            cluster,
            image,
            nonce: Hash(random()),
            request: request.hash(),
            payload: Hash(random()),
            payload_length: 1_000_000,
            key_commitment: Hash(random()),
        };
        let id = manifest.grant_id();
        let dealing = Dealing {
            cluster,
            grant: id,
            owner: manifest.owner,
            viewer: manifest.viewer,
            number: 1,
            first_floor: FirstFloor::NEW,
        };
        let mut rng = rand::rng();
        let share = Share::random(&mut rng);
        let rights = Rights {
            owner: manifest.owner,
            grant: id,
            version: 1,
            permitted: MAX_PERMITTED,
            expires: None,
            revoked: false,
            may_save: false,
            offline: 0,
        };
        let body = CreateGrant {
            request,
            manifest: Signed::new(&owner.identity, manifest),
            deal: Signed::new(
                &owner.identity,
                deal(&mut rng, &dealing, &share, descriptor)?,
            ),
            rights: Signed::new(&owner.identity, rights),
        };
        let proof = owner.authorize(cluster, &Op::from(&body));
        connection.command(paths::GRANTS, &proof, &body).await?;
        Ok(Self {
            id,
            cluster,
            threshold: descriptor.threshold(),
        })
    }

    /// A view that the viewer's device asks for.
    pub fn view(&self, viewer: &Person) -> View {
        let one_time = SealingSecret::from_bytes(random());
        let request = RequestId(random());
        let content = ViewRequest {
            device: viewer.device.public(),
            cluster: self.cluster,
            grant: self.id,
            request,
            one_time: one_time.public(),
            not_after: now().plus(VIEW_REQUEST_LIFETIME),
        };
        View {
            signed: Signed::new(&viewer.device, content),
            request,
            one_time,
        }
    }

    /// The call that charges a view.
    pub fn debit(&self, view: &View) -> (String, DebitView) {
        let request = view.signed.clone();
        (paths::fill(paths::VIEWS, &self.id), DebitView { request })
    }

    /// A whole view: charged at the first of these nodes, parts of as many as are needed, asked
    /// for at once, opened and combined to the share that opens the photo.
    pub async fn open(
        &self,
        view: &View,
        nodes: &mut [(NodeId, Connection)],
    ) -> anyhow::Result<Share> {
        let (path, body) = self.debit(view);
        let (_, first) = nodes.first_mut().context("a cluster has nodes")?;
        let debit = first.post(&path, None, &body)?;
        let debited: Debited = first.ask(debit).await?;
        let deal = debited.deal.verify()?;
        let asked = nodes.iter_mut().take(self.threshold);
        let parts = asked.map(|(_, connection)| self.part(view, debited.index, connection));
        let parts = futures_util::future::try_join_all(parts).await?;
        let opened = parts.iter().map(|part| opened(view, &deal, part));
        let opened: Vec<_> = opened.collect::<anyhow::Result<_>>()?;
        Ok(combine(&deal, &opened)?)
    }

    async fn part(
        &self,
        view: &View,
        index: u64,
        connection: &mut Connection,
    ) -> anyhow::Result<Released> {
        let body = ReleasePart {
            request: view.signed.clone(),
            index,
        };
        let path = paths::fill(paths::PARTS, &self.id);
        let request = connection.post(&path, None, &body)?;
        connection.ask(request).await
    }
}

fn opened(
    view: &View,
    deal: &Deal,
    released: &Released,
) -> anyhow::Result<zeroize::Zeroizing<Vec<u8>>> {
    let part = deal.parts.iter().find(|part| part.node == released.node);
    let part = part.context("a part of a node that was dealt to")?;
    ensure!(released.deal == deal.number, "a part of another deal");
    let context = ReleaseContext {
        part: PartContext::of(deal, part),
        request: view.request,
        request_hash: view.signed.hash(),
    };
    let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes())?;
    Ok(open_release(&view.one_time, &context, part, &sealed)?)
}
