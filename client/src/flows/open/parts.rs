//! Collecting the parts of one debited view: t nodes at once, others for those that fail or lie.

use std::collections::VecDeque;

use cameo_common::api::{ErrorCode, ReleasePart, Released};
use cameo_common::ids::GrantId;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{PartContext, ReleaseContext, open_release};
use cameo_common::statements::{Deal, DealtPart};
use data_encoding::BASE64URL_NOPAD;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Duration, Instant, sleep};
use zeroize::Zeroizing;

use crate::cluster_api::{ClusterApi, ClusterError};
use crate::vault::records::PendingView;

/// Wait before nodes that failed are asked again.
const PAUSE: Duration = Duration::from_millis(300);
/// After so long without an answer one node more is asked: a paused node does not refuse.
const HEDGE: Duration = Duration::from_millis(300);

/// Opened parts of one deal, as many as it takes.
pub(super) async fn collect(
    api: &ClusterApi,
    view: &PendingView,
    index: u64,
    deal: &Deal,
    secret: &SealingSecret,
) -> Result<Vec<Zeroizing<Vec<u8>>>, ClusterError> {
    let need = usize::from(deal.threshold);
    let end = Instant::now() + api.deadline();
    let ask = ReleasePart {
        request: view.signed.clone(),
        index,
    };
    let mut opened = Vec::with_capacity(need);
    let mut waiting: VecDeque<&DealtPart> = deal.parts.iter().collect();
    let mut failed: Vec<&DealtPart> = Vec::new();
    let mut last = ClusterError::NoQuorum;
    let mut refusals = 0;
    let mut asked = FuturesUnordered::new();
    loop {
        while opened.len() + asked.len() < need
            && let Some(part) = waiting.pop_front()
        {
            asked.push(ask_one(api, part, &view.grant, &ask));
        }
        let hedged = sleep(HEDGE);
        let next = tokio::select! {
            answer = asked.next() => answer,
            () = hedged, if !waiting.is_empty() => {
                if let Some(part) = waiting.pop_front() {
                    asked.push(ask_one(api, part, &view.grant, &ask));
                }
                continue;
            }
        };
        let Some((part, answer)) = next else {
            // Too few are left that have not failed: those that did may be back.
            if failed.is_empty() || Instant::now() + PAUSE >= end {
                return Err(last);
            }
            sleep(PAUSE).await;
            waiting.extend(failed.drain(..));
            continue;
        };
        match answer {
            Ok(released) => match unseal(view, deal, part, &released, secret) {
                Some(bytes) => opened.push(bytes),
                None => {
                    tracing::warn!(
                        node = part.node.0,
                        "a node released a part that is not the dealt one"
                    );
                    last = ClusterError::Protocol {
                        url: format!("node {}", part.node),
                        why: "it released something else than the dealt part".into(),
                    };
                }
            },
            Err(error) if is_final(&error) => {
                // One node's no may be a lie; as many as leave too few others are not.
                refusals += 1;
                if refusals > deal.parts.len() - need {
                    return Err(error);
                }
                last = error;
            }
            Err(error) => {
                last = error;
                failed.push(part);
            }
        }
        if opened.len() >= need {
            return Ok(opened);
        }
    }
}

async fn ask_one<'a>(
    api: &ClusterApi,
    part: &'a DealtPart,
    grant: &GrantId,
    ask: &ReleasePart,
) -> (&'a DealtPart, Result<Released, ClusterError>) {
    (part, api.part(part.node, grant, ask).await)
}

/// Whether asking the same node again is of no use.
fn is_final(error: &ClusterError) -> bool {
    matches!(
        error.code(),
        Some(
            ErrorCode::NotDebited
                | ErrorCode::Revoked
                | ErrorCode::Expired
                | ErrorCode::UsedUp
                | ErrorCode::Mismatch
        )
    )
}

/// None when it is not what the owner dealt.
fn unseal(
    view: &PendingView,
    deal: &Deal,
    part: &DealtPart,
    released: &Released,
    secret: &SealingSecret,
) -> Option<Zeroizing<Vec<u8>>> {
    if released.deal != deal.number || released.x != part.x {
        return None;
    }
    let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes()).ok()?;
    let context = ReleaseContext {
        part: PartContext::of(deal, part),
        request: view.request,
        request_hash: view.signed.hash(),
    };
    open_release(secret, &context, part, &sealed).ok()
}
