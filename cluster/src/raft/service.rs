//! Service for the requests of other nodes.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cameo_common::ids::NodeId;
use cameo_dispatch::MAX_REPORT;
use futures_util::future::BoxFuture;
use openraft::raft::AppendEntriesRequest;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::authority::{Authority, NoAuthority, Seldom};
use super::checkpoints::OwnCheckpoints;
use super::client::propose::Proposer;
use super::client::read::Reads;
use super::engine::consensus::Consensus;
use super::engine::node_state::NodeState;
use super::exchange::Exchange;
use super::members::admission::Admissions;
use super::members::bootstrap::Founder;
use super::members::descriptor_exchange::DescriptorExchange;
use super::members::local_member::LocalMember;
use super::ports::{AppService, ReportSource};
use super::quarantine::Gate;
use super::rpc::wire::{HeartbeatReport, NodeReply, NodeRequest, decode, encode};
use crate::consensus_types::TypeConfig;
use crate::consensus_types::aliases::Vote;
use crate::host::clock::WallClock;
use crate::link::{Answer, Caller, Purpose, Service};

/// Upper limit of the timeout that a caller may ask for.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);

/// Pause before a request of consensus is denied that this node may serve a moment later.
const DENIAL_PAUSE: Duration = Duration::from_millis(250);

/// Longest pause before entries are refused that there is no room for: a leader sends them again at
/// once, and takes longer for a lost answer.
const NO_ROOM_PAUSE: Duration = Duration::from_secs(1);

/// This node's service on its links.
pub(super) struct NodeService {
    pub node: Arc<NodeState>,
    pub local: Arc<LocalMember>,
    /// None when this node joins as a worker.
    pub founder: Option<Arc<Founder>>,
    pub consensus: Arc<dyn Consensus>,
    pub proposer: Arc<Proposer>,
    pub reads: Arc<Reads>,
    pub admissions: Arc<Admissions>,
    pub wall: Arc<dyn WallClock>,
    pub report: Arc<dyn ReportSource>,
    pub app: Arc<dyn AppService>,
    pub app_runtime: Handle,
    pub authority: Arc<Authority>,
    pub checkpoints: OwnCheckpoints,
    pub descriptors: Arc<DescriptorExchange>,
    /// None when this node runs as a worker.
    pub exchange: Option<Arc<Exchange>>,
    pub gate: Arc<Gate>,
    /// Limits what is logged of denials.
    pub denials: Seldom,
}

type Served = Result<NodeReply, String>;

impl Service for NodeService {
    fn serve(&self, caller: &Caller, body: Bytes) -> BoxFuture<'static, Answer> {
        let request = match decode::<NodeRequest>(&body) {
            Ok(request) => request,
            Err(error) => return Box::pin(async move { Answer::Denied(error.to_string()) }),
        };
        let served = match caller.purpose {
            Purpose::Bootstrap => self.serve_bootstrap(request),
            Purpose::Member => self.serve_member(caller, request),
            Purpose::Join => self.serve_joining(caller, request),
        };
        Box::pin(async move {
            match served.await {
                Ok(reply) => Answer::Reply(encode(&reply)),
                Err(why) => Answer::Denied(why),
            }
        })
    }
}

impl NodeService {
    fn serve_bootstrap(&self, request: NodeRequest) -> BoxFuture<'static, Served> {
        let (local, founder) = (self.local.clone(), self.founder.clone());
        Box::pin(async move {
            match request {
                NodeRequest::Pristine => Ok(NodeReply::Pristine(local.probe())),
                NodeRequest::Form { genesis, token } => Ok(NodeReply::Formed(match founder {
                    Some(founder) => founder.accept(genesis, token).await,
                    None => Err("it was started as a worker and cannot be a founding node".into()),
                })),
                _ => Err("this connection is for bootstrap requests only".into()),
            }
        })
    }

    /// Serves a caller that nobody knows: at a leader a node that joins, at that node the leader.
    fn serve_joining(&self, caller: &Caller, request: NodeRequest) -> BoxFuture<'static, Served> {
        let (local, is_worker) = (self.local.clone(), self.founder.is_none());
        let (admissions, caller) = (self.admissions.clone(), caller.clone());
        let descriptors = self.descriptors.clone();
        Box::pin(async move {
            match request {
                // A founder's probe has what makes another one its coordinator.
                NodeRequest::Pristine if is_worker => Ok(NodeReply::Pristine(local.probe())),
                NodeRequest::MayJoin { pass } => {
                    let answer = admissions.may_join(&caller, &pass).await;
                    Ok(NodeReply::MayJoin(answer))
                }
                NodeRequest::Join {
                    member,
                    pass,
                    timeout_millis,
                } => {
                    let deadline = deadline(timeout_millis);
                    let admitted = admissions.admit(&caller, member, &pass, deadline).await;
                    Ok(NodeReply::Joined(admitted))
                }
                NodeRequest::Descriptors(told) => {
                    let answer = descriptors.answer(caller.node, &caller.key, &told);
                    Ok(NodeReply::Descriptors(answer))
                }
                _ => Err("this connection is for joining only".into()),
            }
        })
    }

    fn serve_member(&self, caller: &Caller, request: NodeRequest) -> BoxFuture<'static, Served> {
        let from = caller.node;
        if let Err(why) = self.authority.check(caller, &request) {
            return self.deny(caller, &why);
        }
        let consensus = &self.consensus;
        match request {
            NodeRequest::Append(rpc) => self.append(rpc),
            NodeRequest::Vote(rpc) => reply(consensus.vote(rpc), NodeReply::Vote),
            NodeRequest::PreVote(rpc) => reply(consensus.pre_vote(rpc), NodeReply::Vote),
            NodeRequest::TransferLeader(rpc) => {
                reply(consensus.handle_transfer(rpc), NodeReply::TransferLeader)
            }
            NodeRequest::SnapshotBegin { .. } if self.node.space.is_low() => {
                self.refuse_for_want_of_room()
            }
            NodeRequest::SnapshotBegin { len } => {
                let begun = consensus.begin_snapshot(from, len);
                reply(begun, |transfer| NodeReply::SnapshotBegun { transfer })
            }
            NodeRequest::SnapshotChunk {
                transfer,
                offset,
                bytes,
            } => {
                let written = consensus.write_snapshot(from, transfer, offset, bytes);
                reply(written, |()| NodeReply::SnapshotWritten)
            }
            NodeRequest::SnapshotInstall { transfer, vote } => self.install(from, transfer, vote),
            NodeRequest::ReadIndex { timeout_millis } => self.read_index(timeout_millis),
            NodeRequest::Propose {
                command,
                timeout_millis,
            } => self.propose(command, timeout_millis),
            NodeRequest::App(body) => self.serve_app(from, body),
            NodeRequest::Checkpoint { index } => {
                let signed = self.checkpoints.signed(index);
                Box::pin(async move { Ok(NodeReply::Checkpoint(signed)) })
            }
            NodeRequest::Progress(told) => {
                let exchange = self.exchange.as_ref();
                let answer = exchange.and_then(|exchange| exchange.answer(from, told));
                Box::pin(async move { Ok(NodeReply::Progress(answer)) })
            }
            NodeRequest::Descriptors(told) => {
                let answer = self.descriptors.answer(from, &caller.key, &told);
                Box::pin(async move { Ok(NodeReply::Descriptors(answer)) })
            }
            NodeRequest::Pristine
            | NodeRequest::Form { .. }
            | NodeRequest::MayJoin { .. }
            | NodeRequest::Join { .. } => {
                Box::pin(async { Err("this request needs a connection of its own kind".into()) })
            }
        }
    }

    /// A program that has the secret can ask without end, so that not each time is logged.
    fn deny(&self, caller: &Caller, why: &NoAuthority) -> BoxFuture<'static, Served> {
        if self.denials.is_due() {
            tracing::warn!(node = caller.node.0, %why, "a node's request is not served");
        }
        let (gate, times) = (self.gate.clone(), self.authority.times.clone());
        let mut chains = self.local.members.chains();
        if matches!(why, NoAuthority::NotVoter | NoAuthority::Voters) {
            // One of the two may know a descriptor that the other does not know yet.
            self.descriptors.begin(caller.node);
        }
        let (why, told) = (why.clone(), why.to_string());
        Box::pin(async move {
            // A leader would ask again at once, and for as long as this lasts.
            let may_be_served = async {
                match why {
                    NoAuthority::Closed(_) => gate.opens().await,
                    NoAuthority::Time { .. } => times.changed().await,
                    NoAuthority::NotFollowed | NoAuthority::Version { .. } => pending().await,
                    NoAuthority::Voters => drop(chains.changed().await),
                    _ => {}
                }
            };
            let _ = tokio::time::timeout(DENIAL_PAUSE, may_be_served).await;
            Err(told)
        })
    }

    /// A snapshot that is refused was made by a faulty voter, so that each time is logged.
    fn install(&self, from: NodeId, transfer: u64, vote: Vote) -> BoxFuture<'static, Served> {
        let Some(chain) = self.local.members.chain() else {
            return Box::pin(async { Err("this node belongs to no cluster yet".into()) });
        };
        let (consensus, descriptors) = (&self.consensus, self.descriptors.clone());
        let installed = consensus.install_snapshot(from, transfer, vote, chain.voters());
        Box::pin(async move {
            let installed = installed.await.inspect_err(|why| {
                // It may be certified by nodes of a descriptor that this node does not know yet.
                descriptors.begin(from);
                tracing::error!(
                    node = from.0,
                    why,
                    "a snapshot of this node is refused, and nothing was changed"
                );
            });
            installed.map(NodeReply::SnapshotInstalled)
        })
    }

    /// Law: what may fail for want of room is refused before openraft sees it, because a failed
    /// write ends openraft. An append without entries is a heartbeat, and changes little.
    fn append(&self, rpc: AppendEntriesRequest<TypeConfig>) -> BoxFuture<'static, Served> {
        if !rpc.entries.is_empty() && self.node.space.is_low() {
            return self.refuse_for_want_of_room();
        }
        let heartbeat = rpc.entries.is_empty().then(|| self.heartbeat());
        let appended = self.consensus.append(rpc);
        reply(appended, |response| NodeReply::Append {
            response,
            heartbeat,
        })
    }

    fn refuse_for_want_of_room(&self) -> BoxFuture<'static, Served> {
        let node = self.node.clone();
        Box::pin(async move {
            let _room = tokio::time::timeout(NO_ROOM_PAUSE, node.space.has_room()).await;
            Err("this node is low on disk space and takes no entries".into())
        })
    }

    fn heartbeat(&self) -> HeartbeatReport {
        let mut report = self.report.report();
        if report.len() > MAX_REPORT {
            tracing::error!(
                bytes = report.len(),
                "the load report is too large for a heartbeat's reply and is left out"
            );
            report = Vec::new();
        }
        HeartbeatReport {
            report,
            unix_millis: self.wall.unix_millis(),
            newest_version: self.authority.stamp.newest_version(),
        }
    }

    fn read_index(&self, timeout_millis: u64) -> BoxFuture<'static, Served> {
        let (reads, deadline) = (self.reads.clone(), deadline(timeout_millis));
        Box::pin(async move { Ok(NodeReply::ReadIndex(reads.read_index_here(deadline).await)) })
    }

    fn propose(&self, command: Vec<u8>, timeout_millis: u64) -> BoxFuture<'static, Served> {
        let (proposer, deadline) = (self.proposer.clone(), deadline(timeout_millis));
        Box::pin(async move {
            let proposed = proposer.propose_here(command, deadline).await;
            Ok(NodeReply::Proposed(proposed))
        })
    }

    fn serve_app(&self, from: NodeId, body: Vec<u8>) -> BoxFuture<'static, Served> {
        let served = self.app_runtime.spawn(self.app.serve(from, body));
        Box::pin(async move {
            match served.await {
                Ok(body) => Ok(NodeReply::App(body)),
                Err(error) => Err(format!("the request failed: {error}")),
            }
        })
    }
}

fn deadline(timeout_millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(timeout_millis).min(MAX_TIMEOUT)
}

/// Converts a result to a reply.
fn reply<T: Send + 'static>(
    answer: BoxFuture<'static, Result<T, String>>,
    reply: impl FnOnce(T) -> NodeReply + Send + 'static,
) -> BoxFuture<'static, Served> {
    Box::pin(async move { answer.await.map(reply) })
}
