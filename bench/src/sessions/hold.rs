//! The sessions that are held: those with a stream by a task each, the rest by the seam.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinSet;

use super::arguments::Plan;
use super::seam::{Seam, Session};
use crate::clusters::ours::{GROUP, Ours};

/// Groups of people that begin their sessions at a time.
const AT_A_TIME: usize = 16;

/// Running sessions. All of them end when it is dropped.
#[derive(Debug)]
pub struct Holding {
    /// Each returns when a session has ended, and else never.
    tasks: Arc<Mutex<JoinSet<anyhow::Result<()>>>>,
    at_the_seam: Arc<Mutex<Vec<Session>>>,
}

impl Holding {
    /// None yet; the seam renews those that begin.
    ///
    /// # Errors
    /// When the nodes' keys cannot be read.
    pub fn new(ours: &Ours) -> anyhow::Result<Self> {
        let at_the_seam = Arc::new(Mutex::new(Vec::new()));
        let (cluster, ends) = ours.link_ends();
        let (seam, sessions) = (Seam::new(cluster, ends)?, at_the_seam.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(seam.keep_renewing(move || lock(&sessions).clone()));
        Ok(Self {
            tasks: Arc::new(Mutex::new(tasks)),
            at_the_seam,
        })
    }

    /// Begins all sessions; each is renewed from its beginning on.
    ///
    /// # Errors
    /// When one does not begin, or ends.
    pub async fn begin(&mut self, ours: &Ours, plan: &Plan) -> anyhow::Result<()> {
        let (tasks, at_the_seam) = (self.tasks.clone(), self.at_the_seam.clone());
        let groups = (0..plan.sessions.div_ceil(GROUP)).map(|group| {
            let first = group * GROUP;
            let count = (plan.sessions - first).min(GROUP);
            let (tasks, at_the_seam) = (&tasks, &at_the_seam);
            ours.begin_sessions(group, count, async move |at, started| {
                let number = first + at;
                if number >= plan.connections {
                    lock(at_the_seam).push(started.session());
                    return Ok(());
                }
                let open = ours.open_stream(started, number as usize).await?;
                lock(tasks).spawn(open.hold());
                Ok(())
            })
        });
        let begun = stream::iter(groups)
            .buffer_unordered(AT_A_TIME)
            .try_for_each(async |()| Ok(()));
        self.unless_one_ends(begun).await
    }

    /// Does this while all sessions run.
    ///
    /// # Errors
    /// Those of the work; and when a session ends meanwhile.
    pub async fn unless_one_ends<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let ended = std::future::poll_fn(|context| lock(&self.tasks).poll_join_next(context));
        tokio::select! {
            done = work => done,
            ended = ended => {
                ended.context("the seam runs")??.context("a session ended")?;
                anyhow::bail!("a session was given up");
            }
        }
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
