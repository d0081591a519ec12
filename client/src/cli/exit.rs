//! Exit codes, and the one error type that users and programs see.
//!
//! All other errors become a [`Failure`] in `errors`, and nowhere else.

use serde_json::{Map, Value, json};

use crate::output::Completion;

/// The exit code of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Other = 1,
    Usage = 2,
    NotFound = 3,
    Denied = 4,
    UsedUp = 5,
    /// Done as far as possible while the peer is offline.
    Queued = 6,
    NoQuorum = 7,
    IdentityChanged = 8,
    /// By Ctrl-C: 128 and the number of SIGINT, as shells say it.
    Interrupted = 130,
}

/// What each code means, as in `cameo --help`.
const MEANINGS: [(Exit, &str); 10] = [
    (Exit::Ok, "done"),
    (Exit::Other, "another failure, which the sentence names"),
    (Exit::Usage, "an argument cannot be used"),
    (Exit::NotFound, "no such user, image, grant, file or home"),
    (Exit::Denied, "denied, revoked, expired or retired"),
    (Exit::UsedUp, "all views are used"),
    (Exit::Queued, "kept until a peer or a node is back"),
    (
        Exit::NoQuorum,
        "no node answers, no majority in time, or not known to be in force",
    ),
    (
        Exit::IdentityChanged,
        "a key or a cluster is not the known one",
    ),
    (Exit::Interrupted, "interrupted by Ctrl-C"),
];

/// The table of exit codes for `--help`.
pub(super) fn help() -> String {
    let rows = MEANINGS.map(|(exit, meaning)| format!("  {:<3}  {meaning}\n", exit as u8));
    format!("Exit codes:\n{}", rows.concat())
}

impl From<Completion> for Exit {
    fn from(completion: Completion) -> Self {
        match completion {
            Completion::Done => Exit::Ok,
            Completion::Queued => Exit::Queued,
            Completion::Problem(kind) => kind.into(),
        }
    }
}

/// The error of a command: a message with the remedy, and a code for programs.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub exit: Exit,
    pub code: &'static str,
    pub message: String,
    /// Fields beside the error in `--json`.
    pub details: Map<String, Value>,
}

impl Failure {
    /// A failure without details.
    #[must_use]
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: message.into(),
            details: Map::new(),
        }
    }

    /// A failure because of the arguments.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// A failure without an exit code of its own.
    #[must_use]
    pub fn other(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Other, code, message)
    }

    /// Adds a field for programs.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// The document that `--json` prints.
    #[must_use]
    pub fn document(&self) -> Value {
        let mut document = self.details.clone();
        document.insert("schema".into(), json!(cameo_common::api::SCHEMA));
        document.insert("ok".into(), json!(false));
        document.insert(
            "error".into(),
            json!({ "code": self.code, "message": self.message }),
        );
        Value::Object(document)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_the_design_s() {
        let numbers = [
            (Exit::Ok, 0),
            (Exit::Other, 1),
            (Exit::Usage, 2),
            (Exit::NotFound, 3),
            (Exit::Denied, 4),
            (Exit::UsedUp, 5),
            (Exit::Queued, 6),
            (Exit::NoQuorum, 7),
            (Exit::IdentityChanged, 8),
            (Exit::Interrupted, 130),
        ];
        for (exit, number) in numbers {
            assert_eq!(exit as u8, number);
        }
        assert_eq!(
            MEANINGS.map(|(exit, _)| exit),
            numbers.map(|(exit, _)| exit)
        );
    }

    #[test]
    fn the_document_has_schema_code_and_details() {
        let failure = Failure::new(Exit::UsedUp, "used_up", "none left").with("used", 3);
        assert_eq!(
            failure.document(),
            json!({
                "schema": 1,
                "ok": false,
                "error": { "code": "used_up", "message": "none left" },
                "used": 3,
            })
        );
    }
}
