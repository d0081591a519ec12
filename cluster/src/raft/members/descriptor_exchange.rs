//! The exchange of descriptors between nodes: each shows the other the links that it lacks.
//!
//! A link is proven by its signatures and the cluster's id, so it may come from anybody, also on a
//! connection of a node that nobody knows yet: a node that was down while the nodes changed knows
//! none of those that have come since.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::descriptor_chain::ChainError;
use cameo_common::ids::NodeId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::known_chain::KnownChain;
use super::member_view::MemberView;
use crate::host::seldom::Seldom;
use crate::link::{CallError, Dial, Links, Purpose};
use crate::raft::rpc::ask::ask;
use crate::raft::rpc::wire::{DescriptorsTold, NodeReply, NodeRequest};

/// Bytes of links in a request. What a caller that nobody knows sends has to be short.
const REQUEST_BYTES: usize = 12 << 10;
/// Bytes of links in an answer.
const ANSWER_BYTES: usize = 64 << 10;
/// Requests to one node in a row: all descriptors that a cluster can have fit into so many.
const MAX_ROUNDS: usize = 1_000;
/// Time limit of one request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause between two exchanges with one node.
const PAUSE: Duration = Duration::from_millis(500);

/// This node's side of the exchange.
pub(crate) struct DescriptorExchange {
    members: Arc<MemberView>,
    links: Links,
    runtime: Handle,
    /// When the last exchange with a node began.
    began: Mutex<BTreeMap<NodeId, Instant>>,
    alarms: Seldom,
}

impl DescriptorExchange {
    pub fn new(members: Arc<MemberView>, links: Links, runtime: Handle) -> Self {
        Self {
            members,
            links,
            runtime,
            began: Mutex::default(),
            alarms: Seldom::default(),
        }
    }

    /// Takes what a caller shows, and answers with what it lacks.
    ///
    /// # Errors
    /// When it shows what does not follow.
    pub fn answer(
        &self,
        caller: NodeId,
        key: &[u8; 32],
        told: &DescriptorsTold,
    ) -> Result<DescriptorsTold, String> {
        self.take(caller, told).map_err(|error| error.to_string())?;
        let chain = self.members.chain();
        let chain = chain.ok_or("this node belongs to no cluster yet")?;
        let mut answer = told_of(&chain, told.number, ANSWER_BYTES);
        answer.is_member = self
            .members
            .member(caller)
            .is_some_and(|member| member.key == *key);
        Ok(answer)
    }

    /// Has both nodes know the newer chain of the two. Returns at once; does nothing if that was
    /// begun a moment ago.
    pub fn begin(self: &Arc<Self>, node: NodeId) {
        let now = Instant::now();
        {
            let mut began = self.began.lock();
            if began.get(&node).is_some_and(|last| now < *last + PAUSE) {
                return;
            }
            began.insert(node, now);
        }
        let this = self.clone();
        self.runtime.spawn(async move {
            if let Err(error) = this.with(node).await {
                tracing::debug!(node = node.0, %error, "descriptors are not exchanged");
            }
        });
    }

    /// Exchanges descriptors with a member until both have the newer chain. Whether that node has
    /// this one among its members.
    ///
    /// # Errors
    /// When it cannot be asked, or shows what does not follow.
    pub async fn with(&self, node: NodeId) -> Result<bool, CallError> {
        let denied = |why: &str| CallError::Denied(why.to_owned());
        let member = self.members.member(node);
        let member = member.ok_or_else(|| denied("it is no member that this node knows"))?;
        let dial = Dial {
            node,
            address: member.link,
            purpose: Purpose::Join,
            key: Some(member.key),
        };
        // What it is known to have.
        let mut known = u64::MAX;
        for _ in 0..MAX_ROUNDS {
            let chain = self.members.chain();
            let chain = chain.ok_or_else(|| denied("this node belongs to no cluster yet"))?;
            let request = NodeRequest::Descriptors(told_of(&chain, known, REQUEST_BYTES));
            let deadline = Instant::now() + ANSWER_TIMEOUT;
            let reply = ask(&self.links, dial.clone(), &request, deadline).await?;
            let NodeReply::Descriptors(Ok(told)) = reply else {
                return Err(denied("it does not take this node's descriptors"));
            };
            let taken = self.take(node, &told);
            taken.map_err(|error| denied(&error.to_string()))?;
            let own = self.members.chain().map_or(0, |chain| chain.number());
            if told.number == own {
                return Ok(told.is_member);
            }
            let goes_on = own > chain.number() || known == u64::MAX || told.number > known;
            if !goes_on {
                return Err(denied("it shows no more of the descriptors that it names"));
            }
            known = told.number;
        }
        Err(denied("it takes too long to show all descriptors"))
    }

    /// Takes verified links, and says so where the other's chain is not this node's.
    fn take(&self, from: NodeId, told: &DescriptorsTold) -> Result<(), ChainError> {
        let taken = self.members.advance(&told.links);
        let chain = self.members.chain();
        let hash = chain.and_then(|chain| chain.hash(told.number));
        let is_fork = hash.is_some_and(|hash| hash != told.hash);
        let checked = match is_fork {
            true => Err(ChainError::Fork(told.number)),
            false => taken,
        };
        if let Err(error) = &checked
            && self.alarms.is_due()
        {
            tracing::error!(
                node = from.0,
                %error,
                "a node shows descriptors that do not follow those that this node knows: they are \
                 not taken"
            );
        }
        checked
    }
}

fn told_of(chain: &KnownChain, after: u64, bytes: usize) -> DescriptorsTold {
    let newest = chain.newest();
    DescriptorsTold {
        number: newest.number,
        hash: newest.hash(),
        links: chain.links_after(after, bytes),
        is_member: false,
    }
}
