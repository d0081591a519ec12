//! The folder of one person on one device, readable by nobody else.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::VaultError;

const OWNER_ONLY: u32 = 0o700;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// `CAMEO_HOME`, else `cameo` in the XDG data folder. Creates it when missing.
    pub fn locate() -> Result<Self, VaultError> {
        let path = choose(
            std::env::var_os("CAMEO_HOME"),
            std::env::var_os("XDG_DATA_HOME"),
            std::env::var_os("HOME"),
        );
        Self::at(path.ok_or(VaultError::NoHome)?)
    }

    /// This folder; creates it when missing, and closes it to everybody else.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self, VaultError> {
        let path = path.into();
        private_directory(&path)?;
        let path = fs::canonicalize(&path).map_err(VaultError::io("open", &path))?;
        let failed = VaultError::io("read the permissions of", &path);
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(OWNER_ONLY))
                .map_err(VaultError::io("close to others", &path))?;
        }
        Ok(Self { path })
    }

    /// The same folder as [`Home::at`] or [`Home::locate`] give, if it is there; nothing is made or changed.
    pub fn find(given: Option<PathBuf>) -> Option<Self> {
        let path = given.or_else(|| {
            choose(
                std::env::var_os("CAMEO_HOME"),
                std::env::var_os("XDG_DATA_HOME"),
                std::env::var_os("HOME"),
            )
        });
        let path = fs::canonicalize(path?).ok()?;
        Some(Self { path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where transfers that are not complete are kept, on the carriers' file system.
    pub fn parts(&self) -> Result<PathBuf, VaultError> {
        self.directory(Path::new("parts"))
    }

    /// Where the locks of what is worked on are.
    pub fn locks(&self) -> Result<PathBuf, VaultError> {
        self.directory(Path::new("locks"))
    }

    /// A folder within; creates it when missing.
    pub(super) fn directory(&self, relative: &Path) -> Result<PathBuf, VaultError> {
        let path = self.path.join(relative);
        if !path.is_dir() {
            private_directory(&path)?;
            let parent = path.parent().unwrap_or(&self.path);
            sync_directory(parent).map_err(VaultError::io("write", parent))?;
        }
        Ok(path)
    }
}

/// The XDG base directory specification has relative paths ignored.
fn choose(
    cameo_home: Option<OsString>,
    data_home: Option<OsString>,
    user_home: Option<OsString>,
) -> Option<PathBuf> {
    let given = |value: Option<OsString>| value.filter(|path| !path.is_empty()).map(PathBuf::from);
    given(cameo_home).or_else(|| {
        given(data_home)
            .filter(|path| path.is_absolute())
            .or_else(|| given(user_home).map(|home| home.join(".local/share")))
            .map(|data| data.join("cameo"))
    })
}

fn private_directory(path: &Path) -> Result<(), VaultError> {
    DirBuilder::new()
        .recursive(true)
        .mode(OWNER_ONLY)
        .create(path)
        .map_err(VaultError::io("create", path))
}

/// Makes what was created, renamed or removed in `directory` survive a power loss.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_home_is_chosen_by_the_most_particular_setting() {
        let path = |text: &str| Some(OsString::from(text));
        let chosen = |text: &str| Some(PathBuf::from(text));
        let home = || path("/home/ada");
        assert_eq!(choose(path("/c"), path("/d"), home()), chosen("/c"));
        assert_eq!(choose(None, path("/d"), home()), chosen("/d/cameo"));
        let default = "/home/ada/.local/share/cameo";
        assert_eq!(choose(path(""), path("relative"), home()), chosen(default));
        assert_eq!(choose(None, None, None), None);
    }

    #[test]
    fn a_folder_that_others_could_read_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let home = Home::at(&path).unwrap();
        let parts = home.parts().unwrap();
        for path in [path, parts] {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}
