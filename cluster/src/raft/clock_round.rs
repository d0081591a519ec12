//! Rounds of questions to the other voters for their times, when an entry is dated too late by this
//! node's own clock.

use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::genesis::GenesisMember;
use super::members::member_view::MemberView;
use super::rpc::wire::{NodeReply, NodeRequest, decode, encode};
use super::time::entry_time::{EntryTimes, TimesTold};
use crate::link::{Lane, Links};

/// Time limit of one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two rounds. A leader that dates entries too late makes it ask no more often.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// Asks when it is needed, for as long as the node runs.
pub(super) async fn run(
    me: NodeId,
    times: Arc<EntryTimes>,
    members: Arc<MemberView>,
    links: Links,
) {
    loop {
        times.wanted().await;
        // An entry was received, so that there is a genesis.
        if let Some(genesis) = members.genesis() {
            let others = genesis.members.iter().filter(|voter| voter.id != me);
            let answers = join_all(others.map(|voter| ask(voter, &members, &links))).await;
            times.record(answers.into_iter().flatten().collect());
        }
        sleep(ROUND_EVERY).await;
    }
}

/// A voter that does not answer is asked in the next round.
async fn ask(
    voter: &GenesisMember,
    members: &MemberView,
    links: &Links,
) -> Option<(NodeId, TimesTold)> {
    let member = members.member(voter.id)?;
    let link = links.member(voter.id, &member.link, Lane::Heartbeat);
    let body = encode(&NodeRequest::Times);
    let reply = link.call(&body, Instant::now() + ANSWER_TIMEOUT).await;
    match decode(&reply.ok()?) {
        Ok(NodeReply::Times { clock, applied }) => Some((voter.id, TimesTold { clock, applied })),
        _ => None,
    }
}
