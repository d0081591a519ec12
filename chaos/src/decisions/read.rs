//! The lines of log files.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::{Path, PathBuf};

use cameo_dispatch::Logged;

/// Longest line that is read, in bytes: a decision over thousands of workers is shorter.
const MAX_LINE: u64 = 8 * 1024 * 1024;

/// The position of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At {
    pub file: PathBuf,
    /// From 1; 0 stands for the file itself.
    pub line: u64,
}

/// The content of a line.
pub(super) enum Read {
    Line(Box<Logged>),
    /// The first part of a line at the end of the newest file: its node was killed while it wrote.
    Torn,
    /// Not readable, and the reason.
    Failed(String),
}

/// The log of one node: the rotated file, then the newest one.
#[derive(Debug)]
pub(super) struct Chain {
    rotated: Option<PathBuf>,
    newest: Option<PathBuf>,
}

/// Groups the files of each node, each file once.
pub(super) fn chains(files: &[PathBuf]) -> Vec<Chain> {
    let mut seen = BTreeSet::new();
    let chain = |path: &PathBuf| {
        let (base, given_rotated) = match unrotated(path) {
            Some(base) => (base, true),
            None => (path.clone(), false),
        };
        let rotated = rotated(&base);
        Chain {
            // Only the rotated part is read when only that was named.
            newest: (!given_rotated || files.contains(&base)).then_some(base),
            rotated: (given_rotated || rotated.exists()).then_some(rotated),
        }
    };
    let key = |chain: &Chain| chain.newest.clone().or(chain.rotated.clone());
    let chains = files.iter().map(chain);
    chains.filter(|chain| seen.insert(key(chain))).collect()
}

fn rotated(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".1");
    name.into()
}

fn unrotated(path: &Path) -> Option<PathBuf> {
    (path.extension()? == "1").then(|| path.with_extension(""))
}

impl Chain {
    /// Whether the log was too long for one file, so that its beginning may be gone.
    pub(super) fn has_rotated(&self) -> bool {
        self.rotated.is_some()
    }

    /// Visits every line, in the order of writing.
    pub(super) fn lines(&self, mut visit: impl FnMut(At, Read)) {
        if let Some(file) = &self.rotated {
            lines_of(file, false, &mut visit);
        }
        if let Some(file) = &self.newest {
            lines_of(file, true, &mut visit);
        }
    }
}

fn lines_of(path: &Path, newest: bool, visit: &mut impl FnMut(At, Read)) {
    let at = |line| At {
        file: path.to_path_buf(),
        line,
    };
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(why) => return visit(at(0), Read::Failed(format!("cannot be read: {why}"))),
    };
    for number in 1.. {
        let mut bytes = Vec::new();
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut bytes) {
            Ok(0) => return,
            Ok(_) => {}
            Err(why) => return visit(at(number), Read::Failed(format!("cannot be read: {why}"))),
        }
        if bytes.pop() == Some(b'\n') {
            visit(at(number), parse(&bytes));
        } else if bytes.len() as u64 + 1 == MAX_LINE {
            let why = format!("longer than {MAX_LINE} bytes, and nothing after it was read");
            return visit(at(number), Read::Failed(why));
        } else if newest {
            visit(at(number), Read::Torn);
        } else {
            let why = "cut short, and lines were written after it".to_owned();
            visit(at(number), Read::Failed(why));
        }
    }
}

fn parse(bytes: &[u8]) -> Read {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Read::Failed("not text".to_owned());
    };
    match Logged::of_line(text) {
        Ok(line) => Read::Line(Box::new(line)),
        Err(why) => Read::Failed(why.to_string()),
    }
}
