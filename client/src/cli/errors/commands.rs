//! Codes of errors of commands.

use serde_json::{Map, Value, json};

use super::{Coded, detail};
use crate::commands::request::ImageError;
use crate::commands::{
    FindError, PeersError, agent, approve, deny, device, gallery, init, lock, log, reopen, request,
    rights, unlock, view, who,
};
use crate::flows::devices::{DeviceError, NotStored};

impl Coded for FindError {
    fn error_code(&self) -> &'static str {
        match self {
            FindError::Gone(_) => "not_found",
            FindError::Prefix(error) => error.error_code(),
            FindError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for PeersError {
    fn error_code(&self) -> &'static str {
        match self {
            PeersError::OtherVersion(error) => error.error_code(),
            PeersError::Bind(error) => error.error_code(),
        }
    }
}

impl Coded for agent::Error {
    fn error_code(&self) -> &'static str {
        match self {
            agent::Error::Agent(error) => error.error_code(),
            agent::Error::Io(error) => error.error_code(),
        }
    }
}

impl Coded for approve::Error {
    fn error_code(&self) -> &'static str {
        match self {
            approve::Error::DeniedBefore | approve::Error::ApprovedBefore(_) => "usage",
            approve::Error::Retired { .. } | approve::Error::RetiredSince { .. } => "retired",
            approve::Error::NoSuchImage => "not_found",
            approve::Error::Sending(_) => "busy",
            approve::Error::NotTaken { source, .. } | approve::Error::StaysApproved(source) => {
                source.error_code()
            }
            approve::Error::Find(error) => error.error_code(),
            approve::Error::Share(error) => error.error_code(),
            approve::Error::Rights(error) => error.error_code(),
            approve::Error::Peers(error) => error.error_code(),
            approve::Error::WorkLock(error) => error.error_code(),
            approve::Error::Statement(error) => error.error_code(),
            approve::Error::Vault(error) => error.error_code(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            approve::Error::NotTaken { grant, .. } => detail("grant", grant.to_string()),
            approve::Error::StaysApproved(source) => source.details(),
            _ => Map::new(),
        }
    }
}

impl Coded for reopen::Error {
    fn error_code(&self) -> &'static str {
        match self {
            reopen::Error::Some { first, .. } => first.error_code(),
            reopen::Error::Reopen(error) => error.error_code(),
            reopen::Error::Find(error) => error.error_code(),
            reopen::Error::Cluster(error) => error.error_code(),
            reopen::Error::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for deny::Error {
    fn error_code(&self) -> &'static str {
        match self {
            deny::Error::ReasonTooLong
            | deny::Error::DeniedBefore
            | deny::Error::ApprovedBefore(_) => "usage",
            deny::Error::Sharing => "busy",
            deny::Error::Find(error) => error.error_code(),
            deny::Error::Local(error) => error.error_code(),
        }
    }
}

impl Coded for gallery::Error {
    fn error_code(&self) -> &'static str {
        match self {
            gallery::Error::Directory(error) => error.error_code(),
            gallery::Error::Peers(error) => error.error_code(),
            gallery::Error::Gallery(error) => error.error_code(),
            gallery::Error::Io(error) => error.error_code(),
            gallery::Error::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for init::Error {
    fn error_code(&self) -> &'static str {
        match self {
            init::Error::OtherPerson { .. } => "usage",
            init::Error::OtherCluster { .. } | init::Error::WrongFingerprint { .. } => {
                "wrong_cluster"
            }
            init::Error::NameTaken(_) => "name_taken",
            init::Error::NoNode { .. } => "cluster_unreachable",
            init::Error::Invite(_) => "bad_invite",
            init::Error::NotKept => "vault",
            init::Error::NotServing(_) => "unavailable",
            init::Error::NotFollowed { .. } => "not_followed",
            init::Error::Question(error) => error.error_code(),
            init::Error::Cluster(error) => error.error_code(),
            init::Error::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for lock::Error {
    fn error_code(&self) -> &'static str {
        match self {
            lock::Error::NoKeyring(_) => "no_keyring",
            lock::Error::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for unlock::Error {
    fn error_code(&self) -> &'static str {
        match self {
            unlock::Error::NoKeyring(_) => "no_keyring",
            unlock::Error::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for log::Error {
    fn error_code(&self) -> &'static str {
        match self {
            log::Error::NotKept(_) => "not_kept",
            log::Error::NotRestored(_) => "not_restored",
            log::Error::Vault(error) => error.error_code(),
            log::Error::Find(error) => error.error_code(),
            log::Error::Cluster(error) => error.error_code(),
        }
    }
}

impl Coded for who::Error {
    fn error_code(&self) -> &'static str {
        match self {
            who::Error::Cluster(error) => error.error_code(),
            who::Error::Directory(error) => error.error_code(),
        }
    }
}

impl Coded for device::Error {
    fn error_code(&self) -> &'static str {
        match self {
            device::Error::Device(error) => error.error_code(),
            device::Error::Prefix(error) => error.error_code(),
        }
    }
}

impl Coded for DeviceError {
    fn error_code(&self) -> &'static str {
        match self {
            DeviceError::ThisDevice | DeviceError::TwoDevices => "usage",
            DeviceError::Statement(error) => error.error_code(),
            DeviceError::NoSuchDevice => "not_found",
            DeviceError::ViewPending => "view_pending",
            DeviceError::TooFewShow(_) => "unconfirmed",
            DeviceError::Cluster(error) => error.error_code(),
            DeviceError::Unstored { why, .. } => why.error_code(),
            DeviceError::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for NotStored {
    fn error_code(&self) -> &'static str {
        match self {
            NotStored::Removed => "vault",
            NotStored::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for rights::Error {
    fn error_code(&self) -> &'static str {
        match self {
            rights::Error::NothingToChange => "usage",
            rights::Error::Declined => "not_now",
            rights::Error::Io(error) => error.error_code(),
            rights::Error::Find(error) => error.error_code(),
            rights::Error::Rights(error) => error.error_code(),
        }
    }
}

impl Coded for request::Error {
    fn error_code(&self) -> &'static str {
        match self {
            request::Error::OwnImages
            | request::Error::TooManyImages
            | request::Error::NoteTooLong => "usage",
            request::Error::NotAnnounced => "no_quorum",
            request::Error::Agent(error) => error.error_code(),
            request::Error::Directory(error) => error.error_code(),
            request::Error::Peers(error) => error.error_code(),
            request::Error::Vault(error) => error.error_code(),
        }
    }
}

impl Coded for ImageError {
    fn error_code(&self) -> &'static str {
        match self {
            ImageError::Unresolved { error, .. } => match error.error_code() {
                "peer_offline" => "gallery_unseen",
                code => code,
            },
            ImageError::Denied { .. } => "denied",
            ImageError::ShareFailed { .. } => "share_failed",
            ImageError::Gone => "vault",
            ImageError::Prefix(error) => error.error_code(),
            ImageError::Request(error) => error.error_code(),
            ImageError::Peer(error) => error.error_code(),
            ImageError::Ledger(error) => error.error_code(),
            ImageError::Local(error) => error.error_code(),
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            ImageError::ShareFailed { request, .. } => detail("request", request.to_string()),
            ImageError::Request(error) => error.details(),
            _ => Map::new(),
        }
    }
}

impl Coded for view::Error {
    fn error_code(&self) -> &'static str {
        match self {
            view::Error::Target(_) => "usage",
            view::Error::OwnCarrier(_) | view::Error::NoSaving(_) => "denied",
            view::Error::ShownNowhere { .. } => "shown_nowhere",
            view::Error::NotAPng { .. } => "not_a_png",
            view::Error::NothingInIt(_) => "not_found",
            view::Error::ForeignRights => "protocol",
            view::Error::Unconfirmed(_) => "unconfirmed",
            view::Error::Revoked(_) => "revoked",
            view::Error::Closed(_) => "closed_by_restore",
            view::Error::Expired { .. } => "expired",
            view::Error::UsedUp { .. } => "used_up",
            view::Error::NoDisplay { .. } => "no_display",
            view::Error::Declined => "not_now",
            view::Error::NotSaved(_) => "not_saved",
            view::Error::Codec(_) => "codec",
            view::Error::CoverOnly { source, .. } => source.error_code(),
            view::Error::Find(error) => error.error_code(),
            view::Error::Open(error) => error.error_code(),
            view::Error::Viewer(error) => error.error_code(),
            view::Error::WorkLock(error) => error.error_code(),
            view::Error::Cluster(error) => error.error_code(),
            view::Error::Statement(error) => error.error_code(),
            view::Error::File(error) => error.error_code(),
            view::Error::Io(error) => error.error_code(),
            view::Error::NotFinished { error, .. } | view::Error::Vault(error) => {
                error.error_code()
            }
        }
    }

    fn details(&self) -> Map<String, Value> {
        match self {
            view::Error::UsedUp { used, .. } => Map::from_iter([
                ("used".to_owned(), json!(used)),
                ("left".to_owned(), json!(0)),
            ]),
            view::Error::CoverOnly {
                source,
                grant,
                cover,
                ..
            } => {
                let mut details = source.details();
                details.insert("grant".to_owned(), json!(grant.to_string()));
                details.insert("cover".to_owned(), json!(cover.display().to_string()));
                details
            }
            _ => Map::new(),
        }
    }
}
