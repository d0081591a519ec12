//! `cameo-bench failover`: how long writes stop when the leader ends, beside etcd's.
//!
//! Three real processes of each side, on this machine and the same disk. In a round, clients write
//! by all nodes, the leader is killed or stopped, and comes back; the sides take turns, each first
//! in every other round. What was acknowledged has to be there afterwards. With
//! `--seconds-of-load` no leader is ended; elections are counted, and writes are timed without and
//! beside image jobs.

mod arguments;
mod etcd;
mod figures;
mod gap;
mod goals;
mod load;
mod ours;
mod read_back;
mod round;
mod series;
pub(crate) mod stall_meter;
mod steady;
mod target;

pub use arguments::Arguments;

use std::time::Duration;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::clusters::etcd::{Etcd, NAME};
use crate::clusters::ours::Ours;
use crate::document::Document;
use crate::goal::Goals;
use crate::machine::Machine;
use crate::table::print;
use figures::{Sides, failover, handover, load};
use round::Beside;
use series::{Again, Series};
use stall_meter::StallMeter;
use steady::under_load;
use target::{CLIENTS, End, Target};

/// Entries between two snapshots of our nodes under load, where some tens of them are to happen.
const SNAPSHOT_AFTER: &str = "1000";
/// What is said to be missing where no load was measured.
const NO_LOAD: [&str; 2] = [
    "load_elections: measured with --seconds-of-load",
    "jobs_write_p99_factor: measured with --seconds-of-load",
];

/// Runs the benchmark and prints only its result on stdout.
///
/// # Errors
/// When an acknowledged write is gone, or a node of either side does not serve again; then the
/// folder with all disks and logs is kept. A missed goal is no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    let folder = TempDir::new()?;
    let goals = match measure(arguments, &folder, &mut document).await {
        Ok(goals) => goals,
        Err(why) => {
            let kept = folder.keep();
            return Err(why.context(format!("disks and logs are in {}", kept.display())));
        }
    };
    print(&document, arguments.json, goals)
}

/// Adds all figures, and returns the goals that they can be judged by.
async fn measure(
    arguments: &Arguments,
    folder: &TempDir,
    document: &mut Document,
) -> anyhow::Result<Goals> {
    let flags: &[&str] = match arguments.seconds_of_load {
        Some(_) => &["--snapshot-after", SNAPSHOT_AFTER],
        None => &[],
    };
    let ours = Ours::start(folder.path(), CLIENTS, flags).await?;
    let etcd = match Etcd::is_installed() {
        true => Some(Etcd::start(folder.path()).await?),
        false => None,
    };
    if etcd.is_none() {
        document.missing.push(NAME.to_owned());
    }
    let meter = StallMeter::start().context("the stall meter")?;
    let is_judged = match arguments.seconds_of_load {
        Some(seconds) => {
            let length = Duration::from_secs(seconds.into());
            let neighbour = etcd.as_ref();
            let shown = under_load(&ours, neighbour, length, &meter, !arguments.quick).await?;
            load(document, &shown, length);
            // Without a snapshot it was not the full load.
            shown.snapshots > 0
        }
        None => {
            document.missing.extend(NO_LOAD.map(str::to_owned));
            end_leaders(arguments, (ours, etcd), &meter, document).await?;
            true
        }
    };
    Ok(match arguments.quick || !is_judged {
        true => &[],
        false => goals::GOALS,
    })
}

/// All rounds, and what is left of their writes when all nodes have died.
async fn end_leaders(
    arguments: &Arguments,
    (ours, etcd): (Ours, Option<Etcd>),
    meter: &StallMeter,
    document: &mut Document,
) -> anyhow::Result<()> {
    let mut sides = (Series::new(ours), etcd.map(Series::new));
    for (how, rounds) in [
        (End::Killed, arguments.kills()),
        (End::Stopped, arguments.handovers()),
    ] {
        for round in 0..rounds {
            eprintln!("leaders {}, round {}", how.name(), round + 1);
            in_turn(&mut sides, how, round, meter, arguments.again(rounds)).await?;
        }
    }
    eprintln!("all nodes killed, and writes read back");
    let (mut ours, mut etcd) = sides;
    let own = ours.restart_all().await?;
    let theirs = match &mut etcd {
        Some(etcd) => Some(etcd.restart_all().await?),
        None => None,
    };
    let sides = Sides {
        ours: (&ours.killed, own),
        etcd: etcd.as_ref().map(|etcd| &etcd.killed).zip(theirs),
    };
    failover(document, &sides);
    handover(
        document,
        &ours.stopped,
        etcd.as_ref().map(|etcd| &etcd.stopped),
    );
    Ok(())
}

/// One round of each side; etcd's first in every other.
async fn in_turn(
    (ours, etcd): &mut (Series<Ours>, Option<Series<Etcd>>),
    how: End,
    round: u32,
    stalls: &StallMeter,
    again: Again,
) -> anyhow::Result<()> {
    let etcd_first = round % 2 == 1;
    for is_etcds in [etcd_first, !etcd_first] {
        let neighbours = match (is_etcds, &etcd) {
            (true, _) => Target::processes(&ours.target)?,
            (false, Some(etcd)) => Target::processes(&etcd.target)?,
            (false, None) => Vec::new(),
        };
        let beside = Beside {
            stalls,
            neighbours: &neighbours,
        };
        match (is_etcds, etcd.as_mut()) {
            (true, Some(etcd)) => etcd.round(how, beside, again).await?,
            (true, None) => {}
            (false, _) => ours.round(how, beside, again).await?,
        }
    }
    Ok(())
}
