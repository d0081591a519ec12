//! The invite that `init` is given: a file, or the words of a code.

use std::io::{self, BufRead, Read};
use std::path::Path;

use cameo_common::registration::{CodeError, Invite, InviteFile, InviteFileError, InviteUse};
use cameo_common::signed::Signed;
use zeroize::Zeroizing;

use crate::vault::files::{self, FileError};
use crate::vault::records::Identity;

/// Longest invite that is read, in bytes.
const MAX_INVITE: usize = 64 * 1024;

/// An invite that cannot be used, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the file is no invite, or damaged: {0}")]
    Json(String),
    #[error(transparent)]
    Content(#[from] InviteFileError),
    #[error(transparent)]
    Code(#[from] CodeError),
    #[error("standard input cannot be read: {0}")]
    Input(io::Error),
}

/// Reads the invite in a file, or in words. A text that looks like a path is one.
pub fn read(given: &str) -> Result<Invite, InviteError> {
    if given == "-" {
        return Ok(Invite::of_code(&line_of_input()?)?);
    }
    let path = Path::new(given);
    if !path.exists() && !given.contains(['/', '.']) {
        return Ok(Invite::of_code(given)?);
    }
    let bytes = Zeroizing::new(files::read(path, MAX_INVITE)?);
    let file: InviteFile =
        serde_json::from_slice(&bytes).map_err(|error| InviteError::Json(error.to_string()))?;
    Ok(file.invite()?)
}

fn line_of_input() -> Result<Zeroizing<String>, InviteError> {
    let mut line = Zeroizing::new(String::new());
    let read = io::stdin()
        .lock()
        .take(MAX_INVITE as u64)
        .read_line(&mut line);
    read.map_err(InviteError::Input)?;
    Ok(line)
}

/// The cluster's addresses as `--cluster` takes them.
pub fn addresses(invite: &Invite) -> String {
    let urls = invite.nodes.iter();
    let pinned = urls.map(|url| format!("{url}#{}", invite.cluster));
    pinned.collect::<Vec<_>>().join(",")
}

/// The use of an invite for this identity.
pub fn use_for(invite: &Invite, me: &Identity) -> Signed<InviteUse> {
    let key = invite.seed.key();
    let used = InviteUse {
        invite: key.public(),
        cluster: invite.cluster,
        identity: me.identity_key().public(),
        name: me.name.clone(),
    };
    Signed::new(&key, used)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use cameo_common::ids::{ClusterId, Millis};
    use cameo_common::registration::InviteSeed;

    use super::*;
    use crate::cluster_api::parse_addresses;

    fn invite() -> Invite {
        Invite {
            cluster: ClusterId([0xab; 32]),
            seed: InviteSeed([0xcd; 16]),
            nodes: vec!["https://127.0.0.1:7101".into(), "https://[::1]:7102".into()],
        }
    }

    #[test]
    fn words_and_a_file_give_the_same_invite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("invite");
        let file = InviteFile::new(&invite(), None, Millis(5));
        std::fs::write(&path, serde_json::to_vec(&file).unwrap()).unwrap();
        assert_eq!(read(path.to_str().unwrap()).unwrap(), invite());
        let code = invite().code().unwrap();
        assert_eq!(read(&code).unwrap(), invite());
        assert_eq!(read(&code.replace('-', " ")).unwrap(), invite());
    }

    #[test]
    fn what_is_no_invite_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("invite");
        let text = path.to_str().unwrap();
        assert!(matches!(read(text), Err(InviteError::File(_))));
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(read(text), Err(InviteError::Json(_))));
        assert!(matches!(read("no invite"), Err(InviteError::Code(_))));
    }

    #[test]
    fn its_addresses_are_pinned_as_those_of_a_url_are() {
        let (cluster, nodes) = parse_addresses(&addresses(&invite())).unwrap();
        assert_eq!((cluster, nodes), (invite().cluster, invite().nodes));
    }
}
