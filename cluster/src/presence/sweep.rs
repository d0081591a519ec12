//! The leader's table of leases: it follows the sessions of the state, and ends those whose lease
//! has run out.

use std::collections::BTreeMap;
use std::time::Duration;

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use cameo_machine::limits::MAX_EXPIRED_PER_ENTRY;
use cameo_machine::{Caller, Command, Op, read};
use futures_util::FutureExt as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::Presence;
use super::leases::{Leases, Session};
use crate::raft::{CALL_DEADLINE, Replica};
use crate::store::SessionNews;

/// Interval at which the leader ends sessions whose lease has run out; an end is this late at most.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// Delay of a sweep after which the leader itself must have been paused, and leases are renewed.
const LEADER_PAUSE: Duration = Duration::from_secs(3);
/// Sessions read at a time, so that no view is held for long.
const PAGE: usize = 512;

impl Presence {
    /// Keeps the leases while this node leads. Never returns; dropped when the node stops.
    pub async fn sweep(&self, replica: &dyn Replica) {
        let mut led = self.led.subscribe();
        loop {
            let leads = led.borrow_and_update().is_some();
            let keep = async {
                match leads {
                    true => self.keep(replica).await,
                    false => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                _ = led.changed() => {}
                () = keep => {}
            }
        }
    }

    /// Never returns. Costs what begins, ends and is due: all sessions are read once.
    async fn keep(&self, replica: &dyn Replica) {
        // Before the sessions are read, so that none is missed.
        let mut news = replica.subscriptions().sessions();
        self.read_all(replica).await;
        let mut last = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = sleep_until(last + SWEEP_INTERVAL) => {
                    let now = Instant::now();
                    let pause = now.duration_since(last);
                    last = now;
                    // News that waits is older than this sweep.
                    while let Some(heard) = news.recv().now_or_never() {
                        self.hear(replica, heard).await;
                    }
                    self.end_expired(replica, pause, now).await;
                }
                heard = news.recv() => self.hear(replica, heard).await,
            }
        }
    }

    async fn hear(&self, replica: &dyn Replica, heard: Result<SessionNews, RecvError>) {
        match heard {
            Ok(SessionNews::Changed(changes)) => {
                self.with_leases(|leases| leases.follow(&changes, Instant::now()));
            }
            Ok(SessionNews::Replaced) | Err(RecvError::Lagged(_)) => self.read_all(replica).await,
            // The state has closed; the node stops.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// Compares the table with all sessions that run by this node's state.
    async fn read_all(&self, replica: &dyn Replica) {
        let mut running: BTreeMap<PublicKey, u64> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = read::sessions(&*replica.view(), after.as_ref(), PAGE);
            let Some(last) = page.last() else {
                break;
            };
            after = Some(last.device);
            let online = page.iter().filter(|session| session.online);
            running.extend(online.map(|session| (session.device, session.epoch)));
            tokio::task::yield_now().await;
        }
        self.with_leases(|leases| leases.correct(&running, Instant::now()));
    }

    fn with_leases(&self, act: impl FnOnce(&mut Leases)) {
        if let Some(leases) = self.leases().as_mut() {
            act(leases);
        }
    }

    /// `pause` is the time since the last sweep.
    async fn end_expired(&self, replica: &dyn Replica, pause: Duration, now: Instant) {
        let (term, due) = match self.leases().as_mut() {
            Some(leases) => {
                if pause > LEADER_PAUSE {
                    leases.renew_all(now);
                }
                (leases.term, leases.sweep(now))
            }
            None => return,
        };
        let expired = self.still_running(replica, &due);
        // A deposed leader that does not know it yet must not end sessions that another one renews.
        if expired.is_empty() || !still_leads(replica, self.node, term).await {
            return;
        }
        for chunk in expired.chunks(MAX_EXPIRED_PER_ENTRY) {
            let chunk = self.still_out(chunk);
            if chunk.is_empty() {
                continue;
            }
            let command = Command {
                caller: Caller::Node(self.node),
                op: Op::ExpireSessions(chunk.clone()),
            };
            let proposed = replica
                .propose(&command, Instant::now() + CALL_DEADLINE)
                .await;
            match proposed {
                Ok(_) => {
                    tracing::info!(sessions = chunk.len(), "ended sessions whose lease ran out")
                }
                // The next sweep tries again.
                Err(error) => tracing::warn!(%error, "could not end sessions; trying again"),
            }
        }
    }

    /// Those that run by the state. The others leave the table: a renewal that came together with
    /// the end of its session may have put it there.
    fn still_running(&self, replica: &dyn Replica, due: &[Session]) -> Vec<Session> {
        let (mut running, mut ended) = (Vec::new(), Vec::new());
        for page in due.chunks(PAGE) {
            let view = replica.view();
            for &(device, epoch) in page {
                match Self::runs(&*view, &device, epoch) {
                    true => running.push((device, epoch)),
                    false => ended.push((device, epoch)),
                }
            }
        }
        let (ended, view) = (ended, replica.view());
        self.with_leases(|leases| {
            for (device, epoch) in ended {
                leases.remove((device, epoch));
                // It hid one with a lower epoch: of another user, who has the device now.
                let other = read::session(&*view, &device).filter(|session| session.online);
                if let Some(other) = other {
                    leases.add((device, other.epoch), Instant::now());
                }
            }
        });
        running
    }

    /// Those that were not renewed since the sweep.
    fn still_out(&self, sessions: &[Session]) -> Vec<Session> {
        let leases = self.leases();
        let Some(leases) = leases.as_ref() else {
            return Vec::new();
        };
        let now = Instant::now();
        let out = sessions.iter().copied();
        out.filter(|session| leases.has_run_out(*session, now))
            .collect()
    }
}

async fn still_leads(replica: &dyn Replica, node: NodeId, term: u64) -> bool {
    let confirmed = replica
        .barrier(Instant::now() + CALL_DEADLINE)
        .await
        .is_ok();
    let status = replica.status();
    confirmed && status.leader == Some(node) && status.term == term
}
