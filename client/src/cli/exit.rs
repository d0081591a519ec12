//! How a verb can end: exit codes, and the one error that people and programs see.
//!
//! Every other error of this program becomes a [`Failure`] here, and nowhere else.

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::peer::PeerRefusal;
use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;
use serde_json::{Map, Value, json};

use crate::cluster_api::ClusterError;
use crate::control::OtherVersion;
use crate::peer::AskError;
use crate::text::prefix::PrefixError;
use crate::vault::VaultError;
use crate::vault::files::FileError;
use crate::vault::key_file::KeyFileError;

/// What the process tells its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Other = 1,
    Usage = 2,
    NotFound = 3,
    Denied = 4,
    UsedUp = 5,
    /// Done as far as it can be while the peer is offline.
    Queued = 6,
    NoQuorum = 7,
    IdentityChanged = 8,
}

/// Why a verb came to nothing: one sentence that says what to do, and a word for programs.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    pub exit: Exit,
    pub code: &'static str,
    pub message: String,
    /// Goes beside the error in `--json`.
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

    /// The arguments cannot be used.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", message)
    }

    /// Something that was named is not there.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "not_found", message)
    }

    /// Another person says no.
    #[must_use]
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(Exit::Denied, "denied", message)
    }

    /// Somebody's key is not the one that is known.
    #[must_use]
    pub fn identity_changed(message: impl Into<String>) -> Self {
        Self::new(Exit::IdentityChanged, "identity_changed", message)
    }

    /// What has no code of its own.
    #[must_use]
    pub fn other(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Exit::Other, code, message)
    }

    /// The same with another word for programs.
    #[must_use]
    pub fn coded(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// Adds something for programs.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.details.insert(key.to_owned(), value.into());
        self
    }

    /// The one document that `--json` prints.
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

impl From<ClusterError> for Failure {
    fn from(error: ClusterError) -> Self {
        let message = error.to_string();
        match error {
            ClusterError::Api(error) => error.into(),
            ClusterError::Unreachable { .. } => {
                Self::new(Exit::NoQuorum, "cluster_unreachable", message)
            }
            ClusterError::NoQuorum => Self::new(Exit::NoQuorum, "no_quorum", message),
            ClusterError::OutcomeUnknown => Self::new(Exit::NoQuorum, "outcome_unknown", message),
            ClusterError::WrongCluster { .. } => {
                Self::new(Exit::IdentityChanged, "wrong_cluster", message)
            }
            ClusterError::BadAddress { .. } => Self::new(Exit::Usage, "bad_address", message),
            ClusterError::Protocol { .. } => Self::other("protocol", message),
            ClusterError::Setup(_) => Self::other("setup", message),
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let exit = match error.code {
            ErrorCode::NotRegistered | ErrorCode::NotFound => Exit::NotFound,
            ErrorCode::Forbidden
            | ErrorCode::NotAuthenticated
            | ErrorCode::NameTaken
            | ErrorCode::Revoked
            | ErrorCode::Expired => Exit::Denied,
            ErrorCode::UsedUp => Exit::UsedUp,
            ErrorCode::NoQuorum | ErrorCode::OutcomeUnknown | ErrorCode::Unavailable => {
                Exit::NoQuorum
            }
            ErrorCode::WrongCluster => Exit::IdentityChanged,
            _ => Exit::Other,
        };
        let code = code_word(error.code);
        let message = match error.code {
            ErrorCode::CallExpired => format!(
                "{}; is this machine's clock right?",
                error.message.trim_end_matches('.')
            ),
            _ => error.message,
        };
        Self::new(exit, code, message)
    }
}

/// The word that the protocol has for a code.
fn code_word(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadRequest => "bad_request",
        ErrorCode::TooLarge => "too_large",
        ErrorCode::NoSuchPath => "no_such_path",
        ErrorCode::NotAuthenticated => "not_authenticated",
        ErrorCode::CallExpired => "call_expired",
        ErrorCode::WrongCluster => "wrong_cluster",
        ErrorCode::Forbidden => "forbidden",
        ErrorCode::NotRegistered => "not_registered",
        ErrorCode::NotFound => "not_found",
        ErrorCode::NameTaken => "name_taken",
        ErrorCode::RequestReused => "request_reused",
        ErrorCode::GrantExists => "grant_exists",
        ErrorCode::StaleVersion => "stale_version",
        ErrorCode::Mismatch => "mismatch",
        ErrorCode::BadDeal => "bad_deal",
        ErrorCode::Revoked => "revoked",
        ErrorCode::Expired => "expired",
        ErrorCode::UsedUp => "used_up",
        ErrorCode::NotDebited => "not_debited",
        ErrorCode::SessionEnded => "session_ended",
        ErrorCode::BadTicket => "bad_ticket",
        ErrorCode::Busy => "busy",
        ErrorCode::BadJob => "bad_job",
        ErrorCode::LimitReached => "limit_reached",
        ErrorCode::NoQuorum => "no_quorum",
        ErrorCode::OutcomeUnknown => "outcome_unknown",
        ErrorCode::Unavailable => "unavailable",
        ErrorCode::Internal => "internal",
        ErrorCode::WorkerTooSmall => "worker_too_small",
    }
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        let message = error.to_string();
        match error {
            VaultError::NotCreated(_) => Self::new(Exit::NotFound, "no_home", message),
            VaultError::AlreadyCreated(_) => Self::new(Exit::Usage, "home_exists", message),
            VaultError::AgentRunning { .. } => Self::other("agent_running", message),
            VaultError::WrongPassphrase { .. } | VaultError::NoPassphrase(_) => {
                Self::other("locked", message)
            }
            VaultError::Io { source, .. } if is_full(&source) => disk_full(message),
            _ => Self::other("vault", message),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if is_full(&error) {
            disk_full(error.to_string())
        } else {
            Self::other("io", error.to_string())
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::Missing(_) => Self::not_found(message),
            FileError::Io { source, .. } if is_full(&source) => disk_full(message),
            FileError::Io { .. } => Self::other("io", message),
            _ => Self::usage(message),
        }
    }
}

impl From<KeyFileError> for Failure {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::File(error) => error.into(),
            error => Self::usage(error.to_string()).coded("key_file"),
        }
    }
}

impl From<OtherVersion> for Failure {
    fn from(error: OtherVersion) -> Self {
        Self::other("agent_version", error.to_string())
    }
}

impl From<PrefixError> for Failure {
    fn from(error: PrefixError) -> Self {
        match error {
            PrefixError::None { .. } => Self::not_found(error.to_string()),
            _ => Self::usage(error.to_string()),
        }
    }
}

impl From<StatementError> for Failure {
    fn from(error: StatementError) -> Self {
        Self::other("statement", error.to_string())
    }
}

impl From<SealingError> for Failure {
    fn from(error: SealingError) -> Self {
        Self::other("sealing", error.to_string())
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded
    )
}

fn disk_full(message: String) -> Failure {
    Failure::other(
        "disk_full",
        format!(
            "the disk is full ({message}): nothing that was kept before is lost; free some space and run it again"
        ),
    )
}

/// What a peer's no means for the person who asked.
#[must_use]
pub fn refused(who: &str, code: PeerRefusal, message: &str) -> Failure {
    let said = if message.is_empty() {
        format!("{who} refuses")
    } else {
        format!("{who}: {message}")
    };
    match code {
        PeerRefusal::Closed => Failure::denied(said),
        PeerRefusal::NoSuchImage => Failure::not_found(said),
        PeerRefusal::NoSuchGrant => Failure::not_found(said),
        PeerRefusal::IdentityChanged => Failure::identity_changed(said),
        PeerRefusal::NotAccepted => Failure::new(Exit::Denied, "not_accepted", said),
        PeerRefusal::TooMany => Failure::other("too_many", said),
        PeerRefusal::Failed => Failure::other("peer_failed", said),
    }
}

/// A peer that could not be asked.
#[must_use]
pub fn unasked(who: &str, error: &AskError) -> Failure {
    match error {
        AskError::Rejected => Failure::denied(format!("{who} does not talk to this device")),
        AskError::WrongIdentity => Failure::identity_changed(format!(
            "another device answers at {who}'s address: do not go on before you have asked {who} in person"
        )),
        error if error.is_offline() => Failure::new(
            Exit::Queued,
            "peer_offline",
            format!("{who} is offline: try again when {who}'s agent runs"),
        ),
        error => Failure::other("peer", format!("{who} cannot be asked: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: ErrorCode) -> Exit {
        Failure::from(ApiError::new(code, "no")).exit
    }

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
        ];
        for (exit, number) in numbers {
            assert_eq!(exit as u8, number);
        }
    }

    #[test]
    fn a_node_s_no_has_its_exit_code() {
        assert_eq!(of(ErrorCode::NotRegistered), Exit::NotFound);
        assert_eq!(of(ErrorCode::NotFound), Exit::NotFound);
        assert_eq!(of(ErrorCode::Revoked), Exit::Denied);
        assert_eq!(of(ErrorCode::Expired), Exit::Denied);
        assert_eq!(of(ErrorCode::Forbidden), Exit::Denied);
        assert_eq!(of(ErrorCode::NameTaken), Exit::Denied);
        assert_eq!(of(ErrorCode::UsedUp), Exit::UsedUp);
        assert_eq!(of(ErrorCode::NoQuorum), Exit::NoQuorum);
        assert_eq!(of(ErrorCode::OutcomeUnknown), Exit::NoQuorum);
        assert_eq!(of(ErrorCode::Internal), Exit::Other);
    }

    #[test]
    fn every_code_s_word_is_the_protocol_s() {
        for code in [
            ErrorCode::BadRequest,
            ErrorCode::NotRegistered,
            ErrorCode::UsedUp,
            ErrorCode::OutcomeUnknown,
            ErrorCode::GrantExists,
        ] {
            let word = serde_json::to_value(code).unwrap_or_default();
            assert_eq!(word, code_word(code));
        }
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let failure = Failure::from(std::io::Error::from(std::io::ErrorKind::StorageFull));
        assert_eq!(failure.code, "disk_full");
        assert!(failure.message.contains("free some space"));
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
