//! Permissions of a data folder: its owner's alone.
//!
//! A folder that others could enter is closed to them, as a client's home is, and not refused: that
//! takes nothing from the node, and an older build or a copy may have left it open. What is created
//! in it later is private by the umask of `cameod`, also what sled creates.
//!
//! The node's key is left as it is: a node refuses one that others may have read.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The permissions of all but the owner.
const OTHERS: u32 = 0o077;
const NODE_KEY: &str = "node.key";

/// Closes a folder to others, then everything in it, if it was not closed. Links are not followed.
/// Returns whether it was open.
///
/// # Errors
/// Of the system: only its owner can close a folder.
pub(super) fn close(root: &Path) -> io::Result<bool> {
    let was_open = close_one(root, fs::metadata(root)?.permissions())?;
    if was_open {
        close_content(root)?;
    }
    Ok(was_open)
}

fn close_content(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Of the entry itself: a link's target may be anywhere.
        let metadata = entry.metadata()?;
        if metadata.is_symlink() || entry.file_name() == NODE_KEY {
            continue;
        }
        close_one(&entry.path(), metadata.permissions())?;
        if metadata.is_dir() {
            close_content(&entry.path())?;
        }
    }
    Ok(())
}

fn close_one(path: &Path, found: Permissions) -> io::Result<bool> {
    let mode = found.mode();
    let is_open = mode & OTHERS != 0;
    if is_open {
        fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS))?;
    }
    Ok(is_open)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn given_an_open_folder_when_it_is_closed_then_all_in_it_is_the_owners_alone() {
        let outside = tempfile::NamedTempFile::new().unwrap();
        set(outside.path(), 0o644);
        let root = tempfile::tempdir().unwrap();
        let (folder, file) = (root.path().join("wal"), root.path().join("wal/1"));
        fs::create_dir(&folder).unwrap();
        fs::write(&file, b"entries").unwrap();
        std::os::unix::fs::symlink(outside.path(), root.path().join("link")).unwrap();
        let key = root.path().join(NODE_KEY);
        fs::write(&key, b"key").unwrap();
        for (path, open) in [(&file, 0o664), (&folder, 0o755), (&key, 0o640)] {
            set(path, open);
        }
        set(root.path(), 0o750);
        assert!(close(root.path()).unwrap());
        assert_eq!(mode(root.path()), 0o700);
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        // but the key is left for the node to refuse
        assert_eq!(mode(&key), 0o640);
        // what a link leads to is not the node's
        assert_eq!(mode(outside.path()), 0o644);
        assert!(!close(root.path()).unwrap());
    }
}
