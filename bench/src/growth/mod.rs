//! `cameo-bench growth`: what a cluster keeps of its rate as its state grows, and what it takes.
//!
//! Three real processes on this machine. People register and share photos by the calls of clients,
//! until there are as many as a level says; then rates, sizes, a snapshot, restarts, and a node
//! that was away are measured. Ours alone: etcd has no such state.

mod arguments;
mod figures;
mod goals;
mod level;
pub(crate) mod sizes;
mod soak;
mod timeline;

pub use arguments::Arguments;

use std::time::Instant;

use tempfile::TempDir;

use crate::clusters::ours::{GROUP, Ours};
use crate::document::Document;
use crate::machine::Machine;
use crate::table::print;
use level::Meter;

/// Runs the benchmark and prints only its result on stdout.
///
/// # Errors
/// When a node does not serve, or a call fails. A missed goal is no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    let folder = TempDir::new()?;
    let clients = arguments.clients as usize;
    let mut ours = Ours::start(folder.path(), clients, &[]).await?;
    let mut meter = Meter {
        ours: &mut ours,
        clients,
        window: arguments.window(),
        lacked: arguments.lacked(),
    };
    let (mut groups, mut levels) = (0, Vec::new());
    for level in arguments.levels() {
        let began = Instant::now();
        meter.ours.grow(groups..level).await?;
        groups = level;
        let people = u64::from(level) * u64::from(GROUP);
        eprintln!(
            "{people} people after {:.0} s",
            began.elapsed().as_secs_f64()
        );
        levels.push(meter.level(people).await?);
    }
    figures::growth(&mut document, &levels);
    if let Some(length) = arguments.soak() {
        figures::soak(&mut document, &meter.soak(length).await?);
    } else {
        document
            .missing
            .push("soak_elections, soak_cpu_growth: --soak-minutes".to_owned());
    }
    let goals = if arguments.quick { &[] } else { goals::GOALS };
    print(&document, arguments.json, goals)
}
