//! Outcomes of the operator's verbs: a report, or an error; and their random numbers.

use std::path::PathBuf;

use cameo_common::ids::{NodeId, RequestId};
use cameo_common::registration::CodeError;

use super::client::OrderError;
use super::key_file::KeyFileError;
use super::member_error::MemberError;
use crate::host::private_file::PrivateFileError;
use crate::host::rng::system_bytes;

/// Why a verb did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error(transparent)]
    Order(#[from] OrderError),
    #[error("{error}. The invite in {path} is kept: it may be in force")]
    InviteKept { path: PathBuf, error: OrderError },
    #[error(
        "node {0} is a voter, and nothing was changed: `cameod member remove` and `cameod member \
         replace` change the voters"
    )]
    Voter(NodeId),
    #[error(transparent)]
    Member(#[from] MemberError),
    /// What was asked was not begun.
    #[error(
        "descriptor {number}, with the voters {voters}, was begun by an earlier command, and has \
         to be finished before anything else is changed: {error}"
    )]
    Begun {
        number: u64,
        voters: String,
        error: Box<VerbError>,
    },
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error("the file to write: {0}")]
    File(#[from] PrivateFileError),
    #[error("{0}")]
    Random(String),
}

/// The result of a verb.
#[derive(Debug)]
pub struct Report {
    /// For the operator, on stderr.
    pub note: String,
    pub output: Option<Output>,
}

/// What goes to stdout, for the one who asked for it.
#[derive(Debug)]
pub struct Output {
    /// An invite's code.
    pub text: zeroize::Zeroizing<String>,
    /// What is in force all the same, and what to do, where it cannot be written.
    pub if_lost: &'static str,
}

/// A fresh request id.
pub(crate) fn request_id() -> Result<RequestId, VerbError> {
    random().map(RequestId)
}

/// Fresh random bytes, at most 32.
pub(super) fn random<const N: usize>() -> Result<[u8; N], VerbError> {
    let bytes = zeroize::Zeroizing::new(system_bytes().map_err(VerbError::Random)?);
    let mut random = [0; N];
    random.copy_from_slice(&bytes[..N]);
    Ok(random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::secret_file::SecretFileError;

    #[test]
    fn that_the_system_has_no_random_bytes_is_said_once() {
        let why = || "the system provides no random bytes: no".to_owned();
        for told in [
            VerbError::Random(why()).to_string(),
            VerbError::from(KeyFileError::Random(why())).to_string(),
            SecretFileError::Random(why()).to_string(),
        ] {
            assert_eq!(told, why());
        }
    }
}
