//! `bench dispatch`: how near placement comes to somebody who knows what every job will cost.
//!
//! Real nodes under CPU quotas on this machine, real jobs, clients that upload and download. Beside ours, in the same
//! run, are the policies that people use. Where control groups cannot be written, everything is skipped by name.

mod arguments;
mod cgroup;
mod closed_loop;
mod extent;
mod goals;
mod measured;
mod neighbour;
mod open_loop;
mod oracle;
mod overhead;
mod pinning;
mod plan;
mod quantile;
mod scenes;
mod stage;

pub use arguments::Arguments;

use super::document::Document;
use super::machine::Machine;
use super::table::table;
use cgroup::Groups;
use scenes::Scenes;

/// Measures, and prints what was found on stdout: nothing else goes there.
///
/// # Errors
/// When something of ours does not work. A goal that is not met is no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    let possible = Groups::make().map(drop);
    match possible {
        Ok(()) => Scenes::new(arguments, &mut document)?.play().await?,
        Err(why) => document
            .missing
            .push(format!("everything: CPU quotas by control group: {why:#}")),
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&document)?);
    } else {
        let goals = if arguments.quick { &[] } else { goals::GOALS };
        print!("{}", table(&document, goals));
    }
    Ok(())
}
