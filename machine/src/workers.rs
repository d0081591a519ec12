//! Admission of workers: a token is bound to the first node key that uses it.
//!
//! The membership of the log, which makes a node a learner, is Raft's. The leader changes it only
//! after the entry that is decided here, which every replica verifies.

use cameo_common::ids::NodeId;
use cameo_common::operator::{TokenUse, WorkerToken};
use cameo_common::signed::Signed;

use super::cluster;
use super::command::{Done, Refusal};
use super::draft::Draft;
use super::origin::{check_cluster, check_operator};
use super::rows::{AdmittedWorker, TokenUsed};
use super::state_view::StateView;

/// Binds a token to the node that uses it. Done also when it is bound to this node already, so that
/// an admission whose answer was lost can be repeated.
pub fn admit(
    draft: &mut Draft<'_>,
    token: &Signed<WorkerToken>,
    used: &Signed<TokenUse>,
) -> Result<Done, Refusal> {
    let token = draft.verify(token)?;
    let used = draft.verify(used)?;
    check_operator(draft, token.operator)?;
    check_cluster(draft, token.cluster)?;
    check_cluster(draft, used.cluster)?;
    if used.token != token.token {
        return Err(Refusal::Mismatch("the use is of another token".into()));
    }
    if is_voter(draft, used.node) {
        return Err(Refusal::Mismatch("the node is a voter".into()));
    }
    match draft.get::<AdmittedWorker>(&used.node) {
        Some(known) if known.removed => return Err(Refusal::NodeRemoved(used.node)),
        Some(known) if known.key == used.key => return Ok(Done::Nothing),
        Some(_) => return Err(other_node()),
        None => {}
    }
    // One that has left may come back as a worker, and nobody else under its id.
    let left = cluster::all_nodes(draft).remove(&used.node);
    if left.is_some_and(|left| left.key != used.key) {
        return Err(other_node());
    }
    if draft.get::<TokenUsed>(&token.token).is_some() || draft.time() > token.not_after {
        return Err(Refusal::BadToken);
    }
    let (node, key) = (used.node, used.key);
    let removed = false;
    draft.put(&node, &AdmittedWorker { key, removed });
    draft.put(&token.token, &TokenUsed { node });
    Ok(Done::Nothing)
}

fn other_node() -> Refusal {
    Refusal::Mismatch("the id belongs to another node".into())
}

/// Withdraws the admission of a node's id and key. Done also when it was withdrawn before. A node
/// of the descriptor is no worker, even if it was admitted as one.
pub fn remove(draft: &mut Draft<'_>, node: NodeId) -> Result<Done, Refusal> {
    let admitted = draft.get::<AdmittedWorker>(&node);
    let Some(known) = admitted.filter(|_| !is_voter(draft, node)) else {
        return Err(Refusal::NotAWorker(node));
    };
    let removed = true;
    draft.put(&node, &AdmittedWorker { removed, ..known });
    Ok(Done::Nothing)
}

fn is_voter(view: &dyn StateView, node: NodeId) -> bool {
    cluster::current_descriptor(view).is_some_and(|descriptor| descriptor.node(node).is_some())
}
