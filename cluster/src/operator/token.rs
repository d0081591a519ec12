//! A worker's token: the operator's signed permission, and the seed that binds it to one node.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cameo_common::ids::{ClusterId, Millis, NodeId};
use cameo_common::keys::{PublicKey, SigningKey};
use cameo_common::operator::{TokenUse, WorkerToken};
use cameo_common::signed::Signed;
use cameo_common::wire;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::host::private_file::{self, PrivateFileError};

/// Version of [`TokenFile`].
const FILE_VERSION: u16 = 1;
/// Version of a pass.
const PASS_VERSION: u8 = 1;

/// The file of a token, JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFile {
    /// Version of this layout. Its name tells what the file is.
    cameo_worker_token: u16,
    cluster: ClusterId,
    token: Signed<WorkerToken>,
    /// 64 hexadecimal digits.
    seed: String,
    /// Members through which the node joins, with the addresses of their links.
    pub peers: BTreeMap<NodeId, String>,
}

/// A token that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOrder {
    pub cluster: ClusterId,
    pub peers: BTreeMap<NodeId, String>,
    pub life: Duration,
    pub out: PathBuf,
}

/// A token that cannot be used, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("the token: {0}")]
    File(#[from] PrivateFileError),
    #[error(
        "{0} is no worker's token of version {FILE_VERSION}, or damaged: ask the operator for a \
         new one (`cameod token`)"
    )]
    Unusable(PathBuf),
}

impl TokenFile {
    /// A token of the operator's. `seed` is fresh and random.
    #[must_use]
    pub fn sign(
        operator: &SigningKey,
        cluster: ClusterId,
        seed: &[u8; 32],
        not_after: Millis,
        peers: BTreeMap<NodeId, String>,
    ) -> Self {
        let token = WorkerToken {
            operator: operator.public(),
            cluster,
            token: SigningKey::from_seed(*seed).public(),
            not_after,
        };
        Self {
            cameo_worker_token: FILE_VERSION,
            cluster,
            token: Signed::new(operator, token),
            seed: HEXLOWER.encode(seed),
            peers,
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn read(path: &Path) -> Result<Self, TokenError> {
        let text = private_file::read(path)?;
        let file = serde_json::from_str(&text).ok();
        let known = file.filter(|file: &Self| file.is_sound());
        known.ok_or_else(|| TokenError::Unusable(path.to_owned()))
    }

    /// Writes the file; never replaces one.
    ///
    /// # Errors
    /// See [`PrivateFileError`].
    pub fn write(&self, path: &Path) -> Result<(), PrivateFileError> {
        let text = Zeroizing::new(serde_json::to_string(self).unwrap_or_default());
        private_file::create(path, &text)
    }

    fn is_sound(&self) -> bool {
        let token = self.token.verify();
        self.cameo_worker_token == FILE_VERSION
            && token.is_ok_and(|token| {
                token.cluster == self.cluster
                    && self.key().is_some_and(|key| key.public() == token.token)
            })
    }

    fn key(&self) -> Option<SigningKey> {
        let seed = HEXLOWER
            .decode(self.seed.as_bytes())
            .ok()
            .map(Zeroizing::new)?;
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(seed.as_slice().try_into().ok()?);
        Some(SigningKey::from_seed(*seed))
    }

    /// The cluster that it is for.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// The pass of a node: the token, and its use for this node alone. None if the file is damaged.
    #[must_use]
    pub fn pass(&self, node: NodeId, key: PublicKey) -> Option<Vec<u8>> {
        let token_key = self.key()?;
        let used = TokenUse {
            token: token_key.public(),
            cluster: self.cluster,
            node,
            key,
        };
        let used = Signed::new(&token_key, used);
        Some(wire::encode_versioned(PASS_VERSION, &(&self.token, used)))
    }
}

/// Decodes a pass.
#[must_use]
pub fn open_pass(pass: &[u8]) -> Option<(Signed<WorkerToken>, Signed<TokenUse>)> {
    wire::decode_versioned(PASS_VERSION, pass).ok()
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl std::fmt::Debug for TokenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenFile for {}", self.cluster)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn token() -> TokenFile {
        let operator = SigningKey::from_seed([1; 32]);
        let peers = BTreeMap::from([(NodeId(1), "h:7001".to_owned())]);
        TokenFile::sign(&operator, ClusterId([5; 32]), &[2; 32], Millis(9), peers)
    }

    #[test]
    fn a_token_is_read_back_and_its_pass_names_one_node() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        token().write(&path).unwrap();
        let read = TokenFile::read(&path).unwrap();
        assert_eq!(read.peers[&NodeId(1)], "h:7001");
        let pass = read.pass(NodeId(4), PublicKey([7; 32])).unwrap();
        let (token, used) = open_pass(&pass).unwrap();
        let (token, used) = (token.verify().unwrap(), used.verify().unwrap());
        assert_eq!(token.token, used.token);
        assert_eq!((used.node, used.key), (NodeId(4), PublicKey([7; 32])));
        assert!(!format!("{read:?}").contains("0202"));
    }

    #[test]
    fn its_text_is_pinned() {
        let token = token();
        let signed = serde_json::to_string(&token.token).unwrap();
        let expected = format!(
            r#"{{"cameo_worker_token":1,"cluster":"{}","token":{signed},"seed":"{}","peers":{{"1":"h:7001"}}}}"#,
            "05".repeat(32),
            "02".repeat(32),
        );
        assert_eq!(serde_json::to_string(&token).unwrap(), expected);
    }

    #[test]
    fn attack_a_token_of_another_version_seed_or_cluster_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let text = serde_json::to_string(&token()).unwrap();
        let changes = [
            ("token\":1", "token\":2"),
            ("0202", "0302"),
            ("0505", "0605"),
            ("peers", "pears"),
        ];
        for (at, (old, new)) in changes.into_iter().enumerate() {
            let path = dir.path().join(at.to_string());
            private_file::create(&path, &text.replacen(old, new, 1)).unwrap();
            let refused = TokenFile::read(&path);
            assert!(matches!(refused, Err(TokenError::Unusable(_))), "{old}");
        }
    }
}
