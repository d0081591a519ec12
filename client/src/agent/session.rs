//! The session of this device with the cluster: started, renewed, and started again when it has
//! ended.

use std::time::Duration;

use cameo_common::api::{ErrorCode, KEEP_ALIVE, StartSession};
use cameo_common::cluster_descriptor::MAX_NODES;
use cameo_common::identity::{EndpointRecord, MAX_ADDRESSES};
use cameo_common::signed::Signed;
use tokio::time::{Instant, sleep, timeout};

use super::other_agent::{self, OwnSessions};
use super::{Core, own_requests};
use crate::cluster_api::ClusterError;
use crate::directory;
use crate::flows::LedgerError;
use crate::flows::notices::{Notice, Notices};
use crate::vault::VaultError;
use crate::vault::records::{Identity, change};

/// Most nodes' addresses that a home keeps.
const MAX_KNOWN_NODES: usize = 2 * MAX_NODES;
/// Pauses between attempts to start a session; the last one repeats.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(3),
];
/// After this time a failure that goes on is reported again.
const REPORTED_AGAIN: Duration = Duration::from_secs(600);
/// Refusals for good, one after another, after which the agent ends: about eight seconds of them.
const FINAL_REFUSALS: u32 = 5;
/// Bound on ending the session when the agent stops.
const END_TIMEOUT: Duration = Duration::from_secs(3);

/// Keeps a session running until dropped.
pub(super) async fn keep(core: Core) {
    let mut own = OwnSessions::default();
    loop {
        let epoch = begin(&core, &mut own).await;
        let began = Instant::now();
        core.epoch.send_replace(Some(epoch));
        core.notices.publish(Notice::Session { epoch });
        own_requests::repeat(&core).await;
        core.wake.notify_one();
        tell_wrong_clock(&core).await;
        stay(&core, epoch).await;
        core.epoch.send_replace(None);
        other_agent::give_way(&core, &mut own, began.elapsed()).await;
    }
}

/// Tells when this machine's clock is wrong, by a majority of nodes.
async fn tell_wrong_clock(core: &Core) {
    core.ctx.api.ask_now().await;
    if let Some(why) = core.ctx.api.wrong_clock() {
        let what_failed = "the time".to_owned();
        core.notices.publish(Notice::Trouble { what_failed, why });
    }
}

async fn begin(core: &Core, own: &mut OwnSessions) -> u64 {
    let mut pauses = PAUSES.into_iter();
    let mut pause = PAUSES[0];
    let mut reported = Reported::default();
    let mut final_refusals = 0;
    loop {
        match start(core, own).await {
            Ok(epoch) => {
                core.refused.send_replace(None);
                return epoch;
            }
            Err(error) => {
                let error = believed(core, error).await;
                reported.report(&core.notices, error.to_string());
                let is_stale = has_code(&error, ErrorCode::StaleVersion);
                if is_final(&error) {
                    final_refusals += 1;
                } else {
                    final_refusals = 0;
                }
                if let LedgerError::Cluster(error) = error
                    && is_believed(&error)
                {
                    if final_refusals >= FINAL_REFUSALS {
                        core.ended.send_replace(Some(error.clone()));
                    }
                    core.refused.send_replace(Some(error));
                }
                if is_stale {
                    other_agent::give_way(core, own, Duration::ZERO).await;
                }
            }
        }
        pause = pauses.next().unwrap_or(pause);
        sleep(pause).await;
    }
}

/// The failure of an attempt; that the user is retired only by the word of enough nodes.
async fn believed(core: &Core, error: LedgerError) -> LedgerError {
    match error {
        LedgerError::Cluster(error) => {
            let ctx = &core.ctx;
            directory::believed(&ctx.api, &[&ctx.me.name], error)
                .await
                .into()
        }
        error => error,
    }
}

/// Whether the cluster refuses this device or its user. Of other refusals, the one node is known
/// that has made them.
fn is_believed(error: &ClusterError) -> bool {
    matches!(
        error,
        ClusterError::WrongCluster { .. } | ClusterError::Fork { .. }
    ) || matches!(
        error.code(),
        Some(ErrorCode::Retired | ErrorCode::DeviceRevoked | ErrorCode::NotAuthenticated)
    )
}

/// Whether no later attempt can succeed: the user is retired, or the device revoked.
fn is_final(error: &LedgerError) -> bool {
    has_code(error, ErrorCode::Retired) || has_code(error, ErrorCode::DeviceRevoked)
}

fn has_code(error: &LedgerError, code: ErrorCode) -> bool {
    matches!(error, LedgerError::Cluster(error) if error.code() == Some(code))
}

/// The last reported failure of a session's start, which is not reported at each attempt.
#[derive(Debug, Default)]
struct Reported(Option<(String, Instant)>);

impl Reported {
    fn report(&mut self, notices: &Notices, why: String) {
        let same = |(last, at): &(String, Instant)| *last == why && at.elapsed() < REPORTED_AGAIN;
        if self.0.as_ref().is_some_and(same) {
            return;
        }
        self.0 = Some((why.clone(), Instant::now()));
        notices.publish(Notice::Trouble {
            what_failed: "starting a session".into(),
            why,
        });
    }
}

async fn start(core: &Core, own: &mut OwnSessions) -> Result<u64, LedgerError> {
    let endpoint = endpoint(core, own)?;
    let start = StartSession {
        endpoint,
        listed: core.listed,
    };
    let started = core.ctx.api.start_session(&start).await?;
    learn_nodes(core).await?;
    Ok(started.epoch)
}

/// This device's present addresses, signed with the next sequence.
fn endpoint(core: &Core, own: &mut OwnSessions) -> Result<Signed<EndpointRecord>, VaultError> {
    let kept = change::<Identity>(&core.ctx.vault, Identity::ID, |me| {
        me.endpoint_sequence += 1;
    })?;
    let sequence = kept.map_or(0, |me| me.endpoint_sequence);
    let device = core.ctx.me.device_key();
    let local = core.peers.transport().local_addresses();
    let addresses = local.iter().take(MAX_ADDRESSES).map(ToString::to_string);
    let record = EndpointRecord {
        device: device.public(),
        sequence,
        addresses: addresses.collect(),
        relay: None,
    };
    let record = Signed::new(&device, record);
    own.publish(sequence, record.clone());
    Ok(record)
}

/// Stores the addresses that nodes have proved, if they were not known before. What one node says
/// of others is not stored.
async fn learn_nodes(core: &Core) -> Result<(), VaultError> {
    let api = &core.ctx.api;
    api.find_all_nodes().await;
    let urls = api.proved_urls();
    let known = core.ctx.vault.get::<Identity>(Identity::ID)?;
    if known.is_some_and(|me| urls.iter().all(|url| me.nodes.contains(url))) {
        return Ok(());
    }
    change::<Identity>(&core.ctx.vault, Identity::ID, |me| {
        add_addresses(&mut me.nodes, &urls);
    })?;
    Ok(())
}

/// Adds addresses that nodes have proved. Where there is no room, the oldest that no node has
/// proved give way: nodes leave, and a home outlives them.
fn add_addresses(known: &mut Vec<String>, proved: &[String]) {
    for url in proved {
        if known.contains(url) {
            continue;
        }
        if known.len() >= MAX_KNOWN_NODES
            && let Some(old) = known.iter().position(|known| !proved.contains(known))
        {
            known.remove(old);
        }
        if known.len() < MAX_KNOWN_NODES {
            known.push(url.clone());
        }
    }
}

/// Renews the session until it has ended, or the device's addresses have changed.
async fn stay(core: &Core, epoch: u64) {
    let published = core.peers.transport().local_addresses();
    let began = Instant::now();
    let (mut renewed, mut undisturbed) = (began, false);
    loop {
        let _ = timeout(KEEP_ALIVE, core.renew.notified()).await;
        if core.peers.transport().local_addresses() != published {
            return;
        }
        match core.ctx.api.keep_alive(epoch).await {
            Ok(_) => {
                renewed = Instant::now();
                if !undisturbed && began.elapsed() > 2 * other_agent::LONGEST_WAIT {
                    undisturbed = true;
                    other_agent::forget(core);
                }
            }
            Err(ClusterError::Api(error)) if is_over(error.code) => {
                tracing::info!(%error, epoch, "the session has ended");
                return;
            }
            Err(error) => core.notices.publish(Notice::Trouble {
                what_failed: format!(
                    "renewing the session (last renewed {} s ago)",
                    renewed.elapsed().as_secs()
                ),
                why: error.to_string(),
            }),
        }
    }
}

fn is_over(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::SessionEnded
            | ErrorCode::NotFound
            | ErrorCode::Retired
            | ErrorCode::DeviceRevoked
    )
}

/// Ends the session, if the cluster answers in time; else its lease expires.
pub(super) async fn end(core: &Core) {
    let epoch = *core.epoch.borrow();
    if let Some(epoch) = epoch {
        let ended = timeout(END_TIMEOUT, core.ctx.api.end_session(epoch)).await;
        if !matches!(ended, Ok(Ok(_))) {
            tracing::info!("the session could not be ended; its lease will expire");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(range: std::ops::Range<usize>) -> Vec<String> {
        range.map(|number| format!("https://n{number}")).collect()
    }

    #[test]
    fn a_full_home_still_learns_where_new_nodes_are() {
        // given a home that knows as many addresses as it keeps, of which two still serve
        let mut known = urls(0..MAX_KNOWN_NODES);
        let serving = urls(0..2);
        // when nodes that are new have proved theirs
        let proved = [serving.clone(), urls(100..103)].concat();
        add_addresses(&mut known, &proved);
        // then they are kept in place of the oldest that nobody has proved
        assert_eq!(known.len(), MAX_KNOWN_NODES);
        assert!(proved.iter().all(|url| known.contains(url)), "{known:?}");
        assert!(!known.contains(&"https://n2".to_owned()));
        // and more than it keeps displace none of these
        add_addresses(&mut known, &urls(0..3 * MAX_KNOWN_NODES));
        assert_eq!(known.len(), MAX_KNOWN_NODES);
    }
}
