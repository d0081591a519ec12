//! All proxies of a run: one thread that carries the links between its nodes.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cameo_common::ids::NodeId;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use super::connection::carry;
use super::link_state::LinkState;
use super::opener::{Opener, Process, opener};
use crate::faults::Link;
use crate::target::real::network::rule::{Counts, Rule};

/// Connections to one node that are carried at once; more wait to be accepted.
const MOST_CONNECTIONS: usize = 512;
/// Pause after a connection that could not be accepted.
const ACCEPTS_AGAIN: Duration = Duration::from_millis(50);

/// Running proxies. They end when this is dropped, and with them all connections.
#[derive(Debug)]
pub struct Proxies {
    shared: Arc<Shared>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    seed: u64,
    links: Mutex<BTreeMap<Link, Arc<LinkState>>>,
    /// The process of each node, while one was started.
    processes: Mutex<BTreeMap<NodeId, Process>>,
    /// Why it cannot be told who opens connections, if that was said.
    blind: std::sync::Once,
}

impl Proxies {
    /// Starts the thread. `seed` decides which packets are lost.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(seed: u64) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let run = move || drop(runtime.block_on(stopped));
        let thread = std::thread::Builder::new()
            .name("chaos-proxy".to_owned())
            .spawn(run)?;
        Ok(Self {
            shared: Arc::new(Shared {
                seed,
                links: Mutex::default(),
                processes: Mutex::default(),
                blind: std::sync::Once::new(),
            }),
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The address at which the others reach a node that listens on `to`.
    ///
    /// # Errors
    /// When there is no free port.
    pub fn attach(&self, node: NodeId, to: SocketAddr) -> io::Result<SocketAddr> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let _entered = self.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let accept = accept(self.shared.clone(), node, listener, to);
        self.runtime.spawn(accept);
        Ok(address)
    }

    /// Starts the process of a node; `start` gives its id. Connections that it opens meanwhile are
    /// looked up afterwards.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn launch<E>(
        &self,
        node: NodeId,
        start: impl FnOnce() -> Result<Option<u32>, E>,
    ) -> Result<(), E> {
        let mut processes = self.shared.processes.lock();
        processes.remove(&node);
        if let Some(process) = start()? {
            // Its number may have been that of another node's before.
            processes.retain(|_, other| other.id != process);
            processes.insert(node, Process::now(process));
        }
        Ok(())
    }

    /// Puts a rule on these links.
    pub fn set(&self, links: &[Link], rule: Rule) {
        for link in links {
            self.shared.link(*link).set(rule);
        }
    }

    /// What has happened on these links so far.
    #[must_use]
    pub fn counts(&self, links: &[Link]) -> Counts {
        let mut sum = Counts::default();
        for link in links {
            let counts = self.shared.link(*link).counts();
            sum.passed += counts.passed;
            sum.lost += counts.lost;
            sum.held += counts.held;
        }
        sum
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has panicked at worst, and has said so.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn link(&self, link: Link) -> Arc<LinkState> {
        let seed = self.seed ^ (link.from.0 << 32) ^ link.to.0;
        let mut links = self.links.lock();
        let state = links
            .entry(link)
            .or_insert_with(|| Arc::new(LinkState::new(seed)));
        state.clone()
    }

    /// The link to `to` of which this connection is one; None if nobody has it any more.
    fn link_of(&self, dialed: (SocketAddr, SocketAddr), to: NodeId) -> Option<Arc<LinkState>> {
        let (SocketAddr::V4(there), SocketAddr::V4(here)) = dialed else {
            return None;
        };
        let processes: Vec<_> = {
            let processes = self.processes.lock();
            processes
                .iter()
                .map(|(node, process)| (*node, *process))
                .collect()
        };
        match opener(there, here, &processes) {
            Ok(Opener::Node(from)) => Some(self.link(Link { from, to })),
            // No fault strikes a process that is no node.
            Ok(Opener::Stranger) => Some(Arc::new(LinkState::new(self.seed))),
            Ok(Opener::Gone) => None,
            Err(why) => {
                // No cluster forms then, and who runs it should know why.
                let say = || eprintln!("a proxy cannot tell who opens connections: {why}");
                self.blind.call_once(say);
                None
            }
        }
    }
}

async fn accept(shared: Arc<Shared>, node: NodeId, listener: TcpListener, to: SocketAddr) {
    let room = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    while let Ok(permit) = room.clone().acquire_owned().await {
        let Ok((dialed, _)) = listener.accept().await else {
            sleep(ACCEPTS_AGAIN).await;
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            if let Some(link) = link_of(shared, &dialed, node).await {
                carry(&link, dialed, to).await;
            }
            drop(permit);
        });
    }
}

/// The tables are read on a thread of their own: connections go on meanwhile.
async fn link_of(shared: Arc<Shared>, dialed: &TcpStream, to: NodeId) -> Option<Arc<LinkState>> {
    let ends = (dialed.peer_addr().ok()?, dialed.local_addr().ok()?);
    let look = tokio::task::spawn_blocking(move || shared.link_of(ends, to));
    look.await.ok().flatten()
}
