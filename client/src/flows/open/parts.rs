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
use crate::flows::holders::{Holder, present};
use crate::vault::records::PendingView;

/// Pause before failed nodes are tried again.
const PAUSE: Duration = Duration::from_millis(300);
/// After this time without an answer one more node is tried: a paused node does not refuse.
const HEDGE: Duration = Duration::from_millis(300);

/// A charged view, and what its parts are collected by.
pub(super) struct Charged<'a> {
    pub view: &'a PendingView,
    /// Log index of the debit.
    pub index: u64,
    pub deal: &'a Deal,
    /// Those of the deal, in the order in which they are asked.
    pub holders: &'a [Holder<'a>],
    pub secret: &'a SealingSecret,
}

/// Too few parts.
pub(super) struct Uncollected {
    pub error: ClusterError,
    /// Whether a node has released a part of a later deal.
    pub is_outdated: bool,
}

/// Collects and opens t parts of one deal.
pub(super) async fn collect(
    api: &ClusterApi,
    charged: &Charged<'_>,
    early: Early<'_>,
) -> Result<Vec<Zeroizing<Vec<u8>>>, Uncollected> {
    let mut collection = Collection::new(charged);
    collection.take_early(early).await;
    if !collection.is_complete() {
        let collected = api.told_of(collect_untold(api, &mut collection)).await;
        collected.map_err(|error| Uncollected {
            error,
            is_outdated: collection.is_outdated,
        })?;
    }
    Ok(collection.opened)
}

async fn collect_untold(
    api: &ClusterApi,
    collection: &mut Collection<'_>,
) -> Result<(), ClusterError> {
    let end = Instant::now() + api.deadline();
    let view = collection.charged.view;
    let ask = ReleasePart {
        request: view.signed.clone(),
        index: Some(collection.charged.index),
    };
    let mut asked = FuturesUnordered::new();
    loop {
        while collection.lacks(asked.len())
            && let Some(holder) = collection.waiting.pop_front()
        {
            asked.push(ask_node(api, holder, &view.grant, &ask));
        }
        let answer = tokio::select! {
            answer = asked.next() => answer,
            () = sleep(HEDGE), if !collection.waiting.is_empty() => {
                let another = collection.waiting.pop_front();
                asked.extend(another.map(|holder| ask_node(api, holder, &view.grant, &ask)));
                continue;
            }
        };
        match answer {
            Some((holder, answer)) => collection.record(holder, answer)?,
            None => collection.wait_for_failed(end).await?,
        }
        if collection.is_complete() {
            return Ok(());
        }
    }
}

/// The progress of collecting, by holder of a part.
struct Collection<'a> {
    charged: &'a Charged<'a>,
    need: usize,
    opened: Vec<Zeroizing<Vec<u8>>>,
    /// Not tried yet, or to be tried again.
    waiting: VecDeque<&'a Holder<'a>>,
    /// Failed; their nodes may answer later.
    failed: Vec<&'a Holder<'a>>,
    refusals: usize,
    is_outdated: bool,
    last: ClusterError,
}

impl<'a> Collection<'a> {
    fn new(charged: &'a Charged<'a>) -> Self {
        let need = usize::from(charged.deal.threshold);
        Self {
            charged,
            need,
            opened: Vec::with_capacity(need),
            waiting: charged.holders.iter().collect(),
            failed: Vec::new(),
            refusals: 0,
            is_outdated: false,
            last: ClusterError::NoQuorum,
        }
    }

    /// Takes what was asked for beside the debit. What has not come by then is asked for again, and
    /// so is a part of another deal: the node had not seen this one yet.
    async fn take_early(&mut self, mut early: Early<'_>) {
        let end = Instant::now() + HEDGE;
        let deal = self.charged.deal;
        while !self.is_complete()
            && let Ok(Some((part, released))) = timeout_at(end, early.next(deal)).await
        {
            if released.deal == deal.number {
                self.waiting
                    .retain(|waiting| waiting.part.node != part.node);
                self.open_part(part, &released);
            }
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
        holder: &'a Holder<'a>,
        answer: Result<Released, ClusterError>,
    ) -> Result<(), ClusterError> {
        match answer {
            Ok(released) => self.open_part(holder.part, &released),
            Err(error) if is_final(&error) => {
                // A single refusal may be false. When too few other nodes are left, it is final.
                self.refusals += 1;
                let spare = self.charged.holders.len().saturating_sub(self.need);
                if self.refusals > spare {
                    return Err(error);
                }
                self.last = error;
            }
            Err(error) => {
                self.last = error;
                self.failed.push(holder);
            }
        }
        Ok(())
    }

    fn open_part(&mut self, part: &DealtPart, released: &Released) {
        match unseal(self.charged, part, released) {
            Some(bytes) => self.opened.push(bytes),
            None => {
                self.is_outdated |= released.deal > self.charged.deal.number;
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

    /// Too few nodes are left that have not failed: waits and tries the failed ones again. With too
    /// few present holders it is not waited for those that have left.
    async fn wait_for_failed(&mut self, end: Instant) -> Result<(), ClusterError> {
        let can_be_enough = present(self.charged.holders) >= self.need;
        if self.failed.is_empty() || !can_be_enough || Instant::now() + PAUSE >= end {
            return Err(self.last.clone());
        }
        sleep(PAUSE).await;
        self.waiting.extend(self.failed.drain(..));
        Ok(())
    }
}

async fn ask_node<'a>(
    api: &ClusterApi,
    holder: &'a Holder<'a>,
    grant: &GrantId,
    ask: &ReleasePart,
) -> (&'a Holder<'a>, Result<Released, ClusterError>) {
    (holder, api.part(&holder.node, grant, ask).await)
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
    charged: &Charged<'_>,
    part: &DealtPart,
    released: &Released,
) -> Option<Zeroizing<Vec<u8>>> {
    let Charged { view, deal, .. } = charged;
    if released.deal != deal.number || released.x != part.x {
        return None;
    }
    let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes()).ok()?;
    let context = ReleaseContext {
        part: PartContext::of(deal, part),
        request: view.request,
        request_hash: view.signed.hash(),
    };
    open_release(charged.secret, &context, part, &sealed).ok()
}
