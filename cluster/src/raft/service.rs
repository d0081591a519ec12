//! Answers what other nodes ask.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use cameo_common::ids::NodeId;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::engine::consensus::Consensus;
use super::members::bootstrap::Founder;
use super::members::local_member::Belonging;
use super::ports::{AppService, ReportSource, WallClock};
use super::rpc::wire::{Beat, MemberRefusal, NodeReply, NodeRequest, ReadRefusal, decode, encode};
use super::shared::Shared;
use crate::consensus_types::Member;
use crate::link::{Answer, Caller, Later, Purpose, Service};

/// A larger report is left out: it would delay the heartbeat that it rides on.
const MAX_REPORT_BYTES: usize = 64 << 10;
/// No caller waits longer than this, whatever he says.
const MAX_PATIENCE: Duration = Duration::from_secs(60);

/// What this node serves to others.
pub(super) struct NodeService {
    pub own: Arc<Belonging>,
    /// Unless this node joins as a worker.
    pub founder: Option<Arc<Founder>>,
    pub consensus: Arc<dyn Consensus>,
    /// Proposals and reads, once the handle exists.
    pub shared: Arc<OnceLock<Arc<Shared>>>,
    pub wall: Arc<dyn WallClock>,
    pub report: Arc<dyn ReportSource>,
    pub app: Arc<dyn AppService>,
    pub app_runtime: Handle,
}

type Served = Result<NodeReply, String>;

impl Service for NodeService {
    fn serve(&self, caller: &Caller, body: Bytes) -> Later<'static, Answer> {
        let request = match decode::<NodeRequest>(&body) {
            Ok(request) => request,
            Err(error) => return Box::pin(async move { Answer::Denied(error.to_string()) }),
        };
        let served = match caller.purpose {
            Purpose::Forming => self.serve_forming(caller, request),
            Purpose::Member => self.serve_member(caller, request),
        };
        Box::pin(async move {
            match served.await.map(|reply| encode(&reply)) {
                Ok(Ok(body)) => Answer::Reply(body),
                Ok(Err(error)) => Answer::Denied(error.to_string()),
                Err(why) => Answer::Denied(why),
            }
        })
    }
}

impl NodeService {
    fn serve_forming(&self, caller: &Caller, request: NodeRequest) -> Later<'static, Served> {
        let (own, founder) = (self.own.clone(), self.founder.clone());
        let (shared, caller) = (self.shared.get().cloned(), caller.clone());
        Box::pin(async move {
            match request {
                NodeRequest::Pristine => Ok(NodeReply::Pristine(own.presence())),
                NodeRequest::Form { genesis, token } => Ok(NodeReply::Formed(match founder {
                    Some(founder) => founder.accept(genesis, token).await,
                    None => Err("it was started as a worker, and founds nothing".into()),
                })),
                NodeRequest::MayJoin => Ok(NodeReply::MayJoin(match shared {
                    Some(shared) => shared.may_join(&caller).await,
                    None => Err(MemberRefusal::NotLeader { leader: None }),
                })),
                NodeRequest::Remove {
                    node,
                    patience_millis,
                } => Ok(NodeReply::Removed(match shared {
                    Some(shared) => shared.remove_worker(node, deadline(patience_millis)).await,
                    None => Err(MemberRefusal::NotLeader { leader: None }),
                })),
                _ => Err("this connection is for forming a cluster only".into()),
            }
        })
    }

    fn serve_member(&self, caller: &Caller, request: NodeRequest) -> Later<'static, Served> {
        let from = caller.node;
        let asks_for_a_vote = matches!(
            request,
            NodeRequest::Vote(_) | NodeRequest::PreVote(_) | NodeRequest::TransferLeader(_)
        );
        if asks_for_a_vote && !self.own.membership.votes(self.own.me.id) {
            return Box::pin(async { Err("this node is a worker, and has no vote".into()) });
        }
        let consensus = &self.consensus;
        match request {
            NodeRequest::Append(rpc) => {
                let beat = rpc.entries.is_empty().then(|| self.beat());
                let appended = consensus.append(rpc);
                Box::pin(async move {
                    Ok(NodeReply::Append {
                        response: appended.await?,
                        beat,
                    })
                })
            }
            NodeRequest::Vote(rpc) => {
                let vote = consensus.vote(rpc);
                Box::pin(async move { Ok(NodeReply::Vote(vote.await?)) })
            }
            NodeRequest::PreVote(rpc) => {
                let vote = consensus.pre_vote(rpc);
                Box::pin(async move { Ok(NodeReply::Vote(vote.await?)) })
            }
            NodeRequest::TransferLeader(rpc) => {
                let taken = consensus.take_over(rpc);
                Box::pin(async move { Ok(NodeReply::TransferLeader(taken.await?)) })
            }
            NodeRequest::SnapshotBegin { len } => {
                let begun = consensus.begin_snapshot(from, len);
                Box::pin(async move {
                    Ok(NodeReply::SnapshotBegun {
                        transfer: begun.await?,
                    })
                })
            }
            NodeRequest::SnapshotChunk {
                transfer,
                offset,
                bytes,
            } => {
                let written = consensus.write_snapshot(from, transfer, offset, bytes);
                Box::pin(async move { written.await.map(|()| NodeReply::SnapshotWritten) })
            }
            NodeRequest::SnapshotInstall { transfer, vote } => {
                let installed = consensus.install_snapshot(from, transfer, vote);
                Box::pin(async move { Ok(NodeReply::SnapshotInstalled(installed.await?)) })
            }
            NodeRequest::ReadIndex { patience_millis } => self.read_index(patience_millis),
            NodeRequest::Propose {
                command,
                patience_millis,
            } => self.propose(command, patience_millis),
            NodeRequest::App(body) => self.serve_app(from, body),
            NodeRequest::Join {
                member,
                patience_millis,
            } => self.admit(caller.clone(), member, patience_millis),
            NodeRequest::Pristine
            | NodeRequest::Form { .. }
            | NodeRequest::MayJoin
            | NodeRequest::Remove { .. } => {
                Box::pin(async { Err("ask this on a connection for forming".into()) })
            }
        }
    }

    fn beat(&self) -> Beat {
        let mut report = self.report.report();
        if report.len() > MAX_REPORT_BYTES {
            tracing::error!(
                bytes = report.len(),
                "the load report is too large to ride along"
            );
            report = Vec::new();
        }
        Beat {
            report,
            unix_millis: self.wall.unix_millis(),
        }
    }

    fn read_index(&self, patience_millis: u64) -> Later<'static, Served> {
        let (shared, deadline) = (self.shared.get().cloned(), deadline(patience_millis));
        Box::pin(async move {
            let Some(shared) = shared else {
                return Ok(NodeReply::ReadIndex(Err(ReadRefusal::NotLeader {
                    leader: None,
                })));
            };
            Ok(NodeReply::ReadIndex(shared.read_index_here(deadline).await))
        })
    }

    fn propose(&self, command: Vec<u8>, patience_millis: u64) -> Later<'static, Served> {
        let (shared, deadline) = (self.shared.get().cloned(), deadline(patience_millis));
        Box::pin(async move {
            let Some(shared) = shared else {
                return Err("still starting".into());
            };
            let proposed = shared.propose_forwarded(command, deadline).await;
            Ok(NodeReply::Proposed(proposed))
        })
    }

    fn admit(
        &self,
        caller: Caller,
        member: Member,
        patience_millis: u64,
    ) -> Later<'static, Served> {
        let (shared, deadline) = (self.shared.get().cloned(), deadline(patience_millis));
        Box::pin(async move {
            let Some(shared) = shared else {
                return Err("still starting".into());
            };
            let admitted = shared.admit(&caller, member, deadline).await;
            Ok(NodeReply::Joined(admitted))
        })
    }

    fn serve_app(&self, from: NodeId, body: Vec<u8>) -> Later<'static, Served> {
        let served = self.app_runtime.spawn(self.app.serve(from, body));
        Box::pin(async move {
            match served.await {
                Ok(body) => Ok(NodeReply::App(body)),
                Err(error) => Err(format!("the request failed: {error}")),
            }
        })
    }
}

fn deadline(patience_millis: u64) -> Instant {
    Instant::now() + Duration::from_millis(patience_millis).min(MAX_PATIENCE)
}
