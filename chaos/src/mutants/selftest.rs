//! `cameo-chaos-mutants selftest`: every mutant at its recorded seed.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use cameo_mutant::Mutant;
use parking_lot::Mutex;

use super::table::{Noticed, Scene, TRIALS, Target, Trial};
use super::trial::{self, Ran};

/// Simulated runs at a time. Real ones have the machine for themselves.
const AT_A_TIME: usize = 2;

/// Plants every bug in turn and demands that its law notices it
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// One seed for each bug, those of the gate
    #[arg(long)]
    short: bool,
    /// This bug alone
    #[arg(long, value_name = "NAME")]
    only: Option<Mutant>,
    /// Look for a seed in this many, from the recorded one on, and print all that notice
    #[arg(long, value_name = "SEEDS", requires = "only")]
    search: Option<u64>,
    /// Folder for histories; without it one in the system's folder for such
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Mutants that no law noticed where it must, or runs without a bug that were not valid.
#[derive(Debug, thiserror::Error)]
#[error("not as it must be: {}", .0.join(", "))]
pub struct NotNoticed(Vec<String>);

/// One run of the list: a mutant at its scene, or the scene without a bug.
#[derive(Debug, Clone)]
struct Task {
    mutant: Option<Mutant>,
    noticed: Noticed,
    scene: Scene,
}

impl Task {
    fn name(&self) -> &'static str {
        self.mutant.map_or("no bug", Mutant::name)
    }

    /// The folder of its files.
    fn folder(&self, out: &Path) -> PathBuf {
        let name = self.name().replace(' ', "-");
        out.join(format!("{name}-{}", self.scene.label()))
    }

    fn is_as_it_must_be(&self, ran: &Ran) -> bool {
        match self.mutant {
            Some(_) => ran.is_noticed(self.noticed),
            None => ran.is_valid(),
        }
    }

    fn line(&self, ran: &Ran, good: bool) -> String {
        let (seed, wanted) = (self.scene.seed, self.wanted());
        let (verdict, took) = (ran.verdict(), ran.took.as_secs_f64());
        let mark = if good { "ok  " } else { "FAIL" };
        let name = self.name();
        let mut line = format!(
            "{mark} {name:<28} seed {seed:<5} {took:>5.1} s  wanted {wanted:<13} got {verdict}"
        );
        if !good {
            line.push_str(&format!("  ({})", ran.folder.display()));
        }
        line
    }

    fn wanted(&self) -> String {
        match self.mutant {
            Some(_) => self.noticed.to_string(),
            None => "valid".to_owned(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When a mutant is not noticed by its law, or a run without one is not valid.
pub fn run(arguments: &Arguments) -> Result<(), NotNoticed> {
    let began = Instant::now();
    let out = arguments.out.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!("cameo-chaos-selftest-{}", std::process::id()))
    });
    let tasks = tasks(arguments);
    let mutants = tasks.iter().filter_map(|task| task.mutant);
    let mutants = mutants.collect::<BTreeSet<_>>().len();
    let runs = tasks.len();
    let failed = run_all(tasks, &out);
    let bad = failed.len();
    println!(
        "selftest: {mutants} mutants, {runs} runs, {bad} not as they must be, in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    if failed.is_empty() {
        // What was as it must be needs no second look.
        drop(std::fs::remove_dir_all(&out));
        return Ok(());
    }
    Err(NotNoticed(failed))
}

/// Each trial, and once each scene without a bug, the longest first.
fn tasks(arguments: &Arguments) -> VecDeque<Task> {
    let chosen = |trial: &&Trial| match arguments.only {
        Some(only) => trial.mutant == only,
        None => trial.is_short || !arguments.short,
    };
    let mut tasks = Vec::new();
    let mut without = BTreeSet::new();
    for trial in TRIALS.iter().filter(chosen) {
        for further in 0..arguments.search.unwrap_or(1) {
            let scene = Scene {
                seed: trial.scene.seed + further,
                ..trial.scene
            };
            let noticed = trial.noticed;
            let mutants = [Some(trial.mutant), None];
            let needed = |mutant: &Option<Mutant>| {
                mutant.is_some() || (arguments.search.is_none() && without.insert(scene))
            };
            let both = mutants.into_iter().filter(needed);
            tasks.extend(both.map(|mutant| Task {
                mutant,
                noticed,
                scene,
            }));
        }
    }
    tasks.sort_by_key(|task| std::cmp::Reverse(task.scene.seconds));
    tasks.into()
}

/// Runs all, some at a time, with a line for each. The names of those that are not as they must be.
fn run_all(tasks: VecDeque<Task>, out: &Path) -> Vec<String> {
    let (real, simulated) = tasks
        .into_iter()
        .partition::<VecDeque<_>, _>(|task| task.scene.target == Target::Real);
    let waiting = Mutex::new(simulated);
    let failed = Mutex::new(Vec::new());
    let run = |task: Task| {
        let ran = trial::run(&task.scene, task.mutant, &task.folder(out));
        let good = task.is_as_it_must_be(&ran);
        println!("{}", task.line(&ran, good));
        if !good {
            failed.lock().push(task.name().to_owned());
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().pop_front();
                    let Some(task) = next else { return };
                    run(task);
                }
            });
        }
    });
    real.into_iter().for_each(run);
    failed.into_inner()
}
