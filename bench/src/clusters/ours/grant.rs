//! A grant and its views, as owner and viewer sign them.

use anyhow::Context as _;
use cameo_chaos::statements::{Permission, View, new_grant};
use cameo_common::api::{DebitView, Debited, ReleasePart, Released, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::{ClusterId, GrantId, NodeId, RequestId};
use cameo_common::keys::SealingSecret;
use cameo_common::op::Op;
use cameo_common::rights::MAX_PERMITTED;
use cameo_common::sealing::{Share, combine};
use futures_util::future::try_join_all;
use futures_util::try_join;

use super::connection::Connection;
use super::people::{Person, now, random};

/// A live grant.
#[derive(Debug, Clone)]
pub struct Grant {
    pub id: GrantId,
    cluster: ClusterId,
    threshold: usize,
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
        let first = Permission {
            views: MAX_PERMITTED,
            revoked: false,
            expires: None,
        };
        let (id, body) = new_grant(
            &mut rand::rng(),
            now(),
            (cluster, descriptor),
            (owner.party(), viewer.party()),
            first,
        )?;
        let proof = owner.authorize(cluster, &Op::from(&body));
        connection.command(paths::GRANTS, &proof, &body).await?;
        Ok(Self {
            id,
            cluster,
            threshold: descriptor.threshold(),
        })
    }

    /// A grant that is recorded already.
    pub fn of(id: GrantId, cluster: ClusterId, threshold: usize) -> Self {
        Self {
            id,
            cluster,
            threshold,
        }
    }

    /// A view that the viewer's device asks for.
    pub fn view(&self, viewer: &Person) -> View {
        let one_time = SealingSecret::from_bytes(random());
        let of = (self.cluster, self.id);
        View::new(&viewer.device, of, RequestId(random()), one_time, now())
    }

    /// The call that charges a view.
    pub fn debit(&self, view: &View) -> (String, DebitView) {
        let request = view.signed.clone();
        (paths::fill(paths::VIEWS, &self.id), DebitView { request })
    }

    /// A whole view, as the client does it: charged at the first of these nodes, beside that parts
    /// of as many others as are needed, opened and combined to the share that opens the photo.
    pub async fn open(
        &self,
        view: &View,
        nodes: &mut [(NodeId, Connection)],
    ) -> anyhow::Result<Share> {
        let (path, body) = self.debit(view);
        let (first, others) = nodes.split_first_mut().context("a cluster has nodes")?;
        let charge = async {
            let debit = first.1.post(&path, None, &body)?;
            let debited: Debited = first.1.ask(debit).await?;
            Ok(debited.deal.verify()?)
        };
        let asked = others.iter_mut().take(self.threshold);
        let parts = try_join_all(asked.map(|(_, connection)| self.part(view, connection)));
        let (deal, parts) = try_join!(charge, parts)?;
        let opened = parts.iter().map(|part| view.open(&deal, part));
        let opened: Option<Vec<_>> = opened.collect();
        let opened = opened.context("parts that open")?;
        Ok(combine(&deal, &opened)?)
    }

    async fn part(&self, view: &View, connection: &mut Connection) -> anyhow::Result<Released> {
        let body = ReleasePart {
            request: view.signed.clone(),
            index: None,
        };
        let path = paths::fill(paths::PARTS, &self.id);
        let request = connection.post(&path, None, &body)?;
        connection.ask(request).await
    }
}
