//! openraft's network over the links.
//!
//! Appends are pipelined: frames are sent in order on one connection, the peer processes them in
//! order, and answers are returned in order. Heartbeats, log and snapshots have a connection each.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::wire::VersionError;
use futures_util::{Stream, StreamExt};
use openraft::base::{BoxFuture, BoxStream};
use openraft::entry::EntryPayload;
use openraft::error::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::v2::RaftNetworkV2;
use openraft::network::{RPCOption, RPCTypes, stream_append_sequential};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::type_config::alias::{EntryOf, SnapshotOf, VoteOf};
use openraft::{OptionalSend, RaftNetworkFactory};
use tokio::time::Instant;

use super::answer_rules::AnswerRules;
use super::append_stream::{self, Appended, Rpc};
use super::snapshots::{self, SnapshotPort};
use super::wire::{NodeReply, NodeRequest, decode, encode};
use crate::consensus_types::{Member, TypeConfig};
use crate::link::{CallError, Lane, Link, Links};
use crate::raft::ports::ReportSink;
use crate::raft::quarantine::Gate;
use crate::raft::time::clock::Clocks;
use crate::raft::versions::Versions;

/// Approximate limit of an append in bytes; entries beyond it are sent later.
const APPEND_BYTES: usize = 1 << 20;
/// Most unanswered appends to one peer. While two are on their way, the entries that follow gather
/// in the next one, which costs each of them less; one in flight would leave the peer idle for a
/// round trip. Measured at 64 clients: 333 to 401 microseconds of CPU a write instead of 385 to 433
/// with 32.
const PIPELINE_DEPTH: usize = 2;
/// Time limit for the answer to an append with entries. The peer's disk may be slow, and a late
/// answer is better than sending the entries again. openraft's own limit is one heartbeat.
const APPEND_TIMEOUT: Duration = Duration::from_secs(2);
/// Time limit for a connection before a stream of appends begins.
const CONNECT_WAIT: Duration = Duration::from_millis(500);
/// Pause before a peer is reported as down. openraft's own backoff begins with the first append of
/// a stream, so without this pause it would ask for a new stream at once, and use a whole core
/// while a node is down.
const DOWN_PAUSE: Duration = Duration::from_millis(50);
/// Time within which the answer to a heartbeat still updates load and clock.
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(1);

/// Creates openraft's clients.
pub(crate) struct Network<P> {
    pub me: NodeId,
    pub links: Links,
    pub clocks: Arc<Clocks>,
    pub sink: Arc<dyn ReportSink>,
    pub versions: Arc<Versions>,
    pub port: Arc<P>,
    pub rules: Arc<dyn AnswerRules>,
    pub gate: Arc<Gate>,
}

impl<P: SnapshotPort> Network<P> {
    fn client(&self, target: NodeId, member: &Member, lane: Lane) -> Client<P> {
        Client {
            me: self.me,
            target,
            lane,
            link: self.links.member(target, &member.link, lane),
            urgent: self.links.member(target, &member.link, Lane::Heartbeat),
            clocks: self.clocks.clone(),
            sink: self.sink.clone(),
            versions: self.versions.clone(),
            port: self.port.clone(),
            rules: self.rules.clone(),
            gate: self.gate.clone(),
        }
    }
}

impl<P: SnapshotPort> RaftNetworkFactory<TypeConfig> for Network<P> {
    type Network = Client<P>;

    /// Votes and leadership transfers use these clients too, and take the urgent lane.
    async fn new_client(&mut self, target: NodeId, node: &Member) -> Client<P> {
        self.client(target, node, Lane::Log)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, node: &Member) -> Client<P> {
        self.client(target, node, Lane::Heartbeat)
    }

    async fn new_snapshot_client(&mut self, target: NodeId, node: &Member) -> Client<P> {
        self.client(target, node, Lane::Bulk)
    }
}

/// openraft's client to one node.
pub(crate) struct Client<P> {
    me: NodeId,
    target: NodeId,
    lane: Lane,
    link: Link,
    urgent: Link,
    clocks: Arc<Clocks>,
    sink: Arc<dyn ReportSink>,
    versions: Arc<Versions>,
    port: Arc<P>,
    rules: Arc<dyn AnswerRules>,
    gate: Arc<Gate>,
}

impl<P: SnapshotPort> Client<P> {
    /// Law: a node whose gate is closed asks for no vote and sends no entry. It may hold itself for
    /// the leader that it was when its folder was copied.
    async fn open(&self, limit: Duration) -> Rpc<()> {
        // Waiting also keeps openraft from asking again at once.
        match tokio::time::timeout(limit, self.gate.opens()).await {
            Ok(()) => Ok(()),
            Err(_) => self.is_open(),
        }
    }

    fn is_open(&self) -> Rpc<()> {
        match self.gate.closed() {
            Some(closed) => Err(Unreachable::new(&closed).into()),
            None => Ok(()),
        }
    }

    /// The answer to an append, unless the peer may not say that.
    fn appended(
        &self,
        reply: Result<NodeReply, VersionError>,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        let response = append_response(reply)?;
        self.rules
            .append(self.target, &response)
            .map_err(|why| NetworkError::new(&why))?;
        Ok(response)
    }

    fn voted(&self, reply: NodeReply) -> Rpc<VoteResponse<TypeConfig>> {
        let NodeReply::Vote(response) = reply else {
            return Err(unexpected());
        };
        self.rules
            .vote(self.target, &response)
            .map_err(|why| NetworkError::new(&why))?;
        Ok(response)
    }

    fn failed(&self, error: CallError, action: RPCTypes, limit: Duration) -> RPCError<TypeConfig> {
        // It may not know the descriptor by which this node votes, or which changes who does.
        if matches!(error, CallError::Denied(_) | CallError::Refused(_)) {
            self.rules.refused(self.target);
        }
        match error {
            CallError::TimedOut => Timeout {
                action,
                id: self.me,
                target: self.target,
                timeout: limit,
            }
            .into(),
            CallError::Unreachable(_) | CallError::Refused(_) => Unreachable::new(&error).into(),
            _ => NetworkError::new(&error).into(),
        }
    }

    /// Waits for a connection.
    async fn wait_connected(&self) -> Rpc<()> {
        self.open(CONNECT_WAIT).await?;
        let ready = self.link.ready(Instant::now() + CONNECT_WAIT).await;
        if ready.is_err() {
            tokio::time::sleep(DOWN_PAUSE).await;
        }
        ready.map_err(|error| self.failed(error, RPCTypes::AppendEntries, CONNECT_WAIT))
    }

    async fn ask(
        &self,
        request: &NodeRequest,
        action: RPCTypes,
        option: &RPCOption,
    ) -> Rpc<NodeReply> {
        let limit = option.hard_ttl();
        self.open(limit).await?;
        let body = encode(request);
        let reply = self
            .urgent
            .call(&body, Instant::now() + limit)
            .await
            .map_err(|error| self.failed(error, action, limit))?;
        decode(&reply).map_err(|error| NetworkError::new(&error).into())
    }

    /// Sends a heartbeat. openraft waits for one interval; a later answer still updates load and
    /// clock.
    async fn heartbeat(
        &self,
        rpc: AppendEntriesRequest<TypeConfig>,
        limit: Duration,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        self.open(limit).await?;
        let body = encode(&NodeRequest::Append(rpc));
        let (link, clocks, sink) = (self.link.clone(), self.clocks.clone(), self.sink.clone());
        let (target, versions) = (self.target, self.versions.clone());
        let answer = tokio::spawn(async move {
            // The report is made later than this, so its age is never underestimated.
            let sent = Instant::now();
            let reply = link.call(&body, sent + HEARTBEAT_TIMEOUT).await?;
            let at = Instant::now();
            let reply = decode(&reply);
            if let Ok(NodeReply::Append {
                heartbeat: Some(heartbeat),
                ..
            }) = &reply
            {
                clocks.record(target, heartbeat.unix_millis, at);
                versions.record(target, heartbeat.newest_version, at);
                sink.receive(target, &heartbeat.report, heartbeat.unix_millis, sent);
            }
            Ok(reply)
        });
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(Ok(reply))) => self.appended(reply),
            Ok(Ok(Err(error))) => Err(self.failed(error, RPCTypes::AppendEntries, limit)),
            Ok(Err(error)) => Err(NetworkError::new(&error).into()),
            Err(_) => Err(self.failed(CallError::TimedOut, RPCTypes::AppendEntries, limit)),
        }
    }

    /// Sends an append before it returns; the future waits for the answer.
    fn append(&self, rpc: AppendEntriesRequest<TypeConfig>) -> impl Future<Output = Appended> {
        let (rpc, truncated) = truncate_to_fit(rpc);
        let prev = rpc.prev_log_id;
        let last = rpc.entries.last().map(|entry| entry.log_id).or(prev);
        let started = self.is_open().and_then(|()| {
            let started = self.link.start(&encode(&NodeRequest::Append(rpc)));
            started.map_err(|error| self.failed(error, RPCTypes::AppendEntries, APPEND_TIMEOUT))
        });
        async move {
            let response = async {
                let reply = started?
                    .until(Instant::now() + APPEND_TIMEOUT)
                    .await
                    .map_err(|error| self.failed(error, RPCTypes::AppendEntries, APPEND_TIMEOUT))?;
                self.appended(decode(&reply))
            };
            Appended {
                response: response.await,
                prev,
                last,
                truncated,
            }
        }
    }
}

fn append_response(
    reply: Result<NodeReply, VersionError>,
) -> Rpc<AppendEntriesResponse<TypeConfig>> {
    match reply {
        Ok(NodeReply::Append { response, .. }) => Ok(response),
        Ok(_) => Err(unexpected()),
        Err(error) => Err(NetworkError::new(&error).into()),
    }
}

fn unexpected() -> RPCError<TypeConfig> {
    NetworkError::from_string("the reply does not match the request").into()
}

/// Drops the entries that do not fit into one frame; the flag tells whether any were dropped.
fn truncate_to_fit(
    mut rpc: AppendEntriesRequest<TypeConfig>,
) -> (AppendEntriesRequest<TypeConfig>, bool) {
    let mut bytes = 0;
    let fitting = rpc.entries.iter().take_while(|entry| {
        let before = bytes;
        bytes += payload_bytes(entry);
        before == 0 || bytes <= APPEND_BYTES
    });
    let fitting = fitting.count();
    let truncated = fitting < rpc.entries.len();
    rpc.entries.truncate(fitting);
    (rpc, truncated)
}

fn payload_bytes(entry: &EntryOf<TypeConfig>) -> usize {
    const HEAD_BYTES: usize = 32;
    const MEMBER_BYTES: usize = 512;
    HEAD_BYTES
        + match &entry.payload {
            EntryPayload::Blank => 0,
            EntryPayload::Normal(bytes) => bytes.0.len(),
            EntryPayload::Membership(membership) => membership.nodes().count() * MEMBER_BYTES,
        }
}

impl<P: SnapshotPort> RaftNetworkV2<TypeConfig> for Client<P> {
    type SnapshotData = P::Data;

    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<TypeConfig>> {
        if rpc.entries.is_empty() && self.lane == Lane::Heartbeat {
            return self.heartbeat(rpc, option.hard_ttl()).await;
        }
        self.wait_connected().await?;
        let appended = self.append(rpc).await;
        match appended.response {
            Ok(AppendEntriesResponse::Success) if appended.truncated => {
                Ok(AppendEntriesResponse::PartialSuccess(appended.last))
            }
            response => response,
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Rpc<BoxStream<'s, Rpc<StreamAppendResult<TypeConfig>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<TypeConfig>> + OptionalSend + Unpin + 'static,
    {
        if self.lane == Lane::Heartbeat {
            return stream_append_sequential(self, input, option);
        }
        Box::pin(async move {
            let client = &*self;
            client.wait_connected().await?;
            let answers = input.map(|rpc| client.append(rpc)).buffered(PIPELINE_DEPTH);
            let answers = append_stream::results(Box::pin(answers));
            Ok(Box::pin(answers) as BoxStream<'s, _>)
        })
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        let request = NodeRequest::Vote(rpc);
        self.voted(self.ask(&request, RPCTypes::Vote, &option).await?)
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<TypeConfig>> {
        let request = NodeRequest::PreVote(rpc);
        self.voted(self.ask(&request, RPCTypes::Vote, &option).await?)
    }

    async fn full_snapshot(
        &mut self,
        vote: VoteOf<TypeConfig>,
        snapshot: SnapshotOf<TypeConfig, P::Data>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<TypeConfig>, StreamingError<TypeConfig>> {
        self.open(CONNECT_WAIT).await?;
        let sent = snapshots::send(&self.link, &*self.port, vote, snapshot.snapshot, cancel);
        let response = sent
            .await
            .inspect_err(|_| self.rules.refused(self.target))?;
        self.rules
            .snapshot(self.target, &response)
            .map_err(|why| NetworkError::new(&why))?;
        Ok(response)
    }

    async fn transfer_leader(
        &mut self,
        req: TransferLeaderRequest<TypeConfig>,
        option: RPCOption,
    ) -> Rpc<TransferLeaderResponse<TypeConfig>> {
        let request = NodeRequest::TransferLeader(req);
        match self
            .ask(&request, RPCTypes::TransferLeader, &option)
            .await?
        {
            NodeReply::TransferLeader(response) => Ok(response),
            _ => Err(unexpected()),
        }
    }
}
