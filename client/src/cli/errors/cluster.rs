//! Codes of errors of the cluster.

use cameo_common::api::ErrorCode;

use super::Coded;
use crate::cluster_api::ClusterError;

impl Coded for ClusterError {
    fn error_code(&self) -> &'static str {
        match self {
            ClusterError::Api(error) => code_word(error.code),
            ClusterError::Unreachable { .. } => "cluster_unreachable",
            ClusterError::NoQuorum => "no_quorum",
            ClusterError::OutcomeUnknown => "outcome_unknown",
            ClusterError::Unconfirmed(_) => "unconfirmed",
            ClusterError::WrongCluster { .. } => "wrong_cluster",
            ClusterError::OlderChain { .. } => "older_chain",
            ClusterError::Fork { .. } => "forked_chain",
            ClusterError::NotRemembered { .. } => "not_remembered",
            ClusterError::BadAddress(_) => "bad_address",
            ClusterError::Protocol { .. } => "protocol",
            ClusterError::Setup(_) => "setup",
        }
    }
}

/// The protocol's name of a code.
pub(super) fn code_word(code: ErrorCode) -> &'static str {
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
        ErrorCode::RolledBack => "rolled_back",
        ErrorCode::DeviceRevoked => "device_revoked",
        ErrorCode::RequestTooOld => "request_too_old",
        ErrorCode::TooManyDevices => "too_many_devices",
        ErrorCode::TooManyGrants => "too_many_grants",
        ErrorCode::RegistrationClosed => "registration_closed",
        ErrorCode::BadInvite => "bad_invite",
        ErrorCode::Retired => "retired",
        ErrorCode::TooManyCalls => "too_many_calls",
        ErrorCode::TooFewHolders => "too_few_holders",
        ErrorCode::ClosedByRestore => "closed_by_restore",
        ErrorCode::NotServed => "not_served",
    }
}
