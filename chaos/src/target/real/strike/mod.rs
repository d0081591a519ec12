//! Planned faults, carried out on real nodes.

mod clock;
mod disk;
mod membership;
mod network;
mod process;
mod restart;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::ids::NodeId;
use tokio::time::{Instant, sleep_until};

use super::member::Member;
use super::world::World;
use crate::faults::{Kind, Lane, Planned, Strength, Victims};
use crate::history::{FaultArg, Key, Op, Operation, Struck};

/// Client numbers of the rows of faults, one a lane.
const CLIENTS: u64 = 1 << 41;
/// Shortest fault, however late it comes.
const SHORTEST: Duration = Duration::from_millis(100);

/// One fault at the moment at which it strikes.
#[derive(Debug)]
pub(super) struct Strike<'a> {
    pub world: &'a Arc<World>,
    pub planned: &'a Planned,
    /// Whom it strikes, now that it is known who leads.
    pub nodes: Vec<NodeId>,
    pub leader: Option<NodeId>,
    /// When it is to be healed.
    pub ends: Instant,
}

impl Strike<'_> {
    /// The struck nodes.
    fn members(&self) -> Vec<Arc<Member>> {
        let members = self.nodes.iter();
        members
            .filter_map(|id| self.world.members.get(*id))
            .collect()
    }

    /// Waits until the fault is to be healed.
    async fn hold(&self) {
        sleep_until(self.ends).await;
    }
}

/// What was found of each victim.
#[derive(Debug, Default)]
struct Signs {
    seen: Vec<String>,
    all: bool,
}

impl Signs {
    fn new() -> Self {
        Self {
            seen: Vec::new(),
            all: true,
        }
    }

    fn add(&mut self, bit: bool, seen: impl Into<String>) {
        self.all &= bit;
        self.seen.push(seen.into());
    }

    fn struck(self) -> Struck {
        Struck {
            bit: self.all && !self.seen.is_empty(),
            seen: self.seen.join("; "),
        }
    }
}

/// Carries out the plan: the lanes side by side, the faults of a lane one after another.
pub async fn carry_out(world: &Arc<World>, plan: Vec<Planned>) {
    let mut lanes: BTreeMap<Lane, Vec<Planned>> = BTreeMap::new();
    for planned in plan {
        lanes.entry(planned.kind.lane()).or_default().push(planned);
    }
    let lanes = lanes.into_iter().map(|(lane, plan)| async move {
        for planned in plan {
            sleep_until(world.began + planned.at).await;
            one(world, lane, &planned).await;
        }
    });
    futures_util::future::join_all(lanes).await;
}

async fn one(world: &Arc<World>, lane: Lane, planned: &Planned) {
    let call = world.elapsed();
    let leader = world.seen.leader();
    let planned = &planned.clone().past_the_leader(leader);
    let strike = Strike {
        world,
        planned,
        nodes: planned.nodes(leader),
        leader,
        ends: (world.began + planned.ends()).max(Instant::now() + SHORTEST),
    };
    let on = on(planned, leader);
    say(world, &format!("{} on {on}", planned.kind));
    let struck = strike_and_heal(&strike).await;
    let bit = if struck.bit { "" } else { " DID NOT BITE" };
    say(
        world,
        &format!("{} healed:{bit} {}", planned.kind, struck.seen),
    );
    let op = Op::Fault(Operation {
        arg: FaultArg {
            kind: planned.kind.name().to_owned(),
            on,
        },
        out: Some(struck),
    });
    world.record(CLIENTS + lane as u64, Key(String::new()), op, call);
    world.flush();
}

async fn strike_and_heal(strike: &Strike<'_>) -> Struck {
    match strike.planned.kind {
        Kind::Kill => process::kill(strike).await,
        Kind::Pause => process::pause(strike).await,
        Kind::Stop => process::stop(strike).await,
        Kind::LogReaderGone => process::log_reader_gone(strike).await,
        Kind::Descriptors => process::descriptors(strike).await,
        Kind::RollingRestart => restart::rolling(strike).await,
        Kind::PowerFailure | Kind::TornTail => disk::power_failure(strike).await,
        Kind::DiskError | Kind::DiskFull | Kind::FailingSync | Kind::SlowSync => {
            disk::trouble(strike).await
        }
        Kind::BitFlip => disk::bit_flip(strike).await,
        Kind::ClientsCut => network::clients_cut(strike).await,
        Kind::Isolate
        | Kind::Halves
        | Kind::Bridge
        | Kind::Ring
        | Kind::OneWay
        | Kind::Flapping
        | Kind::Delay
        | Kind::Loss
        | Kind::Reorder
        | Kind::Throttle => network::links(strike).await,
        Kind::ClockJump | Kind::ClockDrift => clock::wrong(strike).await,
        Kind::Worker => membership::worker(strike).await,
        // Left out of the plan, with a row that says so.
        Kind::RolledBack
        | Kind::Withholds
        | Kind::FalseAnswers
        | Kind::Forges
        | Kind::OldFolder => Struck {
            bit: false,
            seen: "only simulated nodes have it".to_owned(),
        },
    }
}

/// Whom it strikes, in words.
fn on(planned: &Planned, leader: Option<NodeId>) -> String {
    let who = match (&planned.victims, leader) {
        (Victims::Leader, Some(leader)) => format!("leader {leader}"),
        (Victims::Leader, None) => "node 1 (no leader)".to_owned(),
        (Victims::Nodes(_), _) => format!("node {}", planned.victims),
        (victims, _) => victims.to_string(),
    };
    match planned.strength {
        Strength::Whole | Strength::Where(_) => who,
        strength => format!("{who}, {strength}"),
    }
}

/// Progress, for those who wait.
fn say(world: &World, what: &str) {
    eprintln!("{:7.1} s  {what}", world.age().as_secs_f64());
}
