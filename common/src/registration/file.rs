//! File of an invite: JSON with a version, for those who would rather not copy words.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{Invite, InviteSeed};
use crate::ids::{ClusterId, Millis, UserName};

/// Version of [`InviteFile`].
const VERSION: u16 = 1;

/// The content of the file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteFile {
    /// Version of this layout. Its name tells what the file is.
    pub cameo_invite: u16,
    pub cluster: ClusterId,
    /// Base URLs of some nodes.
    pub nodes: Vec<String>,
    /// 32 hexadecimal digits.
    seed: String,
    /// The only name that it registers, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<UserName>,
    pub not_after: Millis,
}

/// A file that is no invite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InviteFileError {
    #[error("the invite has version {0}, which this program does not know; update it")]
    UnknownVersion(u16),
    #[error("the invite's seed is no 32 hexadecimal digits: the file is damaged")]
    Seed,
}

impl InviteFile {
    /// The file of an invite.
    #[must_use]
    pub fn new(invite: &Invite, name: Option<UserName>, not_after: Millis) -> Self {
        Self {
            cameo_invite: VERSION,
            cluster: invite.cluster,
            nodes: invite.nodes.clone(),
            seed: HEXLOWER.encode(&invite.seed.0),
            name,
            not_after,
        }
    }

    /// The invite in the file.
    ///
    /// # Errors
    /// See [`InviteFileError`].
    pub fn invite(&self) -> Result<Invite, InviteFileError> {
        if self.cameo_invite != VERSION {
            return Err(InviteFileError::UnknownVersion(self.cameo_invite));
        }
        let seed = HEXLOWER.decode(self.seed.as_bytes()).map(Zeroizing::new);
        let seed = seed.map_err(|_| InviteFileError::Seed)?;
        let seed = seed.as_slice().try_into();
        Ok(Invite {
            cluster: self.cluster,
            seed: InviteSeed(seed.map_err(|_| InviteFileError::Seed)?),
            nodes: self.nodes.clone(),
        })
    }
}

impl Drop for InviteFile {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl std::fmt::Debug for InviteFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InviteFile of {}", self.cluster)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn invite() -> Invite {
        Invite {
            cluster: ClusterId([0xab; 32]),
            seed: InviteSeed([0xcd; 16]),
            nodes: vec!["https://127.0.0.1:7101".into()],
        }
    }

    #[test]
    fn its_text_is_pinned_and_read_back() {
        let file = InviteFile::new(&invite(), Some("ben".parse().unwrap()), Millis(5));
        let text = format!(
            r#"{{"cameo_invite":1,"cluster":"{}","nodes":["https://127.0.0.1:7101"],"seed":"{}","name":"ben","not_after":5}}"#,
            "ab".repeat(32),
            "cd".repeat(16),
        );
        assert_eq!(serde_json::to_string(&file).unwrap(), text);
        let read: InviteFile = serde_json::from_str(&text).unwrap();
        assert_eq!(read.invite().unwrap(), invite());
        assert!(!format!("{read:?}").contains("cdcd"));
    }

    #[test]
    fn another_version_a_damaged_seed_or_an_unknown_field_is_refused() {
        let text = serde_json::to_string(&InviteFile::new(&invite(), None, Millis(5))).unwrap();
        let read = |text: &str| serde_json::from_str::<InviteFile>(text);
        let newer = read(&text.replace("invite\":1", "invite\":2")).unwrap();
        assert_eq!(newer.invite(), Err(InviteFileError::UnknownVersion(2)));
        let damaged = read(&text.replace("cdcd", "cd")).unwrap();
        assert_eq!(damaged.invite(), Err(InviteFileError::Seed));
        assert!(read(&text.replace("nodes", "knots")).is_err());
    }
}
