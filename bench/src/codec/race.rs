//! Alternating runs of whole processes on the same payload and cover.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::program::{Kind, Program};
use crate::runs::Runs;

/// Times of one program.
#[derive(Debug, Clone)]
pub struct Lap {
    pub kind: Kind,
    pub hide: Runs,
    pub reveal: Runs,
    /// Carrier of the last run.
    pub carrier: PathBuf,
}

/// Inputs of all programs.
#[derive(Debug, Clone)]
pub struct Course {
    pub payload: PathBuf,
    /// The cover as PNG and as BMP.
    pub covers: [PathBuf; 2],
    pub folder: PathBuf,
}

impl Course {
    pub fn cover(&self, kind: Kind) -> &Path {
        let fits = |cover: &&PathBuf| cover.extension().is_some_and(|e| e == kind.extension());
        self.covers.iter().find(fits).unwrap_or(&self.covers[0])
    }
}

/// Runs the programs alternately, `runs` times. A peer that fails, or reveals other bytes than were
/// hidden, is dropped with a reason; if ours does so, that is an error.
pub fn race(
    programs: &[Program],
    course: &Course,
    runs: usize,
) -> anyhow::Result<(Vec<Lap>, Vec<String>)> {
    let mut laps: Vec<Option<Lap>> = programs
        .iter()
        .map(|program| Some(start(program, course)))
        .collect();
    let mut failed = Vec::new();
    for run in 1..=runs {
        for (program, place) in programs.iter().zip(&mut laps) {
            let Some(lap) = place else { continue };
            eprintln!("  {} run {run} of {runs}", program.kind);
            match once(program, course, lap) {
                Ok(()) => {}
                Err(why) if program.kind == Kind::Cameo => return Err(why),
                Err(why) => {
                    failed.push(format!("{}: {why:#}", program.kind));
                    *place = None;
                }
            }
        }
    }
    Ok((laps.into_iter().flatten().collect(), failed))
}

fn start(program: &Program, course: &Course) -> Lap {
    let name = format!("{}.{}", program.kind, program.kind.extension());
    Lap {
        kind: program.kind,
        hide: Runs::default(),
        reveal: Runs::default(),
        carrier: course.folder.join(name),
    }
}

fn once(program: &Program, course: &Course, lap: &mut Lap) -> anyhow::Result<()> {
    if lap.carrier.exists() {
        fs::remove_file(&lap.carrier)?;
    }
    let folder = tempfile::tempdir_in(&course.folder)?;
    let cover = course.cover(program.kind);
    let mut hide = program.hide(&course.payload, cover, &lap.carrier, folder.path());
    lap.hide.time(|| run(&mut hide)).context("hide")?;
    let (mut reveal, out) = program.reveal(&course.payload, &lap.carrier, folder.path());
    lap.reveal.time(|| run(&mut reveal)).context("reveal")?;
    let revealed = fs::read(&out).context("it revealed nothing")?;
    ensure!(
        revealed == fs::read(&course.payload)?,
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

    fn course(folder: &Path) -> Course {
        let payload = folder.join("payload");
        fs::write(&payload, "a photo").unwrap();
        Course {
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
        let (laps, failed) = race(&[peer], &course(folder.path()), 3).unwrap();
        assert!(laps.is_empty());
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
        assert!(race(&[ours], &course(folder.path()), 1).is_err());
    }

    #[test]
    fn each_peer_gets_a_cover_of_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let course = course(folder.path());
        assert!(course.cover(Kind::Steghide).ends_with("cover.bmp"));
        assert!(course.cover(Kind::Stegano).ends_with("cover.png"));
    }
}
