//! Errors of commands, with their details.

use std::path::PathBuf;
use std::sync::Arc;

use cameo_codec::{CaptionError, PngError, TooSmall};
use cameo_common::ids::{ClusterId, GrantId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::registration::CodeError;
use serde_json::{Value, json};

use super::{Exit, ada, check, path};
use crate::cli::errors::detail;
use crate::commands::look::LookError;
use crate::commands::request::ImageError;
use crate::commands::{
    add, approve, deny, device, hide, init, inspect, lock, log, request, reveal, unlock, view,
};
use crate::flows::devices::{DeviceError, NotStored};
use crate::flows::gallery::GalleryError;
use crate::flows::request::RequestError;
use crate::flows::share::ShareError;
use crate::peer::{AskError, CallError};
use crate::vault::VaultError;
use crate::vault::files::FileError;
use crate::vault::passphrase::UnlockError;

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
    for (reason, told) in [
        ("", "ada denied the request"),
        ("later", "ada denied the request: later"),
    ] {
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
fn device_errors() {
    let device = PublicKey([1; 32]);
    let unstored = |why| DeviceError::Unstored { device, why };
    for (error, exit, word) in [
        (DeviceError::ThisDevice, Exit::Usage, "usage"),
        (DeviceError::NoSuchDevice, Exit::NotFound, "not_found"),
        (DeviceError::ViewPending, Exit::Other, "view_pending"),
        (unstored(NotStored::Removed), Exit::Other, "vault"),
        (
            unstored(VaultError::Busy("home".into()).into()),
            Exit::Other,
            "vault",
        ),
    ] {
        check(device::Error::from(error), exit, word);
    }
}

#[test]
fn a_log_that_is_no_longer_kept_says_so() {
    let gone = check(log::Error::NotKept(ada()), Exit::NotFound, "not_kept");
    assert!(
        gone.message.contains("more than 180 days ago"),
        "{}",
        gone.message
    );
}

#[test]
fn an_unresolved_image_is_not_queued() {
    for (error, exit, word) in [
        (CallError::NoAddress, Exit::Other, "gallery_unseen"),
        (CallError::WrongAnswer, Exit::Other, "peer"),
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
    let approved = deny::Error::ApprovedBefore(GrantId([1; 32]));
    check(approved, Exit::Usage, "usage");
    check(deny::Error::Sharing, Exit::Other, "busy");
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
    for (error, exit) in [
        (PngError::NotPng, Exit::NotFound),
        (PngError::Unsupported("gray"), Exit::NotFound),
        (PngError::Damaged("cut"), Exit::Other),
    ] {
        let carrier = path();
        check(reveal::Error::NotAPng { carrier, error }, exit, "not_a_png");
    }
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
    let restored = init::Error::NotFollowed {
        known: ClusterId([1; 32]),
        given: ClusterId([2; 32]),
    };
    check(restored, Exit::IdentityChanged, "not_followed");
    let typed = init::Error::WrongFingerprint {
        url: "https://n".into(),
        found: ClusterId([1; 32]),
        given: ClusterId([2; 32]),
    };
    let told = check(typed, Exit::IdentityChanged, "wrong_cluster").message;
    assert!(
        told.contains("that was given") && !told.contains("pinned"),
        "{told}"
    );
    check(init::Error::NameTaken(ada()), Exit::Denied, "name_taken");
    let invite = init::InviteError::from(CodeError::Checksum);
    check(init::Error::from(invite), Exit::Usage, "bad_invite");
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
    let not_a_png = |error| view::Error::NotAPng {
        file: String::new(),
        error,
    };
    for (error, exit, word) in [
        (not_a_png(PngError::NotPng), Exit::NotFound, "not_a_png"),
        (
            not_a_png(PngError::Damaged("cut")),
            Exit::Other,
            "not_a_png",
        ),
        (view::Error::Target(FileError::Dash), Exit::Usage, "usage"),
        (view::Error::OwnCarrier(ada()), Exit::Denied, "denied"),
        (
            view::Error::NothingInIt(more()),
            Exit::NotFound,
            "not_found",
        ),
        (view::Error::ForeignRights, Exit::Other, "protocol"),
        (view::Error::NoSaving(ada()), Exit::Denied, "denied"),
        (
            view::Error::ShownNowhere {
                kind: "image/heic".into(),
                owner: ada(),
                may_save: false,
            },
            Exit::Denied,
            "shown_nowhere",
        ),
        (view::Error::Revoked(ada()), Exit::Denied, "revoked"),
        (
            view::Error::Closed(ada()),
            Exit::Denied,
            "closed_by_restore",
        ),
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
        (view::Error::Declined, Exit::Other, "not_now"),
        (view::Error::NotSaved(more()), Exit::Other, "not_saved"),
        (view::Error::Codec(more()), Exit::Other, "codec"),
    ] {
        check(error, exit, word);
    }
}

#[test]
fn without_views_the_document_has_the_cover_and_the_count() {
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
        "all 3 permitted views are used; only the cover shows; `cameo request ada 01` asks for \
         more; and the cover cannot be copied: there is no folder"
    );
    let details = json!({ "used": 3, "left": 0, "grant": grant.to_string(), "cover": "here" });
    assert_eq!(Value::Object(failure.details), details);
}
