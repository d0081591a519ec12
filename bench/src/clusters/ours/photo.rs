//! A prepared photo: its owner's share, which the nodes' parts give back to its viewer.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use cameo_chaos::statements::{Permission, View, new_grant_of};
use cameo_common::api::{Debited, GrantInfo, PutDeal, ReleasePart, Released, paths};
use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::ids::ClusterId;
use cameo_common::op::Op;
use cameo_common::rights::MAX_PERMITTED;
use cameo_common::sealing::{Dealing, Share, combine, deal};
use cameo_common::signed::Signed;
use cameo_common::statements::FirstFloor;
use tokio::time::{Instant, sleep};

use super::grant::Grant;
use super::patient::{COMMAND_DEADLINE, FIRST_PAUSE, LONGEST_PAUSE, Patient};
use super::people::{Person, now};

/// Attempts at a deal while other entries come first.
const DEAL_ATTEMPTS: usize = 10;

/// A photo that was shared, and the newest deal of its share.
#[derive(Debug)]
pub struct Photo {
    grant: Grant,
    cluster: ClusterId,
    owner: Arc<Person>,
    viewer: Arc<Person>,
    share: Share,
    dealt_to: Descriptor,
    /// Views that were asked for.
    views: u32,
}

impl Photo {
    /// Shares a photo, by calls of this client.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn share(
        cluster: ClusterId,
        (owner, viewer): (Arc<Person>, Arc<Person>),
        client: &mut Patient,
    ) -> anyhow::Result<Self> {
        let share = Share::random(&mut rand::rng());
        let dealt_to = client.descriptor();
        let first = Permission {
            views: MAX_PERMITTED,
            revoked: false,
            expires: None,
        };
        let (id, body) = new_grant_of(
            &mut rand::rng(),
            now(),
            (cluster, &dealt_to),
            (owner.party(), viewer.party()),
            (first, &share),
        )?;
        let proof = owner.authorize(cluster, &Op::from(&body));
        client
            .call(&|to| to.post(paths::GRANTS, Some(&proof), &body))
            .await?;
        Ok(Self {
            grant: Grant::of(id, cluster, dealt_to.threshold()),
            cluster,
            owner,
            viewer,
            share,
            dealt_to,
            views: 0,
        })
    }

    /// Whether it may not be asked for again.
    pub fn is_used_up(&self) -> bool {
        self.views >= MAX_PERMITTED
    }

    /// A view that the viewer's device asks for.
    pub fn view(&mut self) -> View {
        self.views += 1;
        self.grant.view(&self.viewer)
    }

    /// Charges a view.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn debit(&self, view: &View, client: &mut Patient) -> anyhow::Result<Debited> {
        let (path, body) = self.grant.debit(view);
        client.ask(&|to| to.post(&path, None, &body)).await
    }

    /// A whole view: charged, parts of enough nodes released to it, opened and combined. Repeated
    /// under the same request while nodes come and go, and charged once.
    ///
    /// # Errors
    /// When the call fails, parts do not open by the deadline, or they give another share.
    pub async fn open(&self, view: &View, client: &mut Patient) -> anyhow::Result<()> {
        let end = Instant::now() + COMMAND_DEADLINE;
        let mut pause = FIRST_PAUSE;
        loop {
            let debited = self.debit(view, client).await?;
            let dealt = debited.deal.verify()?;
            let body = ReleasePart {
                request: view.signed.clone(),
                index: Some(debited.index),
            };
            let path = paths::fill(paths::PARTS, &self.grant.id);
            let needed = usize::from(dealt.threshold);
            let part = |body: &[u8]| {
                let released: Released = serde_json::from_slice(body).ok()?;
                view.open(&dealt, &released)
            };
            let ask = |to: &super::connection::Connection| to.post(&path, None, &body);
            let opened = client.gather(&ask, needed, part).await;
            if opened.len() >= needed {
                let share = combine(&dealt, &opened)?;
                ensure!(
                    share.expose() == self.share.expose(),
                    "the parts of photo {} give another share",
                    self.grant.id
                );
                return Ok(());
            }
            if Instant::now() + pause >= end {
                bail!(
                    "{} of {needed} parts of photo {} were released within {COMMAND_DEADLINE:?}",
                    opened.len(),
                    self.grant.id
                );
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Whether it is dealt to this descriptor.
    pub fn is_dealt_to(&self, descriptor: &Descriptor) -> bool {
        self.dealt_to.number == descriptor.number
    }

    /// Deals it again to the present nodes, as its owner does once the nodes have changed.
    ///
    /// # Errors
    /// When a call fails, or other entries come first too often.
    pub async fn deal_again(&mut self, client: &mut Patient) -> anyhow::Result<()> {
        let descriptor = client.descriptor();
        if self.is_dealt_to(&descriptor) {
            return Ok(());
        }
        let mut last = None;
        for _ in 0..DEAL_ATTEMPTS {
            match self.deal_to(&descriptor, client).await {
                Ok(()) => {
                    self.dealt_to = descriptor;
                    return Ok(());
                }
                Err(error) => last = Some(error),
            }
        }
        let last = last.context("an attempt")?;
        Err(last.context(format!("photo {} was not dealt again", self.grant.id)))
    }

    async fn deal_to(&self, descriptor: &Descriptor, client: &mut Patient) -> anyhow::Result<()> {
        let path = paths::fill(paths::GRANT, &self.grant.id);
        let info: GrantInfo = client.ask(&|to| to.get(&path)).await?;
        let newest = info.deal.verify()?;
        // An attempt whose answer was lost may have been the deal.
        if newest.descriptor == descriptor.hash() {
            return Ok(());
        }
        let dealing = Dealing {
            cluster: self.cluster,
            grant: self.grant.id,
            owner: self.owner.identity.public(),
            viewer: self.viewer.identity.public(),
            number: newest.number + 1,
            first_floor: FirstFloor {
                rights_version: info.version,
                used: info.used,
            },
        };
        let dealt = deal(&mut rand::rng(), &dealing, &self.share, descriptor)?;
        let body = PutDeal {
            deal: Signed::new(&self.owner.identity, dealt),
        };
        let proof = self.owner.authorize(self.cluster, &Op::from(&body));
        let path = paths::fill(paths::DEALS, &self.grant.id);
        client
            .call(&|to| to.post(&path, Some(&proof), &body))
            .await?;
        Ok(())
    }
}
