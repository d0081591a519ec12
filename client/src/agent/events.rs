//! The cluster's events, as they come: each is dealt with, then the token is kept.

use std::time::Duration;

use cameo_common::api::{ErrorCode, Event, EventKind};
use tokio::time::sleep;

use super::{Core, inbox};
use crate::cluster_api::{ClusterError, Heard};
use crate::exit::Failure;
use crate::notices::Notice;
use crate::vault::records::{EventToken, GrantOwned, Stage, change};

const TOKEN: &str = "token";
/// Wait before a stream that broke is opened again.
const PAUSE: Duration = Duration::from_millis(300);

/// Follows the stream while a session runs, until dropped.
pub(super) async fn follow(core: Core) {
    let mut epoch = core.epoch.subscribe();
    loop {
        if epoch.wait_for(Option::is_some).await.is_err() {
            return;
        }
        if let Err(error) = read(&core).await {
            tracing::info!(%error, "the event stream broke off");
        }
        sleep(PAUSE).await;
    }
}

async fn read(core: &Core) -> Result<(), Failure> {
    let token = core.ctx.vault.get::<EventToken>(TOKEN)?.unwrap_or_default();
    let mut stream = match core.ctx.api.events(token.sequence).await {
        Err(ClusterError::Api(error)) if error.code == ErrorCode::SessionEnded => {
            core.sign_of_life.notify_one();
            return Err(error.into());
        }
        opened => opened?,
    };
    loop {
        match stream.next().await? {
            Heard::Event(event) => {
                deal_with(core, &event).await?;
                let sequence = event.sequence;
                core.ctx.vault.put(TOKEN, &EventToken { sequence })?;
            }
            Heard::Probe => core.sign_of_life.notify_one(),
            Heard::Ended(error) => {
                if error.code == ErrorCode::SessionEnded {
                    core.sign_of_life.notify_one();
                }
                return Err(error.into());
            }
        }
    }
}

async fn deal_with(core: &Core, event: &Event) -> Result<(), Failure> {
    match &event.kind {
        EventKind::Rights { grant, rights } => {
            if inbox::confirm(&core.ctx, grant, rights)? {
                inbox::acknowledge(core, grant).await;
            }
        }
        EventKind::Granted { grant } => tracing::info!(%grant, "a grant for this user is recorded"),
        EventKind::Received { grant, receipt } => {
            change::<GrantOwned>(&core.ctx.vault, &grant.to_string(), |owned| {
                owned.stage = Stage::Settled;
                owned.receipt.get_or_insert_with(|| receipt.clone());
                owned.acknowledged = owned.acknowledged.max(1);
            })?;
        }
        EventKind::Viewed { grant, number } => core.notices.tell(Notice::Viewed {
            grant: *grant,
            number: *number,
        }),
        EventKind::Acknowledged { grant, version } => {
            change::<GrantOwned>(&core.ctx.vault, &grant.to_string(), |owned| {
                owned.acknowledged = owned.acknowledged.max(*version);
            })?;
            core.notices.tell(Notice::Acknowledged {
                grant: *grant,
                version: *version,
            });
        }
    }
    Ok(())
}
