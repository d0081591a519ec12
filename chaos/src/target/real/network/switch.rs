//! The switch between the namespaces: one thread that forwards packets.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use cameo_common::ids::NodeId;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_tun::Tun;

use super::namespace::{Namespace, NoNamespace};
use super::packet::{address, read};
use super::rule::{Counts, Fate, Rule};
use crate::faults::Link;

/// Longest packet: what the interfaces carry (MTU 1500), with room.
const LONGEST_PACKET: usize = 2048;
/// Packets that wait for one interface; more are lost, as at any router.
const QUEUE: usize = 4096;

/// A running switch. It ends when it is dropped, and with it all its interfaces.
#[derive(Debug)]
pub struct Switch {
    shared: Arc<Shared>,
    runtime: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    rng: StdRng,
    links: HashMap<Link, LinkState>,
    interfaces: BTreeMap<NodeId, mpsc::Sender<Parcel>>,
}

#[derive(Debug, Default)]
struct LinkState {
    rule: Rule,
    counts: Counts,
    /// When each direction has sent what it took before.
    busy_until: HashMap<NodeId, Instant>,
}

/// A packet on its way.
#[derive(Debug)]
struct Parcel {
    due: Instant,
    bytes: Vec<u8>,
}

impl Switch {
    /// Starts the thread. `seed` decides which packets are lost or overtaken.
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
            .name("chaos-switch".to_owned())
            .spawn(run)?;
        Ok(Self {
            shared: Arc::new(Shared {
                inner: Mutex::new(Inner {
                    rng: StdRng::seed_from_u64(seed),
                    links: HashMap::new(),
                    interfaces: BTreeMap::new(),
                }),
            }),
            runtime: handle,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Gives a namespace its interface, and connects it.
    ///
    /// # Errors
    /// When there is no interface.
    pub fn attach(&self, node: NodeId, namespace: &Namespace) -> Result<(), NoNamespace> {
        let address = address(node).ok_or_else(|| NoNamespace::new("no address is left"))?;
        let runtime = self.runtime.clone();
        // An interface is made in the namespace of the thread that makes it.
        let made = namespace.within(move || {
            let _entered = runtime.enter();
            Tun::builder()
                .name("cameo0")
                .address(address)
                .netmask([255, 255, 255, 0].into())
                .mtu(1500)
                .up()
                .build()
        })?;
        let tun = made.map_err(NoNamespace::new)?.pop();
        let tun = Arc::new(tun.ok_or_else(|| NoNamespace::new("no interface"))?);
        let (sender, parcels) = mpsc::channel(QUEUE);
        self.shared.inner.lock().interfaces.insert(node, sender);
        self.runtime.spawn(deliver(tun.clone(), parcels));
        self.runtime.spawn(forward(tun, self.shared.clone()));
        Ok(())
    }

    /// Puts a rule on these links.
    pub fn set(&self, links: &[Link], rule: Rule) {
        let mut inner = self.shared.inner.lock();
        for link in links {
            let state = inner.links.entry(*link).or_default();
            state.rule = rule;
            state.busy_until.clear();
        }
    }

    /// What has happened on these links so far.
    #[must_use]
    pub fn counts(&self, links: &[Link]) -> Counts {
        let inner = self.shared.inner.lock();
        let mut sum = Counts::default();
        for state in links.iter().filter_map(|link| inner.links.get(link)) {
            sum.passed += state.counts.passed;
            sum.lost += state.counts.lost;
            sum.held += state.counts.held;
        }
        sum
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has panicked at worst, and has said so.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn route(&self, packet: &[u8]) {
        let Some(travels) = read(packet) else {
            return;
        };
        let now = Instant::now();
        let mut inner = self.inner.lock();
        let Inner {
            rng,
            links,
            interfaces,
        } = &mut *inner;
        let state = links.entry(travels.link).or_default();
        let busy_until = state.busy_until.entry(travels.from).or_insert(now);
        let mut busy = busy_until.saturating_duration_since(now);
        let chance = || rng.random_range(0..100);
        let fate = state.rule.decide(packet.len(), &mut busy, chance);
        *busy_until = now + busy;
        let Fate::After(after) = fate else {
            state.counts.lost += 1;
            return;
        };
        let parcel = Parcel {
            due: now + after,
            bytes: packet.to_vec(),
        };
        let delivered = interfaces
            .get(&travels.to)
            .is_some_and(|to| to.try_send(parcel).is_ok());
        match (delivered, after > Duration::ZERO) {
            (false, _) => state.counts.lost += 1,
            (true, true) => state.counts.held += 1,
            (true, false) => state.counts.passed += 1,
        }
    }
}

/// Reads what a node sends.
async fn forward(tun: Arc<Tun>, shared: Arc<Shared>) {
    let mut packet = vec![0; LONGEST_PACKET];
    while let Ok(length) = tun.recv(&mut packet).await {
        shared.route(&packet[..length]);
    }
}

/// Writes what a node is sent, each packet when it is due.
async fn deliver(tun: Arc<Tun>, mut parcels: mpsc::Receiver<Parcel>) {
    let mut waiting: BTreeMap<(Instant, u64), Vec<u8>> = BTreeMap::new();
    let mut number = 0;
    loop {
        let next_due = waiting.first_key_value().map(|((due, _), _)| *due);
        let due = async {
            match next_due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = due => {
                if let Some((_, bytes)) = waiting.pop_first() {
                    // An interface that is going away loses what is sent to it.
                    drop(tun.send(&bytes).await);
                }
            }
            parcel = parcels.recv() => match parcel {
                Some(Parcel { due, bytes }) if waiting.is_empty() && due <= Instant::now() => {
                    drop(tun.send(&bytes).await);
                }
                Some(Parcel { due, bytes }) => {
                    number += 1;
                    waiting.insert((due, number), bytes);
                }
                None => return,
            }
        }
    }
}
