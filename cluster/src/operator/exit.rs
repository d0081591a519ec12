//! Exit codes of the operator's verbs. Where `cameo` has a code for the same, it is that one.

use cameo_common::api::ErrorCode;

use super::client::OrderError;
use super::cluster_status::StatusError;
use super::member_error::MemberError;
use super::outcome::VerbError;

/// How a verb ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Other = 1,
    Usage = 2,
    NotFound = 3,
    Refused = 4,
    NoMajority = 7,
    OtherCluster = 8,
}

/// What each code means, as in `cameod --help` and docs/OPERATING.md.
pub const EXITS: [(Exit, &str); 7] = [
    (Exit::Done, "done"),
    (Exit::Other, "another failure, which the sentence names"),
    (Exit::Usage, "a flag or a file cannot be used"),
    (Exit::NotFound, "there is no such user or worker"),
    (
        Exit::Refused,
        "the cluster refused, or the key is not its operator's",
    ),
    (Exit::NoMajority, "no node answers, or no majority in time"),
    (
        Exit::OtherCluster,
        "the nodes are of another cluster than the fingerprint, or show two chains of descriptors",
    ),
];

/// The table for `--help`.
#[must_use]
pub fn help() -> String {
    let rows = EXITS.map(|(exit, meaning)| format!("  {}  {meaning}\n", exit as u8));
    format!("Exit codes of the commands:\n{}", rows.concat())
}

impl From<&VerbError> for Exit {
    fn from(error: &VerbError) -> Self {
        match error {
            VerbError::Key(_) | VerbError::File(_) => Exit::Usage,
            VerbError::Code(_) | VerbError::Random(_) => Exit::Other,
            VerbError::Voter(_) => Exit::Refused,
            VerbError::Member(error) => error.into(),
            VerbError::Begun { error, .. } => (&**error).into(),
            VerbError::Order(error) | VerbError::InviteKept { error, .. } => error.into(),
        }
    }
}

impl From<&MemberError> for Exit {
    fn from(error: &MemberError) -> Self {
        match error {
            MemberError::Forked(_) => Exit::OtherCluster,
            MemberError::NotMember(..) | MemberError::Unknown(_) => Exit::NotFound,
            MemberError::NoAnswer { .. }
            | MemberError::NoQuorum { .. }
            | MemberError::NotSigned { .. }
            | MemberError::OthersChange
            | MemberError::NotAdded { .. }
            | MemberError::NotFollowed { .. } => Exit::NoMajority,
            MemberError::IsVoter(_)
            | MemberError::IdUsed(_)
            | MemberError::NotVoter(_)
            | MemberError::Behind { .. }
            | MemberError::Last(_)
            | MemberError::TooMany(_)
            | MemberError::NoMoreChanges
            | MemberError::RefusedToSign { .. }
            | MemberError::TooFewHolders(_) => Exit::Refused,
        }
    }
}

impl From<&StatusError> for Exit {
    fn from(error: &StatusError) -> Self {
        match error {
            StatusError::NoNode(_) => Exit::NoMajority,
            StatusError::OtherCluster { .. } | StatusError::Forked(_) => Exit::OtherCluster,
            StatusError::Random(_) => Exit::Other,
        }
    }
}

impl From<&OrderError> for Exit {
    fn from(error: &OrderError) -> Self {
        match error {
            OrderError::NoNode(_)
            | OrderError::NoMajority(_)
            | OrderError::Unknown(_)
            | OrderError::NotInForce { .. }
            | OrderError::Unconfirmed(_) => Exit::NoMajority,
            OrderError::OtherCluster { .. } => Exit::OtherCluster,
            OrderError::OtherOperator { .. } => Exit::Refused,
            OrderError::Refused(refusal) => match refusal.code {
                ErrorCode::NotRegistered | ErrorCode::NotFound => Exit::NotFound,
                ErrorCode::BadRequest
                | ErrorCode::TooLarge
                | ErrorCode::NoSuchPath
                | ErrorCode::CallExpired => Exit::Other,
                _ => Exit::Refused,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::api::ApiError;
    use cameo_common::ids::{ClusterId, NodeId};
    use cameo_common::keys::PublicKey;

    use super::*;

    #[test]
    fn each_failure_has_its_code() {
        let refused = |code| OrderError::Refused(ApiError::new(code, "no"));
        let key = PublicKey([1; 32]);
        for (error, exit) in [
            (OrderError::NoNode("u".into()), Exit::NoMajority),
            (OrderError::NoMajority("u".into()), Exit::NoMajority),
            (OrderError::Unknown("u".into()), Exit::NoMajority),
            (OrderError::Unconfirmed(NodeId(4)), Exit::NoMajority),
            (
                OrderError::OtherCluster {
                    url: "u".into(),
                    cluster: ClusterId([1; 32]),
                },
                Exit::OtherCluster,
            ),
            (
                OrderError::OtherOperator {
                    expected: key,
                    given: key,
                },
                Exit::Refused,
            ),
            (refused(ErrorCode::NotRegistered), Exit::NotFound),
            (refused(ErrorCode::NotFound), Exit::NotFound),
            (refused(ErrorCode::NameTaken), Exit::Refused),
            (refused(ErrorCode::RegistrationClosed), Exit::Refused),
            (refused(ErrorCode::Forbidden), Exit::Refused),
            (refused(ErrorCode::CallExpired), Exit::Other),
        ] {
            assert_eq!(Exit::from(&VerbError::from(error.clone())), exit, "{error}");
        }
        assert_eq!(Exit::from(&VerbError::Voter(NodeId(1))), Exit::Refused);
        assert_eq!(Exit::from(&VerbError::Random("no".into())), Exit::Other);
        let silent = StatusError::NoNode("u".into());
        assert_eq!(Exit::from(&silent), Exit::NoMajority);
    }

    #[test]
    fn the_manual_has_the_same_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/OPERATING.md");
        let manual = std::fs::read_to_string(path).unwrap();
        for (exit, meaning) in EXITS {
            let row = format!("| {} | {meaning} |", exit as u8);
            assert!(manual.contains(&row), "docs/OPERATING.md lacks: {row}");
            assert!(help().contains(meaning));
        }
    }
}
