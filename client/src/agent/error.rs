//! Errors of the agent.

use cameo_common::api::ErrorCode;
use cameo_common::ids::UserName;

use crate::cluster_api::ClusterError;
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::context::BindError;
use crate::vault::{IoError, VaultError};

/// An agent that did not start, or has stopped.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent runs on this home, or it cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error(transparent)]
    Io(#[from] IoError),
    /// The cluster refuses this device.
    #[error(transparent)]
    Refused(#[from] ClusterError),
    /// For good.
    #[error(
        "the operator has retired {0}: the agent ends, and nothing is served or received any more; \
         `cameo revoke` and `cameo rights` still lower what {0} has granted"
    )]
    Retired(UserName),
    /// For good.
    #[error(
        "this device was revoked by its user: the agent ends; `cameo device new` makes this home \
         another device"
    )]
    DeviceRevoked,
    #[error("the agent has stopped")]
    Stopped,
}

impl AgentError {
    /// The error of a refusal of this device or of its user.
    #[must_use]
    pub fn of_refusal(user: &UserName, error: ClusterError) -> Self {
        match error.code() {
            Some(ErrorCode::Retired) => Self::Retired(user.clone()),
            Some(ErrorCode::DeviceRevoked) => Self::DeviceRevoked,
            _ => Self::Refused(error),
        }
    }
}

impl Classified for AgentError {
    fn kind(&self) -> ErrorKind {
        match self {
            AgentError::Vault(error) => error.kind(),
            AgentError::Bind(error) => error.kind(),
            AgentError::Io(error) => error.kind(),
            AgentError::Refused(error) => error.kind(),
            AgentError::Retired(_) => ErrorKind::Retired,
            AgentError::DeviceRevoked => ErrorKind::Forbidden,
            AgentError::Stopped => ErrorKind::Other,
        }
    }
}
