//! A run's line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Counts;

/// The version of the format.
const FORMAT: u32 = 1;

/// The verdict of a run that came to no end.
pub const VOID: &str = "void";

/// The program under test, by a part of its BLAKE3 hash: the same seed of another build is another
/// run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Build(String);

impl Build {
    /// The build of a program's file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(program: &Path) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(File::open(program)?)?;
        Ok(Self(hasher.finalize().to_hex()[..16].to_owned()))
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The version of the format.
    pub format: u32,
    /// `sim` or `real`.
    pub target: String,
    pub build: Build,
    pub seed: u64,
    pub nodes: u64,
    /// Seconds under faults.
    pub seconds: u64,
    /// As `--faults` and `--workload` had them.
    pub faults: String,
    pub workload: String,
    /// `valid`, `invalid`, `unknown` or `inconclusive`; `invalid (problems)` when a node ended by
    /// itself, `invalid (skips)` when a fault could not be had; `void` when the run came to no end.
    pub verdict: String,
    pub counts: Counts,
}

/// What makes a line none of ours.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    #[error("line {line}: {why}")]
    Json { line: usize, why: serde_json::Error },
    #[error("line {line}: format {found}, and this program knows {FORMAT}")]
    Format { line: usize, found: u32 },
    #[error(transparent)]
    Read(#[from] io::Error),
}

impl Row {
    /// A run, not judged yet.
    #[must_use]
    pub fn new(target: &str, build: Build, seed: u64) -> Self {
        Self {
            format: FORMAT,
            target: target.to_owned(),
            build,
            seed,
            nodes: 0,
            seconds: 0,
            faults: String::new(),
            workload: String::new(),
            verdict: String::new(),
            counts: Counts::default(),
        }
    }
}

/// Appends a line in one write: several programs may do so at a time.
///
/// # Errors
/// When the file cannot be written.
pub fn append(file: &Path, row: &Row) -> io::Result<()> {
    let mut line = serde_json::to_vec(row)?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(&line)
}

/// All lines of a file.
pub(super) fn read(text: &str) -> Result<Vec<Row>, RowError> {
    let lines = text.lines().zip(1..);
    lines
        .map(|(text, line)| {
            let row: Row =
                serde_json::from_str(text).map_err(|why| RowError::Json { line, why })?;
            match row.format {
                FORMAT => Ok(row),
                found => Err(RowError::Format { line, found }),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::tally::OfKind;

    fn row() -> Row {
        let kill = OfKind {
            struck: 2,
            idle: 0,
            overlapped: 7,
        };
        Row {
            nodes: 5,
            seconds: 30,
            faults: "all".to_owned(),
            workload: "all".to_owned(),
            verdict: "valid".to_owned(),
            counts: Counts {
                operations: 9,
                unknown: 1,
                faults: [("kill".to_owned(), kill)].into(),
            },
            ..Row::new("sim", Build("00ff".to_owned()), 3)
        }
    }

    const LINE: &str = concat!(
        r#"{"format":1,"target":"sim","build":"00ff","seed":3,"nodes":5,"seconds":30,"#,
        r#""faults":"all","workload":"all","verdict":"valid","counts":{"operations":9,"#,
        r#""unknown":1,"faults":{"kill":{"struck":2,"idle":0,"overlapped":7}}}}"#,
    );

    #[test]
    fn given_a_run_when_it_is_written_then_its_bytes_are_those_of_format_1() {
        assert_eq!(serde_json::to_string(&row()).unwrap(), LINE);
        assert_eq!(read(LINE).unwrap(), [row()]);
    }

    #[test]
    fn given_lines_of_others_when_they_are_read_then_they_are_refused() {
        let newer = LINE.replace(r#""format":1"#, r#""format":2"#);
        assert!(matches!(
            read(&newer),
            Err(RowError::Format { line: 1, found: 2 })
        ));
        let more = format!("{LINE}\n{}", LINE.replace("seed", "sead"));
        assert!(matches!(read(&more), Err(RowError::Json { line: 2, .. })));
    }

    #[test]
    fn given_a_file_when_runs_are_appended_then_it_has_all_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tally.jsonl");
        append(&file, &row()).unwrap();
        append(&file, &row()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(read(&text).unwrap(), [row(), row()]);
    }
}
