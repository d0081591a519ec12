//! The judgement of a recorded history, as a command.

use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use crate::decisions;
use crate::export;
use crate::history::{self, History};
use crate::laws;
use crate::report;
use crate::verdict::Judged;

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A history, as a run leaves it behind
    #[arg(value_name = "FILE")]
    history: PathBuf,
    /// Write the history for the checkers of Jepsen
    #[arg(long, value_name = "FILE")]
    edn: Option<PathBuf>,
    /// Write the history's calls and returns, one JSON object a line
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Write a page about the run, with pictures
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// What takes longer than this to judge is unknown
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    within: u64,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// The document that `--json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: u32,
    outcome: &'a str,
    operations: usize,
    read_ms: u64,
    judged_ms: u64,
    #[serde(flatten)]
    judged: &'a Judged,
}

/// Judges a history and prints the verdicts. The exit code is 0 for a valid history only, 1 for an
/// invalid one, 3 for an unknown and 4 for an inconclusive one.
///
/// # Errors
/// When the history cannot be read, or an export cannot be written.
pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let history = read(&arguments.history)?;
    let read = began.elapsed();
    export_to(arguments.edn.as_deref(), |file| {
        export::write_edn(&history, file)
    })?;
    export_to(arguments.events.as_deref(), |file| {
        export::write_json(&history, file)
    })?;
    let began = Instant::now();
    let mut judged = laws::judge(&history, Duration::from_secs(arguments.within));
    decisions::add_to(&mut judged, &history, folder_of(&arguments.history))?;
    let took = began.elapsed();
    export_to(arguments.report.as_deref(), |file| {
        file.write_all(report::html(&history, &judged).as_bytes())
    })?;
    let outcome = judged.outcome();
    if arguments.json {
        let document = Document {
            schema: 1,
            outcome: outcome.name(),
            operations: history.rows.len(),
            read_ms: millis(read),
            judged_ms: millis(took),
            judged: &judged,
        };
        println!("{}", serde_json::to_string(&document)?);
    } else {
        print!("{}", judged.text(&history));
        println!(
            "{}: {} rows, read in {} ms, judged in {} ms",
            outcome.name(),
            history.rows.len(),
            millis(read),
            millis(took)
        );
    }
    Ok(ExitCode::from(outcome.exit_code()))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Where a file is.
fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn read(path: &Path) -> anyhow::Result<History> {
    let file = File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    history::read(BufReader::new(file)).with_context(|| path.display().to_string())
}

fn export_to(
    path: Option<&Path>,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    let write_all = || -> std::io::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        write(&mut file)?;
        file.flush()
    };
    write_all().with_context(|| format!("{} cannot be written", path.display()))
}
