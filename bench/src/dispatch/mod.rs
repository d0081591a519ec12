//! `cameo-bench dispatch`: placement on real nodes, compared with an oracle that knows the cost of
//! every job.
//!
//! Real nodes run under CPU quotas on this machine, with real jobs and clients that upload and
//! download. The baseline policies run for comparison. Without writable control groups, everything
//! is skipped and reported as missing.

mod arguments;
mod cgroup;
mod closed_loop;
mod cpu_times;
mod goals;
mod neighbour;
mod open_loop;
mod oracle;
mod overhead;
mod pinning;
mod plan;
mod scenarios;
mod sizes;
mod testbed;

pub use arguments::Arguments;

use super::document::Document;
use super::machine::Machine;
use super::table::print;
use cgroup::Groups;
use scenarios::Scenarios;

/// Runs the benchmark and prints only its result on stdout. Fails when a part of Cameo fails; a
/// missed goal is no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    let possible = Groups::make().map(drop);
    match possible {
        Ok(()) => Scenarios::new(arguments, &mut document)?.run().await?,
        Err(why) => document
            .missing
            .push(format!("everything: CPU quotas by control group: {why:#}")),
    }
    let goals = if arguments.quick { &[] } else { goals::GOALS };
    print(&document, arguments.json, goals)
}
