//! Control of etcd's members: the leader, deaths and restarts.

use std::time::Duration;

use anyhow::Context as _;
use cameo_harness::until;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::gateway::{Gateway, Status};
use super::member::Member;
use super::writer::Writer;
use super::{Etcd, MEMBERS, SERVES_WITHIN};

/// Longest wait for a member's status.
const STATUS_WITHIN: Duration = Duration::from_secs(3);

impl Etcd {
    /// The number of the member that leads, by the word of a majority in the newest term.
    ///
    /// # Errors
    /// When there is none in time.
    pub async fn leader(&self) -> anyhow::Result<usize> {
        Ok(until("a leader of etcd", SERVES_WITHIN, || self.agreed_leader()).await?)
    }

    async fn agreed_leader(&self) -> Option<usize> {
        let mut told = Vec::new();
        for at in 0..MEMBERS {
            told.push(self.status(at).await);
        }
        let running = || told.iter().flatten();
        let newest = running().map(|status| status.term).max()?;
        let mut newest = running().filter(|status| status.term == newest);
        let leader = newest.next()?.leader;
        let agree = 1 + newest.filter(|status| status.leader == leader).count();
        let at = told.iter().position(|status| {
            status
                .as_ref()
                .is_some_and(|status| status.member == leader)
        })?;
        (2 * agree > MEMBERS).then_some(at)
    }

    async fn status(&self, at: usize) -> Option<Status> {
        let member = self.members.get(at)?;
        let status = async { Gateway::connect(member.clients).await?.status().await };
        timeout(STATUS_WITHIN, status).await.ok()?.ok()
    }

    /// The newest term that a member tells.
    ///
    /// # Errors
    /// When none answers.
    pub async fn term(&self) -> anyhow::Result<u64> {
        let mut terms = Vec::new();
        for at in 0..MEMBERS {
            terms.extend(self.status(at).await.map(|status| status.term));
        }
        terms.into_iter().max().context("no member tells its term")
    }

    /// Sends SIGKILL to a member, and waits until it has ended.
    ///
    /// # Errors
    /// When it cannot be signalled.
    pub async fn kill(&mut self, at: usize) -> anyhow::Result<()> {
        let member = self.members.get_mut(at).context("such a member")?;
        Ok(member.kill().await?)
    }

    /// Sends SIGTERM to a member, and waits until it has ended.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn stop(&mut self, at: usize) -> anyhow::Result<()> {
        let member = self.members.get_mut(at).context("such a member")?;
        Ok(member.stop().await?)
    }

    /// Starts a member again, and waits until it has applied what others have applied at the call.
    ///
    /// # Errors
    /// When it has not in time, or another one does not tell.
    pub async fn restart(&mut self, at: usize) -> anyhow::Result<()> {
        self.members.get_mut(at).context("such a member")?.start()?;
        self.caught_up(at).await
    }

    /// Sends SIGKILL to all members before it waits for any.
    ///
    /// # Errors
    /// When one cannot be signalled.
    pub async fn kill_all(&mut self) -> anyhow::Result<()> {
        let members = self.members.iter_mut();
        // Each is signalled when it is polled first.
        let killed = join_all(members.map(Member::kill)).await;
        Ok(killed.into_iter().collect::<Result<(), _>>()?)
    }

    /// Starts all members, and waits until all serve.
    ///
    /// # Errors
    /// When one does not.
    pub async fn start_all(&mut self) -> anyhow::Result<()> {
        for member in &mut self.members {
            member.start()?;
        }
        for at in 0..MEMBERS {
            until("etcd serves", SERVES_WITHIN, || self.serves(at)).await?;
        }
        for at in 0..MEMBERS {
            self.caught_up(at).await?;
        }
        Ok(())
    }

    async fn caught_up(&self, at: usize) -> anyhow::Result<()> {
        let mut goal = 0;
        for other in (0..MEMBERS).filter(|other| *other != at) {
            let status = self.status(other).await;
            let status = status.with_context(|| format!("member {other} of etcd tells nothing"))?;
            goal = goal.max(status.applied);
        }
        let applied = async || (self.status(at).await?.applied >= goal).then_some(());
        until("a member of etcd to catch up", SERVES_WITHIN, applied).await?;
        until("etcd serves", SERVES_WITHIN, || self.serves(at)).await?;
        Ok(())
    }

    /// A client that writes this many bytes at a time.
    pub fn writer(&self, bytes: usize) -> Writer {
        let members = self.members.iter();
        Writer::new(members.map(|member| member.clients).collect(), bytes)
    }
}
