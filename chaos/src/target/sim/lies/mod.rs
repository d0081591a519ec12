//! Lies of nodes: what stands between a lying node's API and the clients, and what such a node
//! proposes in the names of others.
//!
//! No node has code for it. A lying node answers with another program than ours; here that program
//! is the clients' way to it, which has the node's key, as its operator has.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_cluster::link::NodeKeys;
use cameo_cluster::raft::Raft;
use cameo_common::api::{
    AckRights, ConfirmRights, Confirmed, DebitView, PutRights, Released, RightsStored,
};
use cameo_common::ids::{ClusterId, GrantId, Hash, NodeId};
use cameo_common::keys::SealingSecret;
use cameo_common::op::Op;
use cameo_common::signed::Signed;
use cameo_common::statements::{Confirmation, ViewRequest};
use cameo_common::wire;
use cameo_machine::{Caller, Command};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::faults::Kind;
use crate::workload::{Request, Response};

/// Calls of a hundred that are answered truly while a node lies.
const TRUE_PERCENT: u32 = 25;
/// Longest wait for the end of a forged proposal.
const PROPOSED_WITHIN: Duration = Duration::from_secs(3);

/// The lies of a run's nodes. Clones share them.
#[derive(Clone)]
pub(super) struct Lies(Arc<Shared>);

struct Shared {
    liars: BTreeSet<NodeId>,
    /// Folders of the liars' keys.
    folders: BTreeMap<NodeId, PathBuf>,
    state: Mutex<State>,
}

struct State {
    rng: StdRng,
    /// Which liar lies how, now.
    now: BTreeMap<NodeId, Kind>,
    /// How often each lied since it began.
    told: BTreeMap<NodeId, u64>,
    /// Requests for views that a liar was sent.
    seen: BTreeMap<NodeId, Signed<ViewRequest>>,
    cluster: Option<ClusterId>,
    /// Wakes the liar to forge something.
    forge: BTreeMap<NodeId, Arc<Notify>>,
}

/// What becomes of a call.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// The node's own answer.
    Truth,
    /// Nothing, and the node does not hear of it.
    Nothing,
    /// Nothing, after the node has done as asked.
    DoneInSilence,
    /// This, and the node does not hear of it.
    Instead(Response),
    /// The node's own part, spoilt.
    Garbage,
}

impl Lies {
    pub(super) fn new(seed: u64, folders: BTreeMap<NodeId, PathBuf>) -> Self {
        let liars: BTreeSet<_> = folders.keys().copied().collect();
        let forge = liars.iter().map(|liar| (*liar, Arc::default())).collect();
        Self(Arc::new(Shared {
            liars,
            folders,
            state: Mutex::new(State {
                rng: StdRng::seed_from_u64(seed),
                now: BTreeMap::new(),
                told: BTreeMap::new(),
                seen: BTreeMap::new(),
                cluster: None,
                forge,
            }),
        }))
    }

    pub(super) fn is_liar(&self, node: NodeId) -> bool {
        self.0.liars.contains(&node)
    }

    /// Has a liar lie in this way.
    pub(super) fn begin(&self, node: NodeId, kind: Kind, cluster: Option<ClusterId>) {
        let mut state = self.0.state.lock();
        state.cluster = cluster;
        state.told.insert(node, 0);
        state.now.insert(node, kind);
    }

    /// How often a liar has lied since it began.
    pub(super) fn told(&self, node: NodeId) -> u64 {
        let state = self.0.state.lock();
        state.told.get(&node).copied().unwrap_or(0)
    }

    /// Has a liar tell the truth again. Returns how often it lied.
    pub(super) fn end(&self, node: NodeId) -> u64 {
        let mut state = self.0.state.lock();
        state.now.remove(&node);
        state.told.remove(&node).unwrap_or(0)
    }

    /// Has a liar forge one more proposal.
    pub(super) fn forge(&self, node: NodeId) {
        if let Some(forge) = self.0.state.lock().forge.get(&node) {
            forge.notify_one();
        }
    }

    /// What a client is told that makes this call.
    pub(super) fn answer(&self, node: NodeId, request: &Request) -> Told {
        if !self.is_liar(node) {
            return Told::Truth;
        }
        let mut state = self.0.state.lock();
        if let Some(DebitView { request }) = sent(request, "/views") {
            state.seen.insert(node, request);
        }
        let Some(kind) = state.now.get(&node).copied() else {
            return Told::Truth;
        };
        if state.rng.random_range(0..100) < TRUE_PERCENT {
            return Told::Truth;
        }
        let told = match kind {
            Kind::Withholds if state.rng.random_bool(0.5) => Told::Nothing,
            Kind::Withholds => Told::DoneInSilence,
            Kind::FalseAnswers => self.false_answer(node, request, &state),
            _ => Told::Truth,
        };
        if !matches!(told, Told::Truth) {
            *state.told.entry(node).or_default() += 1;
        }
        told
    }

    fn false_answer(&self, node: NodeId, request: &Request, state: &State) -> Told {
        let stored = |version, in_mailbox| {
            instead(&RightsStored {
                version,
                in_mailbox,
            })
        };
        if let Some(PutRights { rights }) = sent(request, "/rights") {
            let rights = rights.unverified();
            return rights.map_or(Told::Truth, |rights| stored(rights.version, true));
        }
        if let Some(AckRights { ack }) = sent(request, "/ack") {
            let ack = ack.unverified();
            return ack.map_or(Told::Truth, |ack| stored(ack.version, false));
        }
        if let Some(ConfirmRights { version }) = sent(request, "/confirmation") {
            let confirmed = self.confirmation(node, request, version, state);
            return confirmed.map_or(Told::Truth, |confirmed| instead(&confirmed));
        }
        match request.path.ends_with("/parts") {
            true => Told::Garbage,
            false => Told::Truth,
        }
    }

    /// A signed confirmation of rights that the node need not have seen.
    fn confirmation(
        &self,
        node: NodeId,
        request: &Request,
        version: u64,
        state: &State,
    ) -> Option<Confirmed> {
        let grant: GrantId = request.path.split('/').nth(3)?.parse().ok()?;
        let folder = self.0.folders.get(&node)?;
        let keys = NodeKeys::load_or_create(&folder.join("node.key")).ok()?;
        let signing = keys.signing_key();
        let confirmation = Confirmation {
            node: signing.public(),
            cluster: state.cluster?,
            grant,
            // Of a later version the asker cannot know the hash.
            version: version + 1,
            rights: Hash([0; 32]),
        };
        Some(Confirmed {
            confirmation: Signed::new(&signing, confirmation),
        })
    }

    /// Forges whenever it is asked to, on the machine of `node`. Does not return.
    pub(super) async fn forge_on(&self, node: NodeId, raft: &Raft) {
        let forge = self.0.state.lock().forge.get(&node).cloned();
        let Some(forge) = forge else {
            return std::future::pending().await;
        };
        loop {
            forge.notified().await;
            let Some(command) = self.forgery(node) else {
                continue;
            };
            let until = Instant::now() + PROPOSED_WITHIN;
            if raft.propose(wire::encode(&command), until).await.is_ok() {
                *self.0.state.lock().told.entry(node).or_default() += 1;
            }
        }
    }

    /// A view in the name of a device that has asked this node for another one.
    fn forgery(&self, node: NodeId) -> Option<Command> {
        let mut state = self.0.state.lock();
        let seen = state.seen.get(&node)?.clone();
        let content = seen.unverified().ok()?;
        // Its signature is over other bytes.
        let mut bytes = seen.as_bytes().to_vec();
        let one_time = SealingSecret::from_bytes(state.rng.random());
        replace(
            &mut bytes,
            &content.request.0,
            &state.rng.random::<[u8; 16]>(),
        )?;
        replace(&mut bytes, &content.one_time.0, &one_time.public().0)?;
        Some(Command {
            caller: Caller::Signer,
            op: Op::Debit {
                request: Signed::from_bytes(bytes),
            },
        })
    }
}

/// Puts other bytes in the place of these; None where these are not.
fn replace<const N: usize>(bytes: &mut [u8], these: &[u8; N], by: &[u8; N]) -> Option<()> {
    let at = bytes.windows(N).position(|window| window == these)?;
    bytes[at..at + N].copy_from_slice(by);
    Some(())
}

/// The body of a call to a path with this end.
fn sent<T: DeserializeOwned>(request: &Request, end: &str) -> Option<T> {
    let is_it = request.method == "POST" && request.path.ends_with(end);
    is_it.then(|| serde_json::from_slice(&request.body).ok())?
}

fn instead(answer: &impl Serialize) -> Told {
    serde_json::to_vec(answer).map_or(Told::Truth, |body| {
        Told::Instead(Response {
            status: 200,
            body: body.into(),
        })
    })
}

/// An answer with a part, the part spoilt.
pub(super) fn spoilt(answer: Response) -> Response {
    let Ok(mut released) = serde_json::from_slice::<Released>(&answer.body) else {
        return answer;
    };
    released.sealed = released.sealed.chars().rev().collect();
    let body = serde_json::to_vec(&released).map_or(answer.body, Bytes::from);
    Response { body, ..answer }
}
