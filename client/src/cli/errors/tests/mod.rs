//! Exit code, code word and details of every error, which programs rely on.

#![allow(clippy::unwrap_used)]

mod commands;
mod flows;

use std::io;
use std::path::PathBuf;

use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::cluster_address::AddressError;
use cameo_common::ids::{ClusterId, UserName};
use cameo_common::peer::PeerRefusal;

use super::cluster::code_word;
use super::{Coded, Exit, Failure};
use crate::cluster_api::ClusterError;
use crate::commands::FindError;
use crate::control::OtherVersion;
use crate::directory::{DirectoryError, PinError};
use crate::peer::{AskError, CallError};
use crate::text::prefix::PrefixError;
use crate::vault::files::FileError;
use crate::vault::key_file::KeyFileError;
use crate::vault::passphrase::{Origin, UnlockError};
use crate::vault::{IoError, LocalError, VaultError, WorkLockError};
use crate::viewer::ViewerError;

/// The failure that an error becomes, with this exit code and code word.
#[track_caller]
fn check(error: impl Coded, exit: Exit, word: &str) -> Failure {
    let told = error.to_string();
    let failure = Failure::from(error);
    assert_eq!((failure.exit, failure.code), (exit, word), "{told}");
    assert_eq!(failure.message, told);
    failure
}

fn ada() -> UserName {
    "ada".parse().unwrap()
}

fn path() -> PathBuf {
    PathBuf::from("here")
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

fn api(code: ErrorCode) -> ClusterError {
    ApiError::new(code, "no").into()
}

#[test]
fn vault_errors() {
    let io = |source: io::Error| VaultError::Io {
        action: "write",
        path: path(),
        source,
    };
    let wrong = VaultError::WrongPassphrase {
        path: path(),
        origin: Origin::Terminal,
    };
    let running = VaultError::AgentRunning {
        home: path(),
        pid: None,
    };
    check(VaultError::NotCreated(path()), Exit::NotFound, "no_home");
    check(
        VaultError::AlreadyCreated(path()),
        Exit::Usage,
        "home_exists",
    );
    check(running, Exit::Other, "agent_running");
    check(wrong, Exit::Other, "locked");
    check(
        VaultError::from(UnlockError::Nowhere),
        Exit::Other,
        "locked",
    );
    check(io(io::ErrorKind::NotFound.into()), Exit::Other, "vault");
    check(VaultError::NoRandomness, Exit::Other, "vault");
    let told = check(io(full()), Exit::Other, "disk_full").message;
    assert_eq!(
        told,
        "the disk is full (cannot write here: no storage space): nothing stored before is lost; \
         free some space and run the command again"
    );
    check(IoError(full()), Exit::Other, "disk_full");
    check(IoError(io::ErrorKind::NotFound.into()), Exit::Other, "io");
    check(LocalError::from(VaultError::Encoding), Exit::Other, "vault");
    check(WorkLockError::Busy, Exit::Other, "busy");
}

#[test]
fn file_errors() {
    let io = |source: io::Error| FileError::Io {
        action: "read",
        path: path(),
        source,
    };
    check(FileError::Missing(path()), Exit::NotFound, "not_found");
    check(FileError::Exists(path()), Exit::Usage, "usage");
    check(FileError::Dash, Exit::Usage, "usage");
    check(io(full()), Exit::Other, "disk_full");
    check(io(io::ErrorKind::Other.into()), Exit::Other, "io");
    check(KeyFileError::Malformed(path()), Exit::Usage, "key_file");
    let missing = KeyFileError::from(FileError::Missing(path()));
    check(missing, Exit::NotFound, "not_found");
    check(ViewerError::NoBrowser, Exit::Other, "not_shown");
    check(ViewerError::BrokenOff, Exit::Other, "not_shown");
    check(PrefixError::NotHex("x".into()), Exit::Usage, "usage");
    let none = PrefixError::None {
        kind: "grant",
        prefix: "a".into(),
        hint: "",
    };
    check(none, Exit::NotFound, "not_found");
    check(FindError::Gone("grant"), Exit::NotFound, "not_found");
}

#[test]
fn cluster_errors() {
    let tried = String::new();
    check(
        ClusterError::Unreachable { tried },
        Exit::NoQuorum,
        "cluster_unreachable",
    );
    check(ClusterError::NoQuorum, Exit::NoQuorum, "no_quorum");
    check(
        ClusterError::OutcomeUnknown,
        Exit::NoQuorum,
        "outcome_unknown",
    );
    let said = ApiError::new(ErrorCode::Retired, "retired");
    check(
        ClusterError::Unconfirmed(said),
        Exit::NoQuorum,
        "unconfirmed",
    );
    check(ClusterError::Setup(String::new()), Exit::Other, "setup");
    let bad = ClusterError::from(AddressError::NoFingerprint);
    check(bad, Exit::Usage, "bad_address");
    let (url, why) = (String::new(), String::new());
    check(ClusterError::Protocol { url, why }, Exit::Other, "protocol");
    let wrong = ClusterError::WrongCluster {
        url: String::new(),
        found: ClusterId([1; 32]),
        pinned: ClusterId([2; 32]),
    };
    check(wrong, Exit::IdentityChanged, "wrong_cluster");
    let (url, number) = (String::new(), 1);
    let fork = ClusterError::Fork { url, number };
    check(fork, Exit::IdentityChanged, "forked_chain");
    let (url, newest, known) = (String::new(), 1, 2);
    let older = ClusterError::OlderChain { url, newest, known };
    check(older, Exit::NoQuorum, "older_chain");
    let why = String::new();
    let not_remembered = ClusterError::NotRemembered { why };
    check(not_remembered, Exit::Other, "not_remembered");
}

#[test]
fn a_node_s_refusal_has_its_exit_code_and_the_protocol_s_word() {
    for (code, exit) in [
        (ErrorCode::NotRegistered, Exit::NotFound),
        (ErrorCode::NotFound, Exit::NotFound),
        (ErrorCode::Forbidden, Exit::Denied),
        (ErrorCode::NotAuthenticated, Exit::Denied),
        (ErrorCode::NameTaken, Exit::Denied),
        (ErrorCode::Revoked, Exit::Denied),
        (ErrorCode::Expired, Exit::Denied),
        (ErrorCode::UsedUp, Exit::UsedUp),
        (ErrorCode::NoQuorum, Exit::NoQuorum),
        (ErrorCode::OutcomeUnknown, Exit::NoQuorum),
        (ErrorCode::Unavailable, Exit::NoQuorum),
        (ErrorCode::NotServed, Exit::NoQuorum),
        (ErrorCode::WrongCluster, Exit::IdentityChanged),
        (ErrorCode::BadRequest, Exit::Other),
        (ErrorCode::TooLarge, Exit::Other),
        (ErrorCode::NoSuchPath, Exit::Other),
        (ErrorCode::CallExpired, Exit::Other),
        (ErrorCode::RequestReused, Exit::Other),
        (ErrorCode::GrantExists, Exit::Other),
        (ErrorCode::StaleVersion, Exit::Other),
        (ErrorCode::Mismatch, Exit::Other),
        (ErrorCode::BadDeal, Exit::Other),
        (ErrorCode::NotDebited, Exit::Other),
        (ErrorCode::SessionEnded, Exit::Other),
        (ErrorCode::BadTicket, Exit::Other),
        (ErrorCode::Busy, Exit::Other),
        (ErrorCode::BadJob, Exit::Other),
        (ErrorCode::LimitReached, Exit::Other),
        (ErrorCode::Internal, Exit::Other),
        (ErrorCode::WorkerTooSmall, Exit::Other),
        (ErrorCode::RolledBack, Exit::Other),
        (ErrorCode::RegistrationClosed, Exit::Denied),
        (ErrorCode::BadInvite, Exit::Denied),
        (ErrorCode::Retired, Exit::Denied),
        (ErrorCode::TooManyCalls, Exit::Other),
        (ErrorCode::TooFewHolders, Exit::Other),
        (ErrorCode::ClosedByRestore, Exit::Denied),
    ] {
        let word = serde_json::to_value(code).unwrap();
        assert_eq!(word, code_word(code));
        check(api(code), exit, code_word(code));
    }
    let late = ClusterError::from(ApiError::new(ErrorCode::CallExpired, "too late."));
    let told = Failure::from(late).message;
    assert_eq!(told, "too late; is this machine's clock right?");
}

#[test]
fn peer_errors() {
    let of = |error: CallError| error.of("ada");
    let offline = check(of(CallError::NoAddress), Exit::Queued, "peer_offline");
    assert_eq!(
        offline.message,
        "ada is offline: try again when ada's agent runs"
    );
    let lost = AskError::Lost("cut".into());
    check(of(lost.into()), Exit::Queued, "peer_offline");
    check(of(AskError::Busy.into()), Exit::Queued, "peer_offline");
    check(of(AskError::Rejected.into()), Exit::Denied, "denied");
    let wrong = of(AskError::WrongIdentity.into());
    check(wrong, Exit::IdentityChanged, "identity_changed");
    let malformed = AskError::Protocol("malformed".into());
    let told = check(of(malformed.into()), Exit::Other, "peer").message;
    assert_eq!(
        told,
        "the call to ada failed: the two devices do not understand each other: malformed"
    );
    let unread = CallError::UnreadableAddress("nowhere".into());
    check(of(unread), Exit::Other, "peer_address");
    check(of(CallError::WrongAnswer), Exit::Other, "peer");
    for (code, exit, word) in [
        (PeerRefusal::Closed, Exit::Denied, "denied"),
        (PeerRefusal::NoSuchImage, Exit::NotFound, "not_found"),
        (PeerRefusal::NoSuchGrant, Exit::NotFound, "not_found"),
        (
            PeerRefusal::IdentityChanged,
            Exit::IdentityChanged,
            "identity_changed",
        ),
        (PeerRefusal::NotAccepted, Exit::Denied, "not_accepted"),
        (PeerRefusal::TooMany, Exit::Other, "too_many"),
        (PeerRefusal::Failed, Exit::Other, "peer_failed"),
    ] {
        for (message, told) in [("", "ada refuses"), ("no", "ada: no")] {
            let message = message.to_owned();
            let refused = of(CallError::Refused { code, message });
            assert_eq!(check(refused, exit, word).message, told);
        }
    }
    check(OtherVersion, Exit::Other, "agent_version");
}

#[test]
fn directory_errors() {
    let retired = DirectoryError::Retired(ada());
    check(retired, Exit::Denied, "retired");
    let unknown = DirectoryError::NotRegistered(ada());
    let told = check(unknown, Exit::NotFound, "not_registered").message;
    assert_eq!(
        told,
        "ada is not registered with this cluster; check the spelling, or have ada run `cameo init \
         ada`"
    );
    let changed = DirectoryError::from(PinError::KeyChanged(ada()));
    check(changed, Exit::IdentityChanged, "identity_changed");
    check(
        PinError::OlderCard(ada()),
        Exit::IdentityChanged,
        "went_back",
    );
    let what = "another user's card";
    let dishonest = DirectoryError::Dishonest { name: ada(), what };
    check(dishonest, Exit::Other, "protocol");
    let away = DirectoryError::from(ClusterError::NoQuorum);
    check(away, Exit::NoQuorum, "no_quorum");
}

#[test]
fn an_error_is_one_line_whatever_the_name_of_a_file_has() {
    let name = PathBuf::from("odd \u{1b}[31m na\nme.jpg");
    let told = Failure::from(crate::commands::add::Error::CutOff(name)).to_string();
    assert!(!told.chars().any(char::is_control), "{told}");
    assert!(
        told.starts_with("odd \\u001b[31m na\\u000ame.jpg is a JPEG"),
        "{told}"
    );
}

#[test]
fn what_is_recorded_or_charged_is_told_though_the_home_cannot_store_it() {
    use crate::commands::view;
    use crate::flows::{open::OpenError, rights::RightsError};
    let error = || VaultError::Busy(path());
    let busy = Failure::from(error());
    let number = 3;
    for (failure, says) in [
        (
            Failure::from(RightsError::Unstored(error())),
            "recorded in the ledger",
        ),
        (
            OpenError::Unstored {
                number,
                error: error(),
            }
            .into(),
            "view 3 was charged",
        ),
        (
            view::Error::NotFinished {
                number,
                error: error(),
            }
            .into(),
            "view 3 was charged and the photo was opened",
        ),
    ] {
        assert_eq!((failure.exit, failure.code), (busy.exit, busy.code));
        assert!(failure.message.contains(says), "{failure}");
        assert!(failure.message.contains(&busy.message), "{failure}");
    }
}
