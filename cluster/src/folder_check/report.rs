//! The result of a check, for people and for programs.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use cameo_common::ids::{ClusterId, NodeId};
use cameo_common::terminal::escaped_line;
use serde_json::{Value, json};

use super::finding::{Finding, Verdict};

/// Version of the JSON document.
const SCHEMA: u32 = 1;
/// Exit codes.
const WHOLE: u8 = 0;
const DAMAGED: u8 = 1;
const NOT_CHECKED: u8 = 2;
/// Width of the lines for people, where their words permit it.
const WIDTH: usize = 100;
/// Columns before the name of a part: the longest word of a verdict, and two spaces.
const INDENT: usize = 9;
/// The longest name beside which its text begins; below a longer one.
const LONGEST_NAME: usize = 14;

/// What was found of a folder.
#[derive(Debug)]
pub struct Report {
    pub folder: PathBuf,
    pub node: Option<NodeId>,
    pub cluster: Option<ClusterId>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// That of the worst part. A notice is no damage.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let worst = self.findings.iter().map(|finding| finding.verdict).max();
        match worst.unwrap_or(Verdict::Whole) {
            Verdict::Whole | Verdict::Notice => Verdict::Whole,
            worst => worst,
        }
    }

    /// 0: whole; 1: damaged; 2: of a newer version, or not known to be whole.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self.verdict() {
            Verdict::Whole | Verdict::Notice => WHOLE,
            Verdict::Damaged => DAMAGED,
            Verdict::Unknown | Verdict::Newer => NOT_CHECKED,
        }
    }

    /// One JSON document, with U+FFFD in place of what is not UTF-8 in the folder's name.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "folder": self.folder.to_string_lossy(),
            "node": self.node,
            "cluster": self.cluster,
            "verdict": self.verdict(),
            "parts": self.findings,
        })
    }

    /// Lines for each part, with its advice, and the result.
    #[must_use]
    pub fn text(&self) -> String {
        let names = self.findings.iter().map(|finding| finding.part.len());
        let width = names.filter(|length| *length <= LONGEST_NAME).max();
        let width = width.unwrap_or_default();
        let mut lines = Vec::new();
        for finding in &self.findings {
            lines.extend(of_part(finding, width));
        }
        lines.push(self.result());
        lines.join("\n")
    }

    fn result(&self) -> String {
        let folder = self.folder.display();
        let count = |verdict| {
            let of = self.findings.iter();
            of.filter(|finding| finding.verdict == verdict).count()
        };
        match self.verdict() {
            Verdict::Whole | Verdict::Notice => format!("{folder} is whole"),
            Verdict::Unknown => format!(
                "{folder} is not known to be whole: see what is unknown ({})",
                parts(count(Verdict::Unknown))
            ),
            Verdict::Damaged => {
                format!("{folder} is damaged, in {}", parts(count(Verdict::Damaged)))
            }
            Verdict::Newer => format!(
                "{folder} has {} of a version that this build does not read",
                parts(count(Verdict::Newer))
            ),
        }
    }
}

fn parts(count: usize) -> String {
    match count {
        1 => "1 part".to_owned(),
        _ => format!("{count} parts"),
    }
}

/// The lines of one part. `width` is that of the names beside which texts begin.
fn of_part(finding: &Finding, width: usize) -> Vec<String> {
    let indent = INDENT + width + 2;
    let texts = [Some(&finding.found), finding.advice.as_ref()];
    let mut texts = texts.into_iter().flatten().flat_map(|text| {
        let lines = wrapped(text, WIDTH - indent).into_iter();
        lines.map(|line| format!("{:indent$}{line}", ""))
    });
    // A file's name is anybody's text.
    let part = escaped_line(&finding.part);
    let head = format!("{:<7}  {part:<width$}", finding.verdict.word());
    let mut lines = Vec::new();
    match part.len() <= width {
        true => {
            let first = texts.next().unwrap_or_default();
            lines.push(format!("{head}  {}", first.trim_start()));
        }
        false => lines.push(head),
    }
    lines.extend(texts);
    lines
}

/// A text in lines of at most `width` characters, if its words permit it.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The JSON document of a folder that was not checked, with its exit code.
#[must_use]
pub fn unusable(folder: &Path, why: &dyn Display) -> (Value, u8) {
    let document = json!({
        "schema": SCHEMA,
        "folder": folder.to_string_lossy(),
        "verdict": "not_checked",
        "error": why.to_string(),
    });
    (document, NOT_CHECKED)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    use super::super::finding::Findings;
    use super::*;

    fn report(add: impl Fn(&mut Findings)) -> Report {
        let mut findings = Findings::default();
        add(&mut findings);
        Report {
            folder: "data".into(),
            node: None,
            cluster: None,
            findings: findings.into_inner(),
        }
    }

    #[test]
    fn a_folder_of_which_something_is_unknown_is_neither_whole_nor_damaged() {
        let told = report(|findings| {
            findings.notice("peers", "there is none", "nothing to do");
            findings.unknown("CURRENT", "there is no live state", "keep the folder");
        });
        assert_eq!((told.verdict(), told.exit_code()), (Verdict::Unknown, 2));
        assert_eq!(told.json()["verdict"], "unknown");
        assert!(
            told.text()
                .ends_with("data is not known to be whole: see what is unknown (1 part)")
        );
        let worse = report(|findings| {
            findings.damage("wal", "it is damaged");
            findings.unknown("CURRENT", "there is no live state", "keep the folder");
        });
        assert_eq!((worse.verdict(), worse.exit_code()), (Verdict::Damaged, 1));
        assert!(worse.text().ends_with("data is damaged, in 1 part"));
    }

    #[test]
    fn a_folder_whose_name_is_not_utf_8_has_a_document() {
        let folder = Path::new(OsStr::from_bytes(b"data\xff"));
        let told = Report {
            folder: folder.to_owned(),
            ..report(|_| {})
        };
        assert_eq!(told.json()["folder"], "data\u{fffd}");
        assert_eq!(unusable(folder, &"no").0["folder"], "data\u{fffd}");
    }

    #[test]
    fn the_lines_for_people_fit_the_width_and_keep_every_word() {
        let long = "words ".repeat(60);
        let text = report(|findings| {
            findings.whole("NODE", "node 1");
            findings.notice("snapshots/0000000000000000000a.snap", &long, &long);
            findings.damaged("wal", &long, "keep it");
        })
        .text();
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH),
            "{text}"
        );
        assert_eq!(text.matches("words").count(), 180);
        assert!(text.starts_with("whole    NODE  node 1\n"), "{text}");
        let below = "notice   snapshots/0000000000000000000a.snap\n               words";
        assert!(text.contains(below), "{text}");
        // Bytes that others have chosen make no further line.
        assert_eq!(wrapped("a\nb", 80), ["a b"]);
    }
}
