//! What a command hands back: text for people, fields for programs.

use std::path::Path;

use serde_json::{Map, Value, json};

/// How far a command was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    Done,
    /// As far as it can be while the peer is offline.
    Queued,
}

/// What a command has to tell.
#[derive(Debug, Clone)]
pub struct Report {
    completion: Completion,
    fields: Map<String, Value>,
    text: String,
    silent: bool,
}

impl Report {
    /// Nothing more to tell: the command has said all it had to say.
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
            completion: Completion::Done,
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

    /// The rest is done when the peer is back.
    #[must_use]
    pub fn queued(mut self) -> Self {
        self.completion = Completion::Queued;
        self
    }

    /// How far it was done.
    #[must_use]
    pub fn completion(&self) -> Completion {
        self.completion
    }

    /// Whether everything has been said already.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.silent
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
