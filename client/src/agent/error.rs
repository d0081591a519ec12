//! Errors of the agent.

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
    #[error("the agent has stopped")]
    Stopped,
}

impl Classified for AgentError {
    fn kind(&self) -> ErrorKind {
        match self {
            AgentError::Vault(error) => error.kind(),
            AgentError::Bind(error) => error.kind(),
            AgentError::Io(error) => error.kind(),
            AgentError::Refused(error) => error.kind(),
            AgentError::Stopped => ErrorKind::Other,
        }
    }
}
