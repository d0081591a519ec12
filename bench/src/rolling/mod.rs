//! `cameo-bench rolling`: requests that fail, and how long all are silent, while the nodes are
//! restarted and replaced one after another.
//!
//! Three real processes on this machine. Clients write, charge views, look people up and open
//! photos without a pause; they go from node to node as the product's client does, and a request
//! fails when that one would tell its user so. Then each node ends by SIGTERM and comes back; and
//! each gives its place to a new one by `cameod member replace`. Ours alone.

mod again;
mod arguments;
mod figures;
mod goals;
mod load;
mod photos;
mod round;

pub use arguments::Arguments;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::clusters::ours::Ours;
use crate::document::Document;
use crate::failover::stall_meter::StallMeter;
use crate::machine::Machine;
use crate::table::print;
use load::{Kind, Load, LoadClient};
use photos::Photos;
use round::{Rounds, replace_all, restart_all};

/// Runs the benchmark and prints only its result on stdout.
///
/// # Errors
/// When a node does not serve again, or an order fails; then the folder with all disks and logs is
/// kept. A failed request is no error, and is a figure.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    let folder = TempDir::new()?;
    if let Err(why) = measure(arguments, &folder, &mut document).await {
        let kept = folder.keep();
        return Err(why.context(format!("disks and logs are in {}", kept.display())));
    }
    let goals = if arguments.quick { &[] } else { goals::GOALS };
    print(&document, arguments.json, goals)
}

async fn measure(
    arguments: &Arguments,
    folder: &TempDir,
    document: &mut Document,
) -> anyhow::Result<()> {
    let count = Kind::ALL.len() * arguments.of_each_kind();
    // One more viewer opens the photos at the end.
    let mut ours = Ours::start(folder.path(), count + 1, &[]).await?;
    let household = ours.household()?;
    let mut clients = Vec::new();
    for number in 0..count {
        let kind = Kind::ALL[number % Kind::ALL.len()];
        clients.push(LoadClient::new(&household, kind, number).await?);
    }
    let mut photos = Photos::share(&household, count, arguments.photos()).await?;
    let stalls = StallMeter::start().context("the stall meter")?;

    let load = Load::new(&household, count);
    let again = arguments.again(arguments.restarts());
    let mut restarts = Rounds::new(arguments.restarts(), again);
    let work = restart_all(&mut ours, &load, &stalls, &mut restarts);
    load.during(&mut clients, work).await?;
    figures::restarts(document, &load, &restarts);

    let load = Load::new(&household, count);
    let again = arguments.again(arguments.replacements());
    let mut replacements = Rounds::new(arguments.replacements(), again);
    let work = replace_all(&mut ours, &load, &stalls, &mut photos, &mut replacements);
    load.during(&mut clients, work).await?;
    let opened = photos.open_all().await;
    figures::replacements(document, &load, &replacements, opened);
    Ok(())
}
