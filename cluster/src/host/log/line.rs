//! Lines that no filter leaves out: what a node waits for, and why it ends.

use std::fmt::Display;

use cameo_common::terminal::{escaped, escaped_line};
use serde::Serialize;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

use super::{LogFormat, format, queue};

/// Weight of a line. The names are those of `tracing`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    Info,
    Warn,
    Error,
}

/// The same fields, in the same order, as a line of `tracing` has in JSON.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: &'a str,
    level: Level,
    fields: Fields<'a>,
    target: &'a str,
}

#[derive(Serialize)]
struct Fields<'a> {
    message: &'a str,
}

/// Writes a line to stderr, with what others have said in it escaped. Where nobody reads it, the
/// process goes on: `eprintln!` would panic.
pub fn tell(level: Level, message: impl Display) {
    let line = line(format(), level, &message.to_string());
    queue::put(line.as_bytes());
}

fn line(format: LogFormat, level: Level, message: &str) -> String {
    let text = || format!("cameod: {}\n", escaped_line(message));
    match format {
        LogFormat::Text => text(),
        LogFormat::Json => {
            let line = serde_json::to_string(&Line {
                timestamp: &timestamp(),
                level,
                fields: Fields { message },
                target: "cameod",
            });
            // Strings alone: they are always JSON.
            line.map_or_else(|_| text(), |line| escaped(&line) + "\n")
        }
    }
}

fn timestamp() -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_of_text_has_the_programs_name() {
        let line = line(LogFormat::Text, Level::Warn, "stopping");
        assert_eq!(line, "cameod: stopping\n");
    }

    #[test]
    fn attack_what_a_node_says_makes_no_further_line_and_commands_no_terminal() {
        let said = "no\x1b[2J\u{9b}31m\u{202e}fdp\ncameod: all is well";
        for format in [LogFormat::Text, LogFormat::Json] {
            let line = line(format, Level::Error, said);
            assert_eq!(line.lines().count(), 1, "{line}");
            let hidden = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!line.trim_end().contains(hidden), "{line}");
        }
    }

    #[test]
    fn a_line_of_json_is_one_object_with_the_fixed_fields() {
        let line = line(LogFormat::Json, Level::Error, "two\nlines and a \"quote\"");
        assert_eq!(line.matches('\n').count(), 1);
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        let keys: Vec<_> = read.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["fields", "level", "target", "timestamp"]);
        assert_eq!(read["level"], "ERROR");
        assert_eq!(read["target"], "cameod");
        assert_eq!(read["fields"]["message"], "two\nlines and a \"quote\"");
        assert!(read["timestamp"].as_str().unwrap().ends_with('Z'));
    }
}
