//! Alternating runs of whole processes on the same payload and cover.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::program::{Kind, Program};
use crate::runs::Runs;

/// Times of one program.
#[derive(Debug, Clone)]
pub struct ProgramRuns {
    pub kind: Kind,
    pub hide: Runs,
    pub reveal: Runs,
    /// Carrier of the last run.
    pub carrier: PathBuf,
}

/// Inputs of all programs.
#[derive(Debug, Clone)]
pub struct ProcessInputs {
    pub payload: PathBuf,
    /// The cover as PNG and as BMP.
    pub covers: [PathBuf; 2],
    pub folder: PathBuf,
}

impl ProcessInputs {
    pub fn cover(&self, kind: Kind) -> &Path {
        let fits = |cover: &&PathBuf| cover.extension().is_some_and(|e| e == kind.extension());
        self.covers.iter().find(fits).unwrap_or(&self.covers[0])
    }
}

/// Runs the programs alternately, `runs` times. A peer that fails, or reveals other bytes than were
/// hidden, is dropped with a reason; if ours does so, that is an error.
pub fn run_alternately(
    programs: &[Program],
    inputs: &ProcessInputs,
    runs: usize,
) -> anyhow::Result<(Vec<ProgramRuns>, Vec<String>)> {
    let mut results: Vec<Option<ProgramRuns>> = programs
        .iter()
        .map(|program| Some(start(program, inputs)))
        .collect();
    let mut failed = Vec::new();
    for run in 1..=runs {
        for (program, place) in programs.iter().zip(&mut results) {
            let Some(result) = place else { continue };
            eprintln!("  {} run {run} of {runs}", program.kind);
            match once(program, inputs, result) {
                Ok(()) => {}
                Err(why) if program.kind == Kind::Cameo => return Err(why),
                Err(why) => {
                    failed.push(format!("{}: {why:#}", program.kind));
                    *place = None;
                }
            }
        }
    }
    Ok((results.into_iter().flatten().collect(), failed))
}

fn start(program: &Program, inputs: &ProcessInputs) -> ProgramRuns {
    let name = format!("{}.{}", program.kind, program.kind.extension());
    ProgramRuns {
        kind: program.kind,
        hide: Runs::default(),
        reveal: Runs::default(),
        carrier: inputs.folder.join(name),
    }
}

fn once(program: &Program, inputs: &ProcessInputs, result: &mut ProgramRuns) -> anyhow::Result<()> {
    if result.carrier.exists() {
        fs::remove_file(&result.carrier)?;
    }
    let folder = tempfile::tempdir_in(&inputs.folder)?;
    let cover = inputs.cover(program.kind);
    let mut hide = program.hide(&inputs.payload, cover, &result.carrier, folder.path());
    result.hide.time(|| run(&mut hide)).context("hide")?;
    let (mut reveal, out) = program.reveal(&inputs.payload, &result.carrier, folder.path());
    result.reveal.time(|| run(&mut reveal)).context("reveal")?;
    let revealed = fs::read(&out).context("it revealed nothing")?;
    ensure!(
        revealed == fs::read(&inputs.payload)?,
        "it revealed other bytes than were hidden"
    );
    Ok(())
}

/// Runs a program to its end. On failure, the error contains its stderr.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("{} does not start", command.get_program().display()))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{}: {}",
            output.status,
            words.split_whitespace().collect::<Vec<_>>().join(" ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn inputs(folder: &Path) -> ProcessInputs {
        let payload = folder.join("payload");
        fs::write(&payload, "a photo").unwrap();
        ProcessInputs {
            payload,
            covers: [folder.join("cover.png"), folder.join("cover.bmp")],
            folder: folder.to_owned(),
        }
    }

    #[test]
    fn a_peer_that_reveals_nothing_is_dropped_with_the_reason() {
        // `true` does nothing, successfully.
        let peer = Program {
            kind: Kind::Stegolsb,
            path: "true".into(),
        };
        let folder = tempfile::tempdir().unwrap();
        let (results, failed) = run_alternately(&[peer], &inputs(folder.path()), 3).unwrap();
        assert!(results.is_empty());
        assert_eq!(failed.len(), 1);
        assert!(
            failed[0].starts_with("stegolsb: it revealed nothing"),
            "{failed:?}"
        );
    }

    #[test]
    fn a_failure_of_ours_is_an_error() {
        let ours = Program {
            kind: Kind::Cameo,
            path: "false".into(),
        };
        let folder = tempfile::tempdir().unwrap();
        assert!(run_alternately(&[ours], &inputs(folder.path()), 1).is_err());
    }

    #[test]
    fn each_peer_gets_a_cover_of_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let inputs = inputs(folder.path());
        assert!(inputs.cover(Kind::Steghide).ends_with("cover.bmp"));
        assert!(inputs.cover(Kind::Stegano).ends_with("cover.png"));
    }
}
