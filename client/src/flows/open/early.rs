//! Parts that are asked for while the debit is still under way, so that a view takes one round and
//! not two.
//!
//! Nothing rests on them: a part counts once the debit has told of its deal and it fits that. Which
//! nodes hold parts is a guess until then.

use std::future::Future;
use std::pin::pin;

use cameo_common::api::{ReleasePart, Released};
use cameo_common::ids::NodeId;
use cameo_common::statements::{Deal, DealtPart};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::cluster_api::{ClusterApi, ClusterError};
use crate::vault::records::PendingView;

/// A node's answer, and which node's.
type Answer = (NodeId, Result<Released, ClusterError>);

/// See the module.
#[derive(Default)]
pub(super) struct Early<'a> {
    asked: FuturesUnordered<BoxFuture<'a, Answer>>,
    released: Vec<(NodeId, Released)>,
}

impl<'a> Early<'a> {
    /// No parts.
    pub fn none() -> Self {
        Self::default()
    }

    /// Asks as many nodes as are needed, if they are known.
    pub fn ask(api: &'a ClusterApi, view: &'a PendingView) -> Self {
        let asked = api.likely_holders().into_iter().map(|node| {
            let ask = ReleasePart {
                request: view.signed.clone(),
                index: None,
            };
            let answer = async move { (node.id, api.part(&node, &view.grant, &ask).await) };
            Box::pin(answer) as BoxFuture<'a, Answer>
        });
        Self {
            asked: asked.collect(),
            released: Vec::new(),
        }
    }

    /// Drives the calls beside another.
    pub async fn beside<T>(&mut self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        loop {
            tokio::select! {
                done = &mut call => return done,
                Some(answer) = self.asked.next() => self.keep(answer),
            }
        }
    }

    /// The released parts of holders of this deal, as they come; None when there are no more.
    pub async fn next<'d>(&mut self, deal: &'d Deal) -> Option<(&'d DealtPart, Released)> {
        loop {
            while let Some((node, released)) = self.released.pop() {
                let part = deal.parts.iter().find(|part| part.node == node);
                if let Some(part) = part {
                    return Some((part, released));
                }
            }
            let answer = self.asked.next().await?;
            self.keep(answer);
        }
    }

    /// What fails is asked again with the others.
    fn keep(&mut self, (node, answer): Answer) {
        match answer {
            Ok(released) => self.released.push((node, released)),
            Err(error) => tracing::debug!(node = node.0, %error, "no part beside the debit"),
        }
    }
}
