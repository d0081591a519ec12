//! The exchange between voters: each tells its progress, what it remembers of the other's, and its
//! times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use cameo_common::signed::Signed;
use cameo_common::statements::{Marks, NodeProgress};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::engine::consensus::Consensus;
use super::genesis::Genesis;
use super::members::bootstrap_state::BootstrapState;
use super::members::descriptor_exchange::DescriptorExchange;
use super::members::member_view::MemberView;
use super::quarantine::{Closed, GRACE, Gate, QuarantineDisk, Remembered, Waits};
use super::rpc::wire::{NodeReply, NodeRequest, ProgressTold, decode, encode};
use super::time::entry_time::EntryTimes;
use crate::floor::FloorMark;
use crate::host::seldom::Seldom;
use crate::link::{CallError, Lane, Links, NodeKeys};

/// Pause between two rounds with one voter: what is newer is not remembered of a node.
const EXCHANGE_EVERY: Duration = Duration::from_secs(1);
/// The same of a node that waits for its first answers.
const WAITING_EVERY: Duration = Duration::from_millis(50);
/// Pause between two writes of the file: what is newer is forgotten with the process.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// How long a node counts as one that answers.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);
/// Time limit of one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// This voter's side of the exchange.
pub(crate) struct Exchange {
    pub me: NodeId,
    pub keys: Arc<NodeKeys>,
    pub members: Arc<MemberView>,
    pub gate: Arc<Gate>,
    pub times: Arc<EntryTimes>,
    pub remembered: Remembered,
    /// Where the marker of a quarantined node goes, and the origin of the folder is.
    pub disk: Arc<dyn QuarantineDisk>,
    pub consensus: Arc<dyn Consensus>,
    pub descriptors: Arc<DescriptorExchange>,
    /// When each other node has last told its progress.
    pub told: Mutex<BTreeMap<NodeId, Instant>>,
    pub floor: FloorMark,
    /// Highest index that this process has known to be committed and durable here.
    pub log: AtomicU64,
    /// Limits what is logged of others that have come back below what they had told.
    pub alarms: Seldom,
}

impl Exchange {
    /// Answers another voter: keeps what it tells, and hears what it remembers. None while this
    /// node cannot tell its own progress.
    pub fn answer(&self, from: NodeId, told: ProgressTold) -> Option<ProgressTold> {
        self.times.record(from, told.times);
        let genesis = self.members.genesis()?;
        let answer = self.told_to(&genesis, from)?;
        self.take(&genesis, from, told);
        Some(answer)
    }

    fn told_to(&self, genesis: &Genesis, voter: NodeId) -> Option<ProgressTold> {
        Some(ProgressTold {
            mine: self.own(genesis)?,
            of_you: self.remembered.of(voter),
            times: self.times.own(),
            descriptor: self.members.chain().map_or(0, |chain| chain.number()),
        })
    }

    fn own(&self, genesis: &Genesis) -> Option<Signed<NodeProgress>> {
        let key = self.keys.signing_key();
        let progress = NodeProgress {
            node: key.public(),
            cluster: genesis.cluster_id(),
            incarnation: self.gate.incarnation,
            found: self.gate.found,
            reached: self.reached()?,
        };
        Some(Signed::new(&key, progress))
    }

    /// What is durable. None before the floors are opened.
    fn reached(&self) -> Option<Marks> {
        let floor = self.floor.durable()?;
        let durable = self.consensus.durable();
        let log = durable.log.max(self.log.load(Ordering::Acquire));
        self.log.fetch_max(log, Ordering::AcqRel);
        Some(Marks {
            floor,
            // What was found was synced when the log was opened.
            term: durable.term.max(self.gate.found.term),
            log,
        })
    }

    /// Takes what nobody else can have signed, and ignores the rest.
    fn take(&self, genesis: &Genesis, from: NodeId, told: ProgressTold) {
        let Some(chain) = self.members.chain() else {
            return;
        };
        if told.descriptor != chain.number() {
            self.descriptors.begin(from);
        }
        let Some(voter) = chain.node(from) else {
            return;
        };
        let progress = verified(&told.mine, voter.key.0, genesis);
        if progress.is_some() {
            self.told.lock().insert(from, Instant::now());
        }
        if let Some(progress) = progress
            && let Err(what) = self.remembered.keep(from, told.mine, &progress)
            && self.alarms.is_due()
        {
            tracing::error!(
                node = from.0,
                what,
                "a voter has come back below what it had told this node: it is quarantined, if \
                 its program is ours"
            );
        }
        let of_me = told.of_you;
        let of_me = of_me.and_then(|signed| verified(&signed, self.keys.public(), genesis));
        self.gate.hear(from, of_me.as_ref());
    }

    /// Tells and asks the other voters for as long as the node runs.
    pub async fn run(self: Arc<Self>, links: Links) {
        let genesis = formed(&self.members).await;
        let grace = self.grace();
        let files = async { tokio::join!(self.store(), self.mark(), self.renew_origin()) };
        tokio::join!(self.talk(&genesis, &links), grace, files);
    }

    /// Talks to each node of the newest descriptor, and to those that are still voters.
    async fn talk(&self, genesis: &Genesis, links: &Links) {
        let mut talks = FuturesUnordered::new();
        let mut with = BTreeSet::new();
        loop {
            for voter in self.others() {
                if with.insert(voter) {
                    talks.push(self.talk_to(genesis, voter, links));
                }
            }
            tokio::select! {
                Some(voter) = talks.next() => drop(with.remove(&voter)),
                () = sleep(EXCHANGE_EVERY) => {}
            }
        }
    }

    /// The other voters: the nodes of the newest descriptor, and those that Raft still has.
    fn others(&self) -> BTreeSet<NodeId> {
        let newest = self.members.chain().map(|chain| chain.newest_ids());
        let mut others = newest.unwrap_or_default();
        others.extend(self.members.raft_voters());
        others.remove(&self.me);
        others
    }

    /// Returns the voter once it is none any more.
    async fn talk_to(&self, genesis: &Genesis, voter: NodeId, links: &Links) -> NodeId {
        while self.others().contains(&voter) {
            self.tell(genesis, voter, links).await;
            sleep(match self.gate.closed() {
                Some(Closed::Waiting | Closed::MayBeCopy) => WAITING_EVERY,
                Some(Closed::Quarantined) | None => EXCHANGE_EVERY,
            })
            .await;
        }
        voter
    }

    /// Whether a node has told its progress, as a voter does, within the last rounds.
    pub fn answers(&self, node: NodeId) -> bool {
        let told = self.told.lock();
        told.get(&node)
            .is_some_and(|at| at.elapsed() < ANSWERS_WITHIN)
    }

    async fn tell(&self, genesis: &Genesis, voter: NodeId, links: &Links) {
        let (Some(member), Some(told)) = (self.members.member(voter), self.told_to(genesis, voter))
        else {
            return;
        };
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        // A new leader sends entries at once. Asked for and not waited for: connecting is a task of
        // its own.
        let log = links.member(voter, &member.link, Lane::Log);
        let _ = log.ready(deadline).now_or_never();
        let link = links.member(voter, &member.link, Lane::Heartbeat);
        let body = encode(&NodeRequest::Progress(told));
        let answer = link.call(&body, deadline);
        // A voter that does not answer is asked in the next round. One that refuses may know
        // another newest descriptor.
        let reply = match answer.await {
            Ok(reply) => reply,
            Err(CallError::Denied(_) | CallError::Refused(_)) => {
                return self.descriptors.begin(voter);
            }
            Err(_) => return,
        };
        if let Ok(NodeReply::Progress(Some(told))) = decode(&reply) {
            self.times.record(voter, told.times);
            self.take(genesis, voter, told);
        }
    }

    async fn grace(&self) {
        sleep(GRACE).await;
        self.gate.end_grace();
        if let Some(waits) = self.waits()
            && waits.may_be_copy
        {
            tracing::error!(
                voters = ?waits.voters,
                answers_missing = waits.answers_missing,
                "this node's folder may be an older copy, and voters do not answer who may \
                 remember more of it: it takes no part until so many of them have answered. Start \
                 them; or, if they are lost for good and this folder is surely its newest, start \
                 this node once with --folder-is-newest: what it had promised beyond the folder is \
                 lost then"
            );
            self.gate.opens().await;
            tracing::warn!("enough voters have answered, and this node takes part");
        }
    }

    /// What this node waits for, if it takes no part yet.
    pub fn waits(&self) -> Option<Waits> {
        self.gate.waits(self.others())
    }

    /// Each time that this node takes part, its folder is told from all copies that were made
    /// before.
    async fn renew_origin(&self) {
        self.gate.opens().await;
        while let Err(error) = self.disk.renew_origin().await {
            tracing::error!(
                %error,
                "DATA/origin is not written, and at its next start this folder may count as a \
                 copy: it is tried again"
            );
            sleep(STORE_EVERY).await;
        }
    }

    /// Once this node is quarantined, it stays so.
    async fn mark(&self) {
        let proof = self.gate.proven().await;
        while let Err(error) = proof.write(&*self.disk).await {
            tracing::error!(%error, "DATA/quarantined is not written: it is tried again");
            sleep(STORE_EVERY).await;
        }
    }

    async fn store(&self) {
        loop {
            sleep(STORE_EVERY).await;
            self.store_now().await;
        }
    }

    /// Writes down what this node remembers of its peers.
    pub async fn store_now(&self) {
        self.remembered.forget_all_but(&self.others());
        if let Err(error) = self.remembered.store().await {
            tracing::error!(%error, "what this node remembers of its peers is not written");
        }
    }
}

async fn formed(members: &MemberView) -> Arc<Genesis> {
    let mut state = members.state.subscribe();
    loop {
        if let BootstrapState::Formed { genesis } = &*state.borrow_and_update() {
            return genesis.clone();
        }
        // The sender is in `members`.
        let _ = state.changed().await;
    }
}

/// What a voter has signed for this cluster.
fn verified(
    signed: &Signed<NodeProgress>,
    voter: [u8; 32],
    genesis: &Genesis,
) -> Option<NodeProgress> {
    let progress = signed.verify().ok()?;
    let is_voters = progress.node == PublicKey(voter) && progress.cluster == genesis.cluster_id();
    is_voters.then_some(progress)
}
