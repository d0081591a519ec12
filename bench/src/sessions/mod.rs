//! `cameo-bench sessions`: what sessions cost the nodes while nobody comes or goes.
//!
//! Three real processes on this machine hold as many sessions as asked for. Some have the real
//! event stream over TLS and renew their leases by it; the rest have begun like these, and are
//! renewed at the seam between nodes. Ours alone.

mod arguments;
mod figures;
mod files;
mod goals;
mod hold;
mod seam;
mod window;

pub use arguments::Arguments;

use std::time::Instant;

use tempfile::TempDir;

use crate::clusters::ours::{FILES_OF_ONE, Ours};
use crate::document::Document;
use crate::machine::Machine;
use crate::table::print;
use arguments::Plan;
use figures::Held;
use hold::Holding;
use window::Window;

/// Runs the benchmark and prints only its result on stdout.
///
/// # Errors
/// When a node does not serve, or a session ends. A missed goal is no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut plan = arguments.plan()?;
    let mut document = Document::new(Machine::here());
    let fit = files::connections_that_fit(plan.connections, FILES_OF_ONE);
    if fit < plan.connections {
        let why = format!(
            "{} of {} connections: this process may not open more files; raise `ulimit -Hn`",
            plan.connections - fit,
            plan.connections
        );
        eprintln!("{fit} connections, without {why}");
        document.missing.push(why);
        plan.connections = fit;
    }
    let folder = TempDir::new()?;
    let ours = Ours::start(folder.path(), 0, &[]).await?;
    let began = Instant::now();
    let mut holding = Holding::new(&ours)?;
    holding.begin(&ours, &plan).await?;
    eprintln!(
        "{} sessions after {:.0} s, {} of them with a stream",
        plan.sessions,
        began.elapsed().as_secs_f64(),
        plan.connections
    );
    let held = holding.unless_one_ends(measure(&ours, &plan)).await?;
    figures::sessions(&mut document, &held);
    let goals = if arguments.quick { &[] } else { goals::GOALS };
    print(&document, arguments.json, goals)
}

async fn measure(ours: &Ours, plan: &Plan) -> anyhow::Result<Held> {
    tokio::time::sleep(plan.settles).await;
    let mut held = Held {
        sessions: plan.sessions,
        connections: plan.connections,
        windows: Vec::new(),
        again: 0,
    };
    while held.windows.len() < plan.windows as usize {
        let window = Window::measure(ours, plan.window).await?;
        eprintln!("window {}: {window:?}", held.windows.len() + 1);
        if window.is_disturbed && held.again < plan.again as usize {
            held.again += 1;
            continue;
        }
        held.windows.push(window);
    }
    Ok(held)
}
