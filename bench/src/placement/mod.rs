//! `cameo-bench placement`: the leader's placement code in a discrete-event simulation.
//!
//! The same [`cameo_dispatch::Scheduler`] as in a node gets real reports of simulated workers and
//! places simulated jobs: up to a thousand workers of uneven speed, at any age of reports and error
//! of predictions. An oracle and the baseline policies run in the same scenarios. A run depends on
//! its scenario alone, and so do all figures except the time of a decision.

mod arguments;
mod comparison;
mod decision_time;
mod event_queue;
mod goals;
mod grid;
mod interval;
mod oracle;
mod outages;
mod outcome;
mod placed;
mod placer;
mod plot;
mod scenario;
mod simulation;
mod slots;
mod ticket_events;
mod worker;
mod workload;

use std::fs;

use anyhow::Context as _;

pub use arguments::Arguments;
use comparison::{Comparison, compare};

use super::document::Document;
use super::machine::Machine;
use super::table::print;

/// Simulated time is counted in nanoseconds.
const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = SECOND / 1000;

/// Runs the benchmark and prints only its result on stdout. Fails when the plot cannot be written;
/// a missed goal is no error.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    // Measured before the simulations use all cores.
    let decision_time = decision_time::measure();
    let runs = grid::runs(arguments);
    eprintln!("{} runs", runs.len());
    let compared = compare(&runs);
    let headline = compared
        .iter()
        .filter(|compared| compared.run.is_headline());
    document
        .figures
        .extend(headline.flat_map(Comparison::headlines));
    document.figures.push(decision_time);
    document
        .figures
        .extend(compared.iter().flat_map(Comparison::figures));
    if let Some(file) = &arguments.plot {
        fs::write(file, plot::draw(&compared))
            .with_context(|| format!("the plot {}", file.display()))?;
    }
    print(&document, arguments.json, goals::GOALS)
}
