//! The verbs that need the operator's key, from checked flags to a sentence for the operator.

use std::path::PathBuf;

use cameo_common::api::OperatorCommand;
use cameo_common::ids::{RequestId, UserName};
use cameo_common::registration::{CodeError, RegistrationMode};

use super::address::ClusterAddress;
use super::client::{OperatorClient, OrderError};
use super::invite::{self, InviteOrder};
use super::key_file::{self, KeyFileError};
use crate::host::private_file::PrivateFileError;
use crate::host::rng::system_bytes;

/// A verb of the operator, with its flags checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// File of the operator's key.
    pub key: PathBuf,
    pub cluster: ClusterAddress,
    pub operation: Operation,
}

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    SetRegistration(RegistrationMode),
    Invite(InviteOrder),
    Retire(UserName),
}

/// Why a verb did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error("the file of the invite: {0}")]
    File(#[from] PrivateFileError),
    #[error("the system has no random numbers: {0}")]
    Random(String),
}

impl VerbError {
    /// Whether a later attempt may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Order(OrderError::NoNode(_) | OrderError::Unknown(_))
        )
    }
}

/// The result of a verb.
#[derive(Debug)]
pub struct Report {
    /// For the operator, on stderr.
    pub note: String,
    /// For the one who asked for it, on stdout: an invite's code.
    pub output: Option<zeroize::Zeroizing<String>>,
}

/// Carries out a verb.
///
/// # Errors
/// See [`VerbError`].
pub async fn run(order: Order) -> Result<Report, VerbError> {
    let key = key_file::read(&order.key)?;
    let client = OperatorClient::connect(key, order.cluster).await?;
    match order.operation {
        Operation::SetRegistration(mode) => {
            let command = OperatorCommand::SetRegistration { mode };
            client.order(&command, request_id()?).await?;
            Ok(note(format!("registration is {mode} from now on")))
        }
        Operation::Invite(order) => invite::create(&client, order).await,
        Operation::Retire(user) => {
            let command = OperatorCommand::Retire { user: user.clone() };
            client.order(&command, request_id()?).await?;
            Ok(note(format!("{user} is retired; the name stays taken")))
        }
    }
}

fn note(note: String) -> Report {
    Report { note, output: None }
}

/// A fresh request id.
pub(super) fn request_id() -> Result<RequestId, VerbError> {
    random().map(RequestId)
}

/// Fresh random bytes, at most 32.
pub(super) fn random<const N: usize>() -> Result<[u8; N], VerbError> {
    let bytes = zeroize::Zeroizing::new(system_bytes().map_err(VerbError::Random)?);
    let mut random = [0; N];
    random.copy_from_slice(&bytes[..N]);
    Ok(random)
}
