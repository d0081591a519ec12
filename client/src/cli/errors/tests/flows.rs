//! Errors of flows and of the agent.

use cameo_codec::{CoverError, RevealError};
use cameo_common::api::ErrorCode;
use cameo_common::ids::{GrantId, ImageId};
use cameo_common::sealing::SealingError;
use cameo_common::signed::StatementError;

use super::{Exit, ada, api, check, path};
use crate::agent::AgentError;
use crate::commands::rights;
use crate::flows::LedgerError;
use crate::flows::context::ContextError;
use crate::flows::open::OpenError;
use crate::flows::rights::RightsError;
use crate::flows::share::{PlaceError, ShareError};

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
    let owner = || "ada".parse().unwrap();
    let (left, needed) = (1, 2);
    let too_few = OpenError::TooFewHolders {
        number,
        owner: owner(),
        left,
        needed,
    };
    let not_dealt = OpenError::NotDealtAgain {
        owner: owner(),
        left,
        needed,
    };
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
        (too_few, Exit::NoQuorum, "too_few_holders"),
        (not_dealt, Exit::NoQuorum, "too_few_holders"),
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
    check(RightsError::NotKept, Exit::NotFound, "not_kept");
    check(RightsError::ForeignRights, Exit::Other, "protocol");
    check(RightsError::OtherDevice, Exit::Other, "stale_version");
    check(rights::Error::NothingToChange, Exit::Usage, "usage");
}
