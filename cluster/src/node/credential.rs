//! A node's credential: the secret of the founders, or a worker's token.

use cameo_common::keys::PublicKey;
use cameo_common::predecessor::Predecessor;

use super::secret_file::{self, SecretFile};
use super::start_error::StartError;
use crate::config::{Config, CredentialFile};
use crate::operator::TokenFile;
use crate::raft::{Entrance, GenesisTerms, WorkerPass};

/// The content of the file that the configuration names.
#[derive(Debug)]
pub enum Credential {
    Secret(SecretFile),
    Token(TokenFile),
}

impl Credential {
    /// Reads the file. A token names members, which are added to the configuration's.
    pub(super) fn read(mut config: Config) -> Result<(Config, Self), StartError> {
        let credential = match &config.credential {
            CredentialFile::Secret(path) => Self::Secret(secret_file::read(path)?),
            CredentialFile::Token(path) => Self::Token(TokenFile::read(path)?),
        };
        if let Self::Token(token) = &credential {
            for (id, address) in &token.peers {
                let known = config.peers.entry(*id);
                known.or_insert_with(|| address.clone());
            }
            if config.peers.len() < 2 {
                return Err(StartError::NoMember(config.id));
            }
        }
        Ok((config, credential))
    }

    /// How a node with this key enters.
    pub(super) fn entrance(
        &self,
        config: &Config,
        key: PublicKey,
        predecessor: Option<Predecessor>,
    ) -> Result<Entrance, StartError> {
        match self {
            Self::Secret(file) => Ok(Entrance::Found {
                secret: file.secret.clone(),
                terms: GenesisTerms {
                    operator: file.operator,
                    registration: config.registration,
                    predecessor,
                },
            }),
            Self::Token(token) => {
                let bytes = token.pass(config.id, key);
                Ok(Entrance::Join(WorkerPass {
                    cluster: token.cluster(),
                    bytes: bytes.ok_or(StartError::DamagedToken)?,
                }))
            }
        }
    }
}
