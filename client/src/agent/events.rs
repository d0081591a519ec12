//! Processing of the cluster's event stream: each event is processed, then its sequence is stored.

use std::time::Duration;

use cameo_common::api::{ApiError, ErrorCode, Event, EventKind};
use cameo_common::ids::GrantId;
use cameo_common::signed::Signed;
use cameo_common::statements::{Receipt, RightsAck};
use tokio::time::sleep;

use super::{Core, received_rights};
use crate::cluster_api::{ClusterError, StreamMessage};
use crate::flows::LedgerError;
use crate::flows::notices::Notice;
use crate::flows::{receive, share};
use crate::vault::VaultError;
use crate::vault::records::{EventToken, GrantOwned, Stage, change};

pub(super) const TOKEN: &str = "token";
/// Pause before a broken stream is opened again.
const PAUSE: Duration = Duration::from_millis(300);

/// Follows the stream while a session runs, until dropped.
pub(super) async fn follow(core: Core) {
    let mut epoch = core.epoch.subscribe();
    loop {
        if epoch.wait_for(Option::is_some).await.is_err() {
            return;
        }
        if let Err(error) = read(&core).await {
            tracing::info!(%error, "the event stream ended");
        }
        sleep(PAUSE).await;
    }
}

/// Handles a node's refusal of the stream, and returns it as an error.
fn handle_refusal(core: &Core, error: ApiError) -> Result<ClusterError, VaultError> {
    match error.code {
        ErrorCode::SessionEnded => core.renew.notify_one(),
        // The stored sequence is beyond the last event: a node has sent a false one. Events may be
        // processed more than once, so the stream restarts from the beginning.
        ErrorCode::BadRequest => {
            tracing::warn!(%error, "the event stream restarts from the beginning");
            core.ctx.vault.put(TOKEN, &EventToken::default())?;
        }
        _ => {}
    }
    Ok(error.into())
}

pub(super) async fn read(core: &Core) -> Result<(), LedgerError> {
    let mut token = core.ctx.vault.get::<EventToken>(TOKEN)?.unwrap_or_default();
    let mut stream = match core.ctx.api.events(token.sequence).await {
        Err(ClusterError::Api(error)) => return Err(handle_refusal(core, error)?.into()),
        opened => opened?,
    };
    loop {
        match stream.next().await? {
            StreamMessage::Event(event) => {
                process(core, &event).await?;
                // Mail that was read and not acknowledged comes again, with its old sequence.
                if event.sequence > token.sequence {
                    token.sequence = event.sequence;
                    core.ctx.vault.put(TOKEN, &token)?;
                }
            }
            StreamMessage::Probe => core.renew.notify_one(),
            StreamMessage::Ended(error) => return Err(handle_refusal(core, error)?.into()),
        }
    }
}

pub(super) async fn process(core: &Core, event: &Event) -> Result<(), VaultError> {
    match &event.kind {
        EventKind::Rights { grant, rights } => {
            if receive::store_rights_of_ledger(&core.ctx.vault, grant, rights)? {
                received_rights::acknowledge(core, grant).await;
            }
        }
        EventKind::Granted { grant } => tracing::info!(%grant, "a grant for this user is recorded"),
        EventKind::Dealt { grant, number } => {
            tracing::info!(%grant, number, "a grant for this user is dealt to new nodes");
        }
        EventKind::Received { grant, receipt } => store_receipt(core, grant, receipt)?,
        EventKind::Viewed { grant, number } => core.notices.publish(Notice::Viewed {
            grant: *grant,
            number: *number,
        }),
        EventKind::Acknowledged { grant, ack } => store_acknowledgement(core, grant, ack)?,
    }
    Ok(())
}

/// Stores a receipt. Only the viewer's signature counts, not the node that passes it on.
fn store_receipt(
    core: &Core,
    grant: &GrantId,
    receipt: &Signed<Receipt>,
) -> Result<(), VaultError> {
    let vault = &core.ctx.vault;
    let Some(owned) = vault.get::<GrantOwned>(&grant.to_string())? else {
        return Ok(());
    };
    if let Err(error) = share::check_receipt(&owned, receipt) {
        tracing::warn!(%grant, %error, "the cluster passed on a receipt that the viewer did not \
             sign");
        return Ok(());
    }
    change::<GrantOwned>(vault, &grant.to_string(), |owned| {
        // A carrier that is being sent again is still due, though the ledger has a receipt of the
        // first delivery.
        if owned.receipt.is_none() || owned.stage >= Stage::Delivered {
            owned.stage = Stage::Settled;
        }
        owned.receipt.get_or_insert_with(|| receipt.clone());
        owned.acknowledged = owned.acknowledged.max(1);
    })?;
    Ok(())
}

/// Stores an acknowledgement, by the viewer's signature alone: to believe a false one would keep
/// rights from being sent. A version that was never signed here is ignored for the same reason.
fn store_acknowledgement(
    core: &Core,
    grant: &GrantId,
    ack: &Signed<RightsAck>,
) -> Result<(), VaultError> {
    let Ok(content) = ack.verify() else {
        tracing::warn!(%grant, "the cluster passed on an acknowledgement with a wrong signature");
        return Ok(());
    };
    let version = content.version;
    let mut genuine = false;
    change::<GrantOwned>(&core.ctx.vault, &grant.to_string(), |owned| {
        genuine = content.viewer == owned.viewer_key
            && content.grant == owned.grant
            && version <= owned.version;
        if genuine {
            owned.acknowledged = owned.acknowledged.max(version);
        }
    })?;
    if genuine {
        core.notices.publish(Notice::Acknowledged {
            grant: *grant,
            version,
        });
    } else {
        tracing::warn!(%grant, version, "the cluster passed on an acknowledgement that the viewer \
             did not sign, or of rights that were not signed here");
    }
    Ok(())
}
