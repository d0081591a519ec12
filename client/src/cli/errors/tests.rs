//! Exit code, word and details of every error, as programs rely on them.

#![allow(clippy::unwrap_used)]

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use cameo_codec::{CaptionError, CoverError, PngError, RevealError, TooSmall};
use cameo_common::api::{ApiError, ErrorCode};
use cameo_common::ids::{ClusterId, GrantId, ImageId, RequestId, UserName};
use cameo_common::peer::PeerRefusal;
use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;
use serde_json::json;

use super::cluster::code_word;
use super::*;
use crate::agent::AgentError;
use crate::cluster_api::ClusterError;
use crate::commands::look::LookError;
use crate::commands::request::ImageError;
use crate::commands::{
    FindError, add, approve, deny, hide, init, inspect, lock, request, reveal, rights, unlock, view,
};
use crate::control::OtherVersion;
use crate::directory::{DirectoryError, PinError};
use crate::flows::LedgerError;
use crate::flows::context::ContextError;
use crate::flows::gallery::GalleryError;
use crate::flows::open::OpenError;
use crate::flows::request::RequestError;
use crate::flows::rights::RightsError;
use crate::flows::share::{PlaceError, ShareError};
use crate::peer::{AskError, TalkError};
use crate::text::prefix::PrefixError;
use crate::vault::files::FileError;
use crate::vault::key_file::KeyFileError;
use crate::vault::passphrase::{Origin, UnlockError};
use crate::vault::{IoError, LocalError, VaultError, WorkLockError};
use crate::viewer::ViewerError;

/// What is printed of an error.
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
        "the disk is full (cannot write here: no storage space): nothing that was kept before is lost; free some space and run it again"
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
    check(ClusterError::Setup(String::new()), Exit::Other, "setup");
    let (url, why) = (String::new(), String::new());
    let bad = ClusterError::BadAddress { url, why };
    check(bad, Exit::Usage, "bad_address");
    let (url, why) = (String::new(), String::new());
    check(ClusterError::Protocol { url, why }, Exit::Other, "protocol");
    let wrong = ClusterError::WrongCluster {
        url: String::new(),
        found: ClusterId([1; 32]),
        pinned: ClusterId([2; 32]),
    };
    check(wrong, Exit::IdentityChanged, "wrong_cluster");
}

#[test]
fn a_node_s_no_has_its_exit_code_and_the_protocol_s_word() {
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
    let of = |error: TalkError| error.of("ada");
    let offline = check(of(TalkError::NoAddress), Exit::Queued, "peer_offline");
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
        "ada cannot be asked: the peer and this device do not understand each other: malformed"
    );
    let unread = TalkError::UnreadAddress("nowhere".into());
    check(of(unread), Exit::Other, "peer_address");
    check(of(TalkError::Strange), Exit::Other, "peer");
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
            let refused = of(TalkError::Refused { code, message });
            assert_eq!(check(refused, exit, word).message, told);
        }
    }
    check(OtherVersion, Exit::Other, "agent_version");
}

#[test]
fn directory_errors() {
    let unknown = DirectoryError::NotRegistered(ada());
    let told = check(unknown, Exit::NotFound, "not_registered").message;
    assert_eq!(
        told,
        "ada is not registered with this cluster; check the spelling, or have ada run `cameo init ada`"
    );
    let changed = DirectoryError::from(PinError::Changed(ada()));
    check(changed, Exit::IdentityChanged, "identity_changed");
    check(
        PinError::WentBack(ada()),
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
fn share_errors() {
    let (viewer, grant) = (ada(), GrantId([1; 32]));
    let exists = ShareError::GrantExists { viewer, grant };
    let title = || "t".to_owned();
    let missing = ShareError::Missing {
        what: "photo",
        title: title(),
    };
    let caption = ShareError::Caption {
        title: title(),
        why: String::new(),
    };
    let why = String::new();
    for (error, exit, word) in [
        (ShareError::NoSuchRequest, Exit::NotFound, "not_found"),
        (ShareError::NoSuchGrant, Exit::NotFound, "not_found"),
        (ShareError::NoSuchImage, Exit::NotFound, "not_found"),
        (missing, Exit::NotFound, "not_found"),
        (ShareError::NotAPhoto, Exit::Other, "not_a_photo"),
        (ShareError::NotApproved, Exit::Other, "not_approved"),
        (
            ShareError::FailedBefore { why },
            Exit::Other,
            "share_failed",
        ),
        (exists, Exit::Other, "grant_exists"),
        (
            ShareError::RequestKeyChanged(ada()),
            Exit::IdentityChanged,
            "identity_changed",
        ),
        (
            ShareError::GrantKeyChanged(ada()),
            Exit::IdentityChanged,
            "identity_changed",
        ),
        (ShareError::Damaged(title()), Exit::Other, "damaged"),
        (caption, Exit::Other, "caption"),
        (CoverError::TooLong(1).into(), Exit::Other, "cover"),
        (ShareError::SealingStopped(title()), Exit::Other, "sealing"),
        (
            ShareError::ViewerOffline(ada()),
            Exit::Queued,
            "peer_offline",
        ),
        (ShareError::BadReceipt(ada()), Exit::Other, "bad_receipt"),
        (ShareError::NoReceipt, Exit::Other, "no_receipt"),
        (
            PlaceError::NoWorker(title()).into(),
            Exit::Other,
            "no_worker",
        ),
        (PlaceError::Busy(title()).into(), Exit::Other, "busy"),
        (PlaceError::Codec(title()).into(), Exit::Other, "codec"),
        (StatementError::Malformed.into(), Exit::Other, "statement"),
        (SealingError::Damaged.into(), Exit::Other, "sealing"),
    ] {
        check(error, exit, word);
    }
}

#[test]
fn open_errors() {
    let (owner, image) = (ada(), ImageId([1; 16]));
    let missing = OpenError::CarrierMissing {
        owner: owner.clone(),
        image,
    };
    let bad = OpenError::BadCarrier {
        error: RevealError::Damaged,
        owner,
        image,
    };
    let number = 1;
    let why = String::new();
    for (error, exit, word) in [
        (missing, Exit::NotFound, "not_found"),
        (bad, Exit::Other, "bad_carrier"),
        (OpenError::ForSomebodyElse, Exit::Denied, "denied"),
        (OpenError::Codec(String::new()), Exit::Other, "codec"),
        (
            OpenError::NotReleased { number, why },
            Exit::Other,
            "not_debited",
        ),
        (OpenError::Lapsed { number }, Exit::Other, "view_lapsed"),
        (OpenError::ForeignDeal, Exit::Other, "bad_deal"),
        (api(ErrorCode::UsedUp).into(), Exit::UsedUp, "used_up"),
    ] {
        check(error, exit, word);
    }
}

#[test]
fn errors_of_a_home_and_of_rights() {
    check(ContextError::NoUser(path()), Exit::NotFound, "no_home");
    check(AgentError::Stopped, Exit::Other, "stopped");
    let refused = AgentError::Refused(api(ErrorCode::Forbidden));
    check(refused, Exit::Denied, "forbidden");
    let unsigned = LedgerError::from(StatementError::Malformed);
    check(unsigned, Exit::Other, "statement");
    check(RightsError::NotYours, Exit::NotFound, "not_found");
    check(RightsError::Gone, Exit::NotFound, "not_found");
    check(RightsError::ForeignRights, Exit::Other, "protocol");
    check(RightsError::OtherDevice, Exit::Other, "stale_version");
    check(rights::Error::NothingToChange, Exit::Usage, "usage");
}

#[test]
fn request_errors() {
    let (owner, grant, request) = (ada(), GrantId([1; 32]), RequestId([2; 16]));
    let offline = RequestError::OwnerOffline {
        owner: owner.clone(),
        request,
    };
    let offline = check(ImageError::from(offline), Exit::Queued, "peer_offline");
    assert_eq!(offline.details, detail("request", request.to_string()));
    let lost = RequestError::RequestLost {
        owner: owner.clone(),
        grant,
    };
    check(lost, Exit::Other, "request_lost");
    let elsewhere = RequestError::HeldElsewhere {
        owner: owner.clone(),
        grant,
    };
    check(elsewhere, Exit::Other, "held_elsewhere");
    let failed = ImageError::ShareFailed {
        owner: owner.clone(),
        request,
    };
    let failed = check(failed, Exit::Other, "share_failed");
    assert_eq!(failed.details, detail("request", request.to_string()));
    for (reason, told) in [("", "ada says no"), ("later", "ada says no: later")] {
        let (owner, reason) = (owner.clone(), reason.to_owned());
        let denied = check(ImageError::Denied { owner, reason }, Exit::Denied, "denied");
        assert_eq!(denied.message, told);
    }
    check(ImageError::Gone, Exit::Other, "vault");
    check(request::Error::OwnImages, Exit::Usage, "usage");
    check(request::Error::TooManyImages, Exit::Usage, "usage");
    check(request::Error::NoteTooLong, Exit::Usage, "usage");
    check(request::Error::NotAnnounced, Exit::NoQuorum, "no_quorum");
}

#[test]
fn a_name_that_the_gallery_did_not_resolve_can_be_asked_for_later_only_by_its_id() {
    for (error, exit, word) in [
        (TalkError::NoAddress, Exit::Other, "gallery_unseen"),
        (TalkError::Strange, Exit::Other, "peer"),
        (AskError::Rejected.into(), Exit::Denied, "denied"),
    ] {
        let error = Arc::new(GalleryError::from(error.of("ada")));
        let text = "1a".to_owned();
        check(ImageError::Unresolved { text, error }, exit, word);
    }
}

#[test]
fn approve_and_deny_errors() {
    let away = || Box::new(approve::Error::from(ShareError::ViewerOffline(ada())));
    let grant = GrantId([1; 32]);
    check(approve::Error::DeniedBefore, Exit::Usage, "usage");
    check(approve::Error::ApprovedBefore(grant), Exit::Usage, "usage");
    check(approve::Error::NoSuchImage, Exit::NotFound, "not_found");
    check(approve::Error::Sending(ada()), Exit::Other, "busy");
    let refused = approve::Error::NotTaken {
        grant,
        source: away(),
    };
    let refused = check(refused, Exit::Queued, "peer_offline");
    assert_eq!(refused.details, detail("grant", grant.to_string()));
    let stays = approve::Error::StaysApproved(away());
    let told = check(stays, Exit::Queued, "peer_offline").message;
    assert!(told.contains("agent runs. The request stays approved"));
    check(deny::Error::ReasonTooLong, Exit::Usage, "usage");
    check(deny::Error::DeniedBefore, Exit::Usage, "usage");
    check(deny::Error::ApprovedBefore, Exit::Usage, "usage");
}

#[test]
fn errors_of_looks_and_files() {
    let cover = PathBuf::from("c.png");
    let small = |enough| TooSmall {
        width: 4,
        height: 3,
        capacity: 2,
        payload: 9,
        enough,
    };
    for (enough, told) in [(Some((8, 6)), json!([8, 6])), (None, Value::Null)] {
        let error = LookError::TooSmall {
            cover: cover.clone(),
            error: small(enough),
            denser: false,
        };
        let failure = check(hide::Error::from(error), Exit::Usage, "cover_too_small");
        let details = json!({ "capacity": 2, "payload": 9, "enough": told });
        assert_eq!(Value::Object(failure.details), details);
    }
    let no_cover = add::Error::from(LookError::no_cover(&cover, "no"));
    check(no_cover, Exit::Usage, "no_cover");
    check(LookError::DepthWithoutVeil, Exit::Usage, "usage");
    check(LookError::CaptionWithCover, Exit::Usage, "usage");
    check(
        LookError::Caption(CaptionError::Length),
        Exit::Usage,
        "usage",
    );
    check(add::Error::TitleLines, Exit::Usage, "usage");
    check(add::Error::TitleUnseen('\u{ad}'), Exit::Usage, "usage");
    check(add::Error::Empty(path()), Exit::Usage, "usage");
    check(
        add::Error::Caption(CaptionError::Length),
        Exit::Other,
        "caption",
    );
    check(add::Error::Codec(String::new()), Exit::Other, "codec");
    check(hide::Error::SameFile, Exit::Usage, "usage");
    check(hide::Error::KeyMadeMeanwhile(path()), Exit::Usage, "usage");
    check(reveal::Error::Damaged(path()), Exit::Other, "damaged");
    let (carrier, key) = (path(), path());
    let nothing = reveal::Error::NothingHidden { carrier, key };
    check(nothing, Exit::NotFound, "not_found");
    let (carrier, why) = (path(), String::new());
    check(
        reveal::Error::NotAPng { carrier, why },
        Exit::Other,
        "not_a_png",
    );
    let (carrier, why) = (path(), String::new());
    let unknown = reveal::Error::UnknownVersion { carrier, why };
    check(unknown, Exit::Other, "unknown_version");
    let unreadable = inspect::Error::Unreadable {
        file: path(),
        error: PngError::NotPng,
    };
    check(unreadable, Exit::Other, "not_a_png");
}

#[test]
fn errors_of_init_and_of_the_keyring() {
    let (home, name) = (path(), ada());
    let person = init::Error::OtherPerson { home, name };
    let told = check(person, Exit::Usage, "usage").message;
    assert_eq!(
        told,
        "here is the home of ada; choose another folder with CAMEO_HOME or --home"
    );
    let cluster = init::Error::OtherCluster {
        home: path(),
        known: ClusterId([1; 32]),
        given: ClusterId([2; 32]),
    };
    check(cluster, Exit::IdentityChanged, "wrong_cluster");
    check(init::Error::NameTaken(ada()), Exit::Denied, "name_taken");
    check(init::Error::NotKept, Exit::Other, "vault");
    let keyring = || UnlockError::Keyring("no".into());
    check(lock::Error::NoKeyring(keyring()), Exit::Other, "no_keyring");
    check(
        unlock::Error::NoKeyring(keyring()),
        Exit::Other,
        "no_keyring",
    );
}

#[test]
fn view_errors() {
    let more = || "ask".to_owned();
    let (file, why) = (String::new(), String::new());
    for (error, exit, word) in [
        (view::Error::Target(FileError::Dash), Exit::Usage, "usage"),
        (view::Error::OwnCarrier(ada()), Exit::Denied, "denied"),
        (view::Error::NotAPng { file, why }, Exit::Other, "not_a_png"),
        (
            view::Error::NothingInIt(more()),
            Exit::NotFound,
            "not_found",
        ),
        (view::Error::ForeignRights, Exit::Other, "protocol"),
        (view::Error::NoSaving(ada()), Exit::Denied, "denied"),
        (view::Error::Revoked(ada()), Exit::Denied, "revoked"),
        (
            view::Error::Expired { more: more() },
            Exit::Denied,
            "expired",
        ),
        (
            view::Error::NoDisplay { may_save: true },
            Exit::Usage,
            "no_display",
        ),
        (view::Error::NotNow, Exit::Other, "not_now"),
        (view::Error::NotSaved(more()), Exit::Other, "not_saved"),
        (view::Error::Codec(more()), Exit::Other, "codec"),
    ] {
        check(error, exit, word);
    }
}

#[test]
fn without_views_programs_get_the_cover_and_the_count() {
    let grant = GrantId([1; 32]);
    let error = view::Error::CoverOnly {
        source: Box::new(view::Error::UsedUp {
            permitted: 3,
            used: 3,
            more: "`cameo request ada 01` asks for more".into(),
        }),
        grant,
        cover: path(),
        uncopied: Some("there is no folder".into()),
    };
    let failure = check(error, Exit::UsedUp, "used_up");
    assert_eq!(
        failure.message,
        "all 3 permitted views are used; only the cover shows; `cameo request ada 01` asks for more; and the cover cannot be copied: there is no folder"
    );
    let details = json!({ "used": 3, "left": 0, "grant": grant.to_string(), "cover": "here" });
    assert_eq!(Value::Object(failure.details), details);
}
