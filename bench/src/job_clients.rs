//! Clients that keep all workers of a cluster busy with image jobs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use cameo_chaos::workload::{JobFailed, Nodes, User, Work, run_job};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Clients in a closed loop: as many jobs as three nodes run, and as many waiting.
const CLIENTS: usize = 6;
const GIVE_UP_AFTER: Duration = Duration::from_secs(60);

/// Clients that keep the workers of a cluster busy.
#[derive(Debug)]
pub struct JobClients {
    url: String,
    nodes: Arc<Nodes>,
    works: Vec<Arc<Work>>,
    over: AtomicBool,
}

impl JobClients {
    /// Clients that register by this URL, and then have these jobs done by these nodes, in turn.
    pub fn new(url: String, nodes: Arc<Nodes>, works: Vec<Arc<Work>>) -> Self {
        Self {
            url,
            nodes,
            works,
            over: AtomicBool::new(false),
        }
    }

    /// Lets each client end after its job.
    pub fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Runs all clients until [`JobClients::end`]. Returns the number of completed jobs.
    pub async fn keep_busy(self: Arc<Self>) -> anyhow::Result<usize> {
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            clients.spawn(self.clone().run(n));
        }
        let mut done = 0;
        while let Some(joined) = clients.join_next().await {
            done += joined??;
        }
        Ok(done)
    }

    async fn run(self: Arc<Self>, client: usize) -> anyhow::Result<usize> {
        let user = User::register(&self.url, format!("client-{client}").parse()?).await?;
        let mut done = 0;
        while !self.over.load(Ordering::Relaxed) {
            let work = &self.works[(client + done) % self.works.len()];
            let deadline = Instant::now() + GIVE_UP_AFTER;
            match run_job(&user, &self.nodes, work, deadline).await {
                Ok(_) => done += 1,
                // Rejected for longer than a client waits, as expected under this load.
                Err(JobFailed::Late(_)) => {}
                Err(why) => return Err(why.into()),
            }
        }
        Ok(done)
    }
}

/// Runs a future on its own thread, with its own priority, as if on another machine: job clients
/// run at low priority like the jobs, and the writer at high priority, so that its own delays are
/// not measured.
pub async fn on_own_thread<T: Send + 'static>(
    priority: fn() -> std::io::Result<()>,
    future: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let alone = move || {
        priority().context("a thread's priority")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(future)
    };
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // The receiver is gone when the scenario has failed.
        let _ = sender.send(alone());
    });
    receiver.await.context("its thread has panicked")?
}
