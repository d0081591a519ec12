//! Collection of the parts of one charged view: from t nodes at once, and from others in place of
//! those that fail or release a false part.

use std::collections::VecDeque;

use cameo_common::api::{ErrorCode, ReleasePart, Released};
use cameo_common::ids::GrantId;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{PartContext, ReleaseContext, open_release};
use cameo_common::statements::{Deal, DealtPart};
use data_encoding::BASE64URL_NOPAD;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Duration, Instant, sleep, timeout_at};
use zeroize::Zeroizing;

use super::early::Early;
use crate::cluster_api::{ClusterApi, ClusterError};
use crate::vault::records::PendingView;

/// Pause before failed nodes are tried again.
const PAUSE: Duration = Duration::from_millis(300);
/// After this time without an answer one more node is tried: a paused node does not refuse.
const HEDGE: Duration = Duration::from_millis(300);

/// Collects and opens t parts of one deal.
pub(super) async fn collect(
    api: &ClusterApi,
    view: &PendingView,
    index: u64,
    deal: &Deal,
    secret: &SealingSecret,
    early: Early<'_>,
) -> Result<Vec<Zeroizing<Vec<u8>>>, ClusterError> {
    let mut collection = Collection::new(view, deal, secret);
    collection.take_early(early).await;
    if collection.is_complete() {
        return Ok(collection.opened);
    }
    api.told_of(collect_untold(api, index, collection)).await
}

async fn collect_untold(
    api: &ClusterApi,
    index: u64,
    mut collection: Collection<'_>,
) -> Result<Vec<Zeroizing<Vec<u8>>>, ClusterError> {
    let end = Instant::now() + api.deadline();
    let view = collection.view;
    let ask = ReleasePart {
        request: view.signed.clone(),
        index: Some(index),
    };
    let mut asked = FuturesUnordered::new();
    loop {
        while collection.lacks(asked.len())
            && let Some(part) = collection.waiting.pop_front()
        {
            asked.push(ask_node(api, part, &view.grant, &ask));
        }
        let answer = tokio::select! {
            answer = asked.next() => answer,
            () = sleep(HEDGE), if !collection.waiting.is_empty() => {
                let another = collection.waiting.pop_front();
                asked.extend(another.map(|part| ask_node(api, part, &view.grant, &ask)));
                continue;
            }
        };
        match answer {
            Some((part, answer)) => collection.record(part, answer)?,
            None => collection.wait_for_failed(end).await?,
        }
        if collection.is_complete() {
            return Ok(collection.opened);
        }
    }
}

/// The progress of collecting, by holder of a part.
struct Collection<'a> {
    view: &'a PendingView,
    deal: &'a Deal,
    secret: &'a SealingSecret,
    need: usize,
    opened: Vec<Zeroizing<Vec<u8>>>,
    /// Not tried yet, or to be tried again.
    waiting: VecDeque<&'a DealtPart>,
    /// Failed; their nodes may answer later.
    failed: Vec<&'a DealtPart>,
    refusals: usize,
    last: ClusterError,
}

impl<'a> Collection<'a> {
    fn new(view: &'a PendingView, deal: &'a Deal, secret: &'a SealingSecret) -> Self {
        let need = usize::from(deal.threshold);
        Self {
            view,
            deal,
            secret,
            need,
            opened: Vec::with_capacity(need),
            waiting: deal.parts.iter().collect(),
            failed: Vec::new(),
            refusals: 0,
            last: ClusterError::NoQuorum,
        }
    }

    /// Takes what was asked for beside the debit. What has not come by then is asked for again.
    async fn take_early(&mut self, mut early: Early<'_>) {
        let end = Instant::now() + HEDGE;
        while !self.is_complete()
            && let Ok(Some((part, released))) = timeout_at(end, early.next(self.deal)).await
        {
            self.waiting.retain(|waiting| waiting.node != part.node);
            self.open_part(part, &released);
        }
    }

    fn is_complete(&self) -> bool {
        self.opened.len() >= self.need
    }

    /// Whether more nodes have to be tried.
    fn lacks(&self, asked: usize) -> bool {
        self.opened.len() + asked < self.need
    }

    fn record(
        &mut self,
        part: &'a DealtPart,
        answer: Result<Released, ClusterError>,
    ) -> Result<(), ClusterError> {
        match answer {
            Ok(released) => self.open_part(part, &released),
            Err(error) if is_final(&error) => {
                // A single refusal may be false. When too few other nodes are left, it is final.
                self.refusals += 1;
                if self.refusals > self.deal.parts.len() - self.need {
                    return Err(error);
                }
                self.last = error;
            }
            Err(error) => {
                self.last = error;
                self.failed.push(part);
            }
        }
        Ok(())
    }

    fn open_part(&mut self, part: &DealtPart, released: &Released) {
        match unseal(self.view, self.deal, part, released, self.secret) {
            Some(bytes) => self.opened.push(bytes),
            None => {
                tracing::warn!(
                    node = part.node.0,
                    "a node released a part that is not the dealt one"
                );
                self.last = ClusterError::Protocol {
                    url: format!("node {}", part.node),
                    why: "it released a part that was not dealt to it".into(),
                };
            }
        }
    }

    /// Too few nodes are left that have not failed: waits and tries the failed ones again.
    async fn wait_for_failed(&mut self, end: Instant) -> Result<(), ClusterError> {
        if self.failed.is_empty() || Instant::now() + PAUSE >= end {
            return Err(self.last.clone());
        }
        sleep(PAUSE).await;
        self.waiting.extend(self.failed.drain(..));
        Ok(())
    }
}

async fn ask_node<'a>(
    api: &ClusterApi,
    part: &'a DealtPart,
    grant: &GrantId,
    ask: &ReleasePart,
) -> (&'a DealtPart, Result<Released, ClusterError>) {
    (part, api.part(part.node, grant, ask).await)
}

/// Whether a further try at the same node cannot succeed.
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

/// Opens a released part. `None` when it is not the part that the owner dealt.
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
