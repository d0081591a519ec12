//! `cameo-bench core`: the replicated core beside etcd, both as three real processes on this
//! machine and the same disk, with the same clients.
//!
//! Windows of ours and of etcd alternate, so that noise hits both. etcd is called in two ways, over
//! gRPC and by its JSON gateway, and the better of both counts.

mod arguments;
mod figures;
mod goals;
pub(crate) mod lane;
mod scenario;
pub(crate) mod window;

pub use arguments::Arguments;

use tempfile::TempDir;

use crate::clusters::etcd::{self, Etcd};
use crate::clusters::ours::Ours;
use crate::document::Document;
use crate::machine::Machine;
use crate::table::print;
use scenario::Scenarios;

/// Runs the benchmark and prints only its result on stdout. Fails when a part of Cameo or etcd
/// fails; a missed goal is no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut document = Document::new(Machine::here());
    let folder = TempDir::new()?;
    let most = arguments.clients.iter().copied().max().unwrap_or(1);
    let ours = Ours::start(folder.path(), most, &[]).await?;
    let etcd = match Etcd::is_installed() {
        true => Some(Etcd::start(folder.path()).await?),
        false => None,
    };
    if etcd.is_none() {
        document.missing.push(etcd::NAME.to_owned());
    }
    let scenarios = Scenarios {
        arguments,
        ours: &ours,
        etcd: etcd.as_ref(),
    };
    scenarios.run(&mut document).await?;
    // Alone, ours are no ratios.
    let goals = match arguments.quick || etcd.is_none() {
        true => &[],
        false => goals::GOALS,
    };
    print(&document, arguments.json, goals)
}
