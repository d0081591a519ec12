//! What a verb hands back, and how it is printed: one document, or text for people.
//!
//! Results go to stdout, once; progress and warnings go to stderr. Who has closed one of them wants to hear no more.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use cameo_common::ids::Millis;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use crate::cli::exit::{Exit, Failure};

/// How the person wants to be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output {
    pub json: bool,
    pub quiet: bool,
}

/// What a verb has to tell.
#[derive(Debug, Clone)]
pub struct Report {
    pub exit: Exit,
    fields: Map<String, Value>,
    text: String,
    silent: bool,
}

impl Report {
    /// Nothing more to tell: the verb has said all it had to say.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            silent: true,
            ..Self::new("")
        }
    }

    /// A result for people; fields for programs are added with [`Report::with`].
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            exit: Exit::Ok,
            fields: Map::new(),
            text: text.into(),
            silent: false,
        }
    }

    /// Adds something for programs.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Adds the name of a file, as text; what is no UTF-8 in it reads as U+FFFD.
    #[must_use]
    pub fn with_file(self, key: &str, path: &Path) -> Self {
        self.with(key, path.to_string_lossy())
    }

    /// Ends with another code than 0.
    #[must_use]
    pub fn ending(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// What it has for programs.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// What it has for people.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The one document that `--json` prints.
    #[must_use]
    pub fn document(&self, verb: &str) -> Value {
        let mut document = self.fields.clone();
        document.insert("schema".into(), json!(cameo_common::api::SCHEMA));
        document.insert("ok".into(), json!(true));
        document.insert("verb".into(), json!(verb));
        Value::Object(document)
    }
}

impl Output {
    /// Prints the end of a verb, and says with which code the process ends.
    #[must_use]
    pub fn finish(&self, verb: &str, result: Result<Report, Failure>) -> Exit {
        let (exit, said) = match &result {
            Ok(report) if report.silent => (report.exit, Ok(())),
            Ok(report) if self.json => (report.exit, say(report.document(verb))),
            Ok(report) if report.text.is_empty() => (report.exit, Ok(())),
            Ok(report) => (report.exit, say(report.text.trim_end())),
            Err(failure) if self.json => (failure.exit, say(failure.document())),
            Err(failure) => {
                tell(format_args!("cameo {verb}: {failure}"));
                (failure.exit, Ok(()))
            }
        };
        match said {
            Err(error) => {
                tell(format_args!(
                    "cameo {verb}: what came of it cannot be printed: {error}"
                ));
                if exit == Exit::Ok { Exit::Other } else { exit }
            }
            Ok(()) => exit,
        }
    }

    /// Something that the person should know, beside the result.
    pub fn note(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            tell(text);
        }
    }

    /// A bar for something that takes time. Shows nothing where stderr is no terminal.
    #[must_use]
    pub fn bar(&self, what: &'static str) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// Gives a bar its length in bytes, once that is known.
    pub fn measure(bar: &ProgressBar, bytes: u64) {
        if bar.length() == Some(bytes) {
            return;
        }
        bar.set_length(bytes);
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec}",
        ) {
            bar.set_style(style);
        }
    }
}

/// A line on stdout. That nobody reads it is no error.
///
/// # Errors
/// When it is not taken, by a full disk for one.
pub fn say(line: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// A line on stderr, if it is taken: there is no other place to tell that it is not.
pub fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// A table of text, columns aligned.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count() + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A moment, as people read it: UTC, to the second.
#[must_use]
pub fn moment(at: Millis) -> String {
    let seconds = at.0 / 1000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar:
/// counted in eras of 400 years that begin in March, so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / ERA, shifted % ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_right_around_leap_days() {
        assert_eq!(moment(Millis(0)), "1970-01-01 00:00:00 UTC");
        assert_eq!(moment(Millis(951_782_399_000)), "2000-02-28 23:59:59 UTC");
        assert_eq!(moment(Millis(951_782_400_000)), "2000-02-29 00:00:00 UTC");
        assert_eq!(moment(Millis(1_709_251_200_000)), "2024-03-01 00:00:00 UTC");
        assert_eq!(moment(Millis(4_102_444_799_000)), "2099-12-31 23:59:59 UTC");
    }

    #[test]
    fn a_report_is_one_document() {
        let report = Report::new("text").with("grant", "ab");
        assert_eq!(
            report.document("view"),
            json!({ "schema": 1, "ok": true, "verb": "view", "grant": "ab" })
        );
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".into(), "b".into()], vec!["ccc".into(), "d".into()]];
        assert_eq!(table(&rows), "a    b\nccc  d\n");
    }
}
