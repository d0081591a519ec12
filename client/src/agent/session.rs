//! Presence: a session with an epoch, kept alive, and begun anew whenever it has ended.

use std::time::Duration;

use cameo_common::api::{ErrorCode, KEEP_ALIVE, StartSession};
use cameo_common::identity::{EndpointRecord, MAX_ADDRESSES};
use cameo_common::signed::Signed;
use tokio::time::{Instant, sleep, timeout};

use super::{Core, inbox};
use crate::cluster_api::ClusterError;
use crate::error_kind::Classified;
use crate::flows::LedgerError;
use crate::flows::notices::Notice;
use crate::vault::VaultError;
use crate::vault::records::{Identity, change};

/// Waits between tries to begin a session, the last one again and again.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
/// Longest goodbye.
const GOODBYE: Duration = Duration::from_secs(3);

/// Keeps a session running until dropped.
pub(super) async fn keep(core: Core) {
    loop {
        let epoch = begin(&core).await;
        core.epoch.send_replace(Some(epoch));
        core.notices.tell(Notice::Session { epoch });
        inbox::ask_again(&core).await;
        core.wake.notify_one();
        stay(&core, epoch).await;
        core.epoch.send_replace(None);
    }
}

async fn begin(core: &Core) -> u64 {
    let mut pauses = PAUSES.into_iter();
    let mut pause = PAUSES[0];
    loop {
        match start(core).await {
            Ok(epoch) => return epoch,
            Err(error) => {
                core.notices.tell(Notice::Trouble {
                    what_failed: "announcing this device".into(),
                    why: error.to_string(),
                });
                if let LedgerError::Cluster(error) = error
                    && (error.kind().is_denial() || error.kind().is_distrust())
                {
                    core.refused.send_replace(Some(error));
                }
            }
        }
        pause = pauses.next().unwrap_or(pause);
        sleep(pause).await;
    }
}

async fn start(core: &Core) -> Result<u64, LedgerError> {
    let endpoint = endpoint(core)?;
    let start = StartSession {
        endpoint,
        listed: core.listed,
    };
    let started = core.ctx.api.start_session(&start).await?;
    learn_nodes(core)?;
    Ok(started.epoch)
}

/// Where this device is now, signed with the next sequence.
fn endpoint(core: &Core) -> Result<Signed<EndpointRecord>, VaultError> {
    let kept = change::<Identity>(&core.ctx.vault, Identity::ID, |me| {
        me.endpoint_sequence += 1;
    })?;
    let sequence = kept.map_or(0, |me| me.endpoint_sequence);
    let device = core.ctx.me.device_key();
    let local = core.peers.transport().local_addresses();
    let addresses = local.iter().take(MAX_ADDRESSES).map(ToString::to_string);
    Ok(Signed::new(
        &device,
        EndpointRecord {
            device: device.public(),
            sequence,
            addresses: addresses.collect(),
            relay: None,
        },
    ))
}

/// Nodes that were not known at `init` are known from now on.
fn learn_nodes(core: &Core) -> Result<(), VaultError> {
    let urls = core.ctx.api.urls();
    let known = core.ctx.vault.get::<Identity>(Identity::ID)?;
    if known.is_some_and(|me| urls.iter().all(|url| me.nodes.contains(url))) {
        return Ok(());
    }
    change::<Identity>(&core.ctx.vault, Identity::ID, |me| {
        for url in &urls {
            if !me.nodes.contains(url) {
                me.nodes.push(url.clone());
            }
        }
    })?;
    Ok(())
}

/// Gives signs of life until the session has ended, or the addresses have changed.
async fn stay(core: &Core, epoch: u64) {
    let told = core.peers.transport().local_addresses();
    let mut heard = Instant::now();
    loop {
        let _ = timeout(KEEP_ALIVE, core.sign_of_life.notified()).await;
        if core.peers.transport().local_addresses() != told {
            return;
        }
        match core.ctx.api.keep_alive(epoch).await {
            Ok(_) => heard = Instant::now(),
            Err(ClusterError::Api(error)) if is_over(error.code) => {
                tracing::info!(%error, epoch, "the session has ended");
                return;
            }
            Err(error) => core.notices.tell(Notice::Trouble {
                what_failed: format!(
                    "giving a sign of life (the last one was {} s ago)",
                    heard.elapsed().as_secs()
                ),
                why: error.to_string(),
            }),
        }
    }
}

fn is_over(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::SessionEnded | ErrorCode::NotFound)
}

/// Goodbye, if the cluster hears it in time.
pub(super) async fn end(core: &Core) {
    let epoch = *core.epoch.borrow();
    if let Some(epoch) = epoch {
        let said = timeout(GOODBYE, core.ctx.api.end_session(epoch)).await;
        if !matches!(said, Ok(Ok(_))) {
            tracing::info!("the cluster did not hear the goodbye; the session ends by itself");
        }
    }
}
