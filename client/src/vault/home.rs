//! The home: the folder of one user on one device, readable by nobody else.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::error::VaultError;

const OWNER_ONLY: u32 = 0o700;
/// The file with the vault's key, sealed: the vault's first file.
pub(super) const KEY_FILE: &str = "vault.key";

/// An existing home folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    path: PathBuf,
}

impl Home {
    /// The folder at this path, else the one in `CAMEO_HOME`, else `cameo` in the XDG data folder.
    /// Creates it if missing.
    pub fn create(given: Option<PathBuf>) -> Result<Self, VaultError> {
        Self::at(given.or_else(default_path).ok_or(VaultError::NoHome)?)
    }

    /// The same folder, which has to have a vault. Creates nothing, and changes no folder that is
    /// not a home.
    pub fn open(given: Option<PathBuf>) -> Result<Self, VaultError> {
        let path = given.or_else(default_path).ok_or(VaultError::NoHome)?;
        let home = Self { path };
        if home.path.is_file() {
            return Err(VaultError::NotAFolder(home.path));
        }
        if !home.has_vault() {
            return Err(VaultError::NotCreated(home.path));
        }
        Self::at(home.path)
    }

    /// The home at this path. Creates the folder if missing, and makes it private to its owner.
    pub fn at(path: impl Into<PathBuf>) -> Result<Self, VaultError> {
        let path = path.into();
        if path.is_file() {
            return Err(VaultError::NotAFolder(path));
        }
        private_directory(&path)?;
        let path = fs::canonicalize(&path).map_err(VaultError::io("open", &path))?;
        let failed = VaultError::io("read the permissions of", &path);
        let mode = fs::metadata(&path).map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            fs::set_permissions(&path, Permissions::from_mode(OWNER_ONLY))
                .map_err(VaultError::io("restrict the permissions of", &path))?;
        }
        Ok(Self { path })
    }

    /// The folder that [`Home::create`] would return, if it exists. Changes nothing.
    pub fn find(given: Option<PathBuf>) -> Option<Self> {
        let path = given.or_else(default_path);
        let path = fs::canonicalize(path?).ok()?;
        Some(Self { path })
    }

    /// Whether a vault was created in this folder.
    pub(super) fn has_vault(&self) -> bool {
        self.path.join(KEY_FILE).exists()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of incomplete transfers, on the carriers' file system.
    pub fn parts(&self) -> Result<PathBuf, VaultError> {
        self.directory(Path::new("parts"))
    }

    /// The folder of work locks.
    pub fn locks(&self) -> Result<PathBuf, VaultError> {
        self.directory(Path::new("locks"))
    }

    /// A folder in the home. Creates it durably if missing.
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

fn default_path() -> Option<PathBuf> {
    choose(
        std::env::var_os("CAMEO_HOME"),
        std::env::var_os("XDG_DATA_HOME"),
        std::env::var_os("HOME"),
    )
}

/// Relative paths in `XDG_DATA_HOME` are ignored, as the XDG base directory specification says.
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

/// Syncs a directory, so that creations, renames and removals in it survive a power loss.
pub(super) fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_most_specific_setting_selects_the_home() {
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
    fn a_home_that_is_not_there_is_not_made_by_opening_it() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let refused = Home::open(Some(missing.clone())).unwrap_err();
        assert!(matches!(&refused, VaultError::NotCreated(path) if *path == missing));
        assert!(!missing.exists());
        // and a folder that is no home keeps its permissions
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        assert!(Home::open(Some(folder.path().to_owned())).is_err());
        let mode = fs::metadata(folder.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn a_file_is_no_home_and_is_named_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let photo = folder.path().join("pic.jpg");
        fs::write(&photo, "a photo").unwrap();
        for refused in [
            Home::open(Some(photo.clone())).unwrap_err(),
            Home::create(Some(photo.clone())).unwrap_err(),
        ] {
            assert!(matches!(&refused, VaultError::NotAFolder(path) if *path == photo));
            assert!(refused.to_string().contains("pic.jpg is a file"));
        }
        assert_eq!(fs::read(&photo).unwrap(), b"a photo");
    }

    #[test]
    fn a_folder_that_others_can_read_is_made_private() {
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
