//! One run of a mutant, or of the same without it.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use cameo_mutant::{Mutant, VARIABLE};

use super::table::{Noticed, Scene, Target};
use crate::decisions;
use crate::history;
use crate::laws::judge;
use crate::target::real::{Swept, sweep};
use crate::verdict::{Judged, Law, Outcome};

/// Longest time to judge one history.
const JUDGED_WITHIN: Duration = Duration::from_secs(30);
/// Longest time of one run.
const ENDS_WITHIN: Duration = Duration::from_secs(60);
/// Longest time of a real one, which waits for nodes that do not agree.
const REAL_ENDS_WITHIN: Duration = Duration::from_secs(240);
/// The nodes of a real one, beside this program.
const NODE: &str = "cameod-mutants";
/// Time between two looks at whether it has ended.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(50);

/// What came of one run.
#[derive(Debug)]
pub struct Ran {
    pub judged: Result<Judged, String>,
    /// Where history and log are.
    pub folder: PathBuf,
    pub took: Duration,
}

impl Ran {
    /// Whether this is what must come of the mutant.
    pub fn is_noticed(&self, noticed: Noticed) -> bool {
        let Ok(judged) = &self.judged else {
            return false;
        };
        match noticed {
            Noticed::Invalid(law) => judged.broken().contains(&law),
            Noticed::Inconclusive => {
                matches!(judged.outcome(), Outcome::Inconclusive { .. })
            }
        }
    }

    /// Whether this is what must come of the run without a mutant.
    pub fn is_valid(&self) -> bool {
        let judged = self.judged.as_ref().ok();
        judged.is_some_and(|judged| *judged.outcome() == Outcome::Valid)
    }

    /// The verdict in few words.
    pub fn verdict(&self) -> String {
        let judged = match &self.judged {
            Ok(judged) => judged,
            Err(why) => return why.clone(),
        };
        let broken: Vec<_> = judged.broken().iter().map(Law::to_string).collect();
        match broken.is_empty() {
            true => judged.outcome().name().to_owned(),
            false => format!("invalid by {}", broken.join(", ")),
        }
    }
}

/// Runs a scene in a process of its own, with a mutant or without one, and judges its history here.
pub fn run(scene: &Scene, mutant: Option<Mutant>, folder: &Path) -> Ran {
    let began = Instant::now();
    let judged = simulate(scene, mutant, folder).and_then(|()| judged(folder));
    Ran {
        judged,
        folder: folder.to_owned(),
        took: began.elapsed(),
    }
}

/// A run with a bug may come to no good end. Its history is judged all the same, up to there.
fn simulate(scene: &Scene, mutant: Option<Mutant>, folder: &Path) -> Result<(), String> {
    let failed = |why: std::io::Error| format!("cannot be run: {why}");
    std::fs::create_dir_all(folder).map_err(failed)?;
    let program = std::env::current_exe().map_err(failed)?;
    let log = File::create(folder.join("stderr.txt")).map_err(failed)?;
    let mut command = Command::new(&program);
    match mutant {
        Some(mutant) => command.env(VARIABLE, mutant.name()),
        None => command.env_remove(VARIABLE),
    };
    command.args(scene.arguments());
    let within = match scene.target {
        Target::Sim => ENDS_WITHIN,
        Target::Real => {
            let node = program.with_file_name(NODE);
            command.arg("--no-skips").arg("--cameod").arg(node);
            REAL_ENDS_WITHIN
        }
    };
    let process = command
        .arg("--out")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    match (ended(process, within).map_err(failed)?, mutant) {
        (None, None) => Err(format!("took longer than {} s", within.as_secs())),
        (Some(status), None) if !status.success() => Err(format!("failed without a bug: {status}")),
        _ => Ok(()),
    }
}

/// How the process ended. None when it had to be ended: a bug may let it run for ever.
fn ended(mut process: Child, within: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    while began.elapsed() < within {
        if let Some(status) = process.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(LOOKED_AT_EVERY);
    }
    process.kill()?;
    process.wait()?;
    // What a real run has made is undone by nobody else.
    let swept = sweep();
    if swept != Swept::default() {
        eprintln!("swept what a run left that took too long: {swept:?}");
    }
    Ok(None)
}

fn judged(folder: &Path) -> Result<Judged, String> {
    let file = File::open(folder.join("history.jsonl"));
    let file = file.map_err(|why| format!("left no history: {why}"))?;
    let history = history::read(BufReader::new(file)).map_err(|why| why.to_string())?;
    let mut judged = judge(&history, JUDGED_WITHIN);
    decisions::add_to(&mut judged, &history, folder).map_err(|why| why.to_string())?;
    Ok(judged)
}
