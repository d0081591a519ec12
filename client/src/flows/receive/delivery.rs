//! Receiving of a carrier: only for this user's own request, only from its owner, with a receipt
//! only after the carrier was verified.

use cameo_common::ids::{GrantId, Hash, RequestId};
use cameo_common::peer::{Delivery, MAX_MEDIA_TYPE, PeerUser};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Manifest, Receipt};

use super::carrier::has_carrier;
use super::error::ReceiveError;
use super::fit::{another_carrier, answers, check_unchanged, fitting};
use super::parts::partial;
use super::rights;
use crate::clock;
use crate::flows::context::Context;
use crate::flows::notices::{Notice, Notices};
use crate::flows::open::{self, OpenError};
use crate::peer::{Content, ReceivedBody};
use crate::vault::records::{EarlierCluster, GrantHeld, Outgoing, OutgoingState, Secret, change};
use crate::vault::{Vault, VaultError};

/// The kind of a photo, if its owner tells one.
fn told_kind(media_type: &str) -> Option<String> {
    let is_told = !media_type.is_empty() && media_type.len() <= MAX_MEDIA_TYPE;
    is_told.then(|| media_type.to_owned())
}

/// The receiver of carriers from one user.
#[derive(Debug)]
pub struct Receiver<'a> {
    pub ctx: &'a Context,
    pub notices: &'a Notices,
    pub from: &'a PeerUser,
}

impl Receiver<'_> {
    /// The offset from which an offered carrier is needed.
    ///
    /// # Errors
    /// When this user has not requested it.
    pub async fn wanted(
        &self,
        request: &RequestId,
        grant: &GrantId,
        content: Content,
    ) -> Result<u64, ReceiveError> {
        let vault = self.vault();
        let outgoing = self.asked_for(request)?;
        answers(vault, &outgoing, grant)?;
        if let Some(held) = vault.get::<GrantHeld>(&grant.to_string())? {
            if held.carrier.0 != content.hash {
                return Err(another_carrier());
            }
            if has_carrier(vault, &held).await? {
                return Ok(content.length);
            }
        }
        Ok(partial(vault.home(), content)?.offset())
    }

    /// Receives and verifies a carrier, stores the grant, and returns the receipt.
    ///
    /// # Errors
    /// When it does not fit the request, or cannot be stored.
    pub async fn take(
        &self,
        delivery: &Delivery,
        body: Option<ReceivedBody>,
    ) -> Result<Signed<Receipt>, ReceiveError> {
        let vault = self.vault();
        let outgoing = self.asked_for(&delivery.request)?;
        let earlier = self.ctx.vault.list::<EarlierCluster>()?;
        let earlier: Vec<_> = earlier.into_iter().map(|(_, cluster)| cluster).collect();
        let (manifest, rights) = fitting(&self.ctx.me, &earlier, &outgoing, delivery)?;
        let grant = manifest.grant_id();
        answers(vault, &outgoing, &grant)?;
        let known = vault.get::<GrantHeld>(&grant.to_string())?;
        let whole = match &known {
            Some(held) => {
                check_unchanged(held, delivery)?;
                rights::store_rights_of_owner(vault, &grant, &delivery.rights)?;
                has_carrier(vault, held).await?
            }
            None => false,
        };
        if !whole {
            self.receive(&outgoing, grant, delivery, body).await?;
        }
        if known.is_none() {
            self.keep(self.held(&outgoing, &manifest, &rights, delivery))
                .await?;
        }
        self.record_arrival(&delivery.request, grant)?;
        Ok(self.receipt(grant, delivery.carrier))
    }

    fn vault(&self) -> &Vault {
        &self.ctx.vault
    }

    /// This user's request for which the peer is the owner.
    fn asked_for(&self, request: &RequestId) -> Result<Outgoing, ReceiveError> {
        self.vault()
            .get::<Outgoing>(&request.to_string())?
            .filter(|outgoing| outgoing.owner_key == self.from.card.key)
            .ok_or_else(|| ReceiveError::not_accepted("this home has made no such request"))
    }

    async fn receive(
        &self,
        outgoing: &Outgoing,
        grant: GrantId,
        delivery: &Delivery,
        body: Option<ReceivedBody>,
    ) -> Result<(), ReceiveError> {
        let content = Content {
            length: delivery.carrier_length,
            hash: delivery.carrier.0,
        };
        let mut partial = partial(self.vault().home(), content)?;
        if let Some(body) = body {
            let report_progress = |received| {
                self.notices.publish(Notice::Arriving {
                    request: outgoing.request,
                    received,
                    length: content.length,
                });
            };
            partial.receive(body, report_progress).await?;
        }
        let name = format!("{grant}.png");
        let target = self.vault().blob_path(GrantHeld::CARRIERS, &name)?;
        Ok(partial.finish(target).await?)
    }

    fn held(
        &self,
        outgoing: &Outgoing,
        manifest: &Manifest,
        rights: &Rights,
        delivery: &Delivery,
    ) -> GrantHeld {
        GrantHeld {
            grant: manifest.grant_id(),
            image: manifest.image,
            owner: self.from.name.clone(),
            owner_key: manifest.owner,
            request_id: delivery.request,
            title: outgoing.title.clone(),
            manifest: delivery.manifest.clone(),
            codec_key: Secret::new(delivery.codec_key),
            carrier: delivery.carrier,
            rights: delivery.rights.clone(),
            version: rights.version,
            confirmed: 0,
            acknowledged: 0,
            used: 0,
            received: clock::now(),
            media_type: told_kind(&delivery.media_type),
        }
    }

    /// Stores the grant if its carrier can be opened. Rights may have arrived before the carrier;
    /// the newest stay.
    async fn keep(&self, held: GrantHeld) -> Result<(), ReceiveError> {
        let vault = self.vault();
        let checked = open::prepare(vault, &self.ctx.me, held.clone()).await;
        if let Err(error) = checked {
            vault.delete_blob(GrantHeld::CARRIERS, &held.blob())?;
            return Err(unreadable(error));
        }
        let id = held.grant.to_string();
        vault.update::<GrantHeld, VaultError>(&id, |found| Ok(Some(found.unwrap_or(held))))?;
        Ok(())
    }

    fn record_arrival(&self, request: &RequestId, grant: GrantId) -> Result<(), VaultError> {
        change::<Outgoing>(self.vault(), &request.to_string(), |outgoing| {
            outgoing.state = OutgoingState::Arrived(grant);
        })?;
        self.notices.publish(Notice::Arrived {
            request: *request,
            grant,
        });
        Ok(())
    }

    fn receipt(&self, grant: GrantId, carrier: Hash) -> Signed<Receipt> {
        let key = self.ctx.me.identity_key();
        Signed::new(
            &key,
            Receipt {
                viewer: key.public(),
                grant,
                carrier,
                received_at: clock::now(),
            },
        )
    }
}

/// Refuses a carrier that is bad by itself. One that failed here for another reason may be sent
/// again.
fn unreadable(error: OpenError) -> ReceiveError {
    match error {
        OpenError::BadCarrier { .. } | OpenError::Statement(_) | OpenError::ForSomebodyElse => {
            ReceiveError::NotAccepted(error.to_string())
        }
        error => ReceiveError::Open(error),
    }
}
