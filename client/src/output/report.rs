//! The result of a command: text for users, fields for programs.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error_kind::ErrorKind;

/// Whether a command is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    Done,
    /// Done as far as possible while a peer or a node is away.
    Queued,
    /// Done, and the result shows a problem of this kind.
    Problem(ErrorKind),
}

/// The result of a command.
#[derive(Debug, Clone)]
pub struct Report {
    completion: Completion,
    fields: Map<String, Value>,
    text: String,
    silent: bool,
}

impl Report {
    /// A result without output: the command has printed everything already.
    #[must_use]
    pub fn silent() -> Self {
        Self {
            silent: true,
            ..Self::new("")
        }
    }

    /// A result with this text. Fields for programs are added with [`Report::with`].
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            completion: Completion::Done,
            fields: Map::new(),
            text: text.into(),
            silent: false,
        }
    }

    /// Adds a field for programs.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl serde::Serialize) -> Self {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.fields.insert(key.to_owned(), value);
        self
    }

    /// Adds a path as text, with U+FFFD in place of bytes that are not UTF-8.
    #[must_use]
    pub fn with_file(self, key: &str, path: &Path) -> Self {
        self.with(key, path.to_string_lossy())
    }

    /// Marks the result as queued until the peer is back.
    #[must_use]
    pub fn queued(mut self) -> Self {
        self.completion = Completion::Queued;
        self
    }

    /// Marks the result as one that shows a problem.
    #[must_use]
    pub fn problem(mut self, kind: ErrorKind) -> Self {
        self.completion = Completion::Problem(kind);
        self
    }

    /// Whether it is done or queued, or shows a problem.
    #[must_use]
    pub fn completion(&self) -> Completion {
        self.completion
    }

    /// Whether nothing is printed.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// The fields for programs.
    #[must_use]
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The text for users.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The document that `--json` prints.
    #[must_use]
    pub fn document(&self, verb: &str) -> Value {
        let mut document = self.fields.clone();
        document.insert("schema".into(), json!(cameo_common::api::SCHEMA));
        document.insert("ok".into(), json!(true));
        document.insert("verb".into(), json!(verb));
        Value::Object(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_document() {
        let report = Report::new("text").with("grant", "ab");
        assert_eq!(
            report.document("view"),
            json!({ "schema": 1, "ok": true, "verb": "view", "grant": "ab" })
        );
    }
}
