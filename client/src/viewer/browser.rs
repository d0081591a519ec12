//! The user's browser, and the file that redirects it to a page.
//!
//! The token of a page reaches the browser through a file that only this user can read, never
//! through argv. Browsers in sandboxes (snap, flatpak) cannot read hidden folders, so the file lies
//! in the folder of the user's session, or else in one that is not hidden.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use data_encoding::HEXLOWER;
use tokio::process::{Child, Command};

use crate::clock;

/// The program that opens a file with the user's browser.
const OPENER: &str = "xdg-open";
/// Folder in the user's own, where there is none of the session.
const FOLDER: &str = "cameo-pages";

/// A file that redirects to a page, removed when dropped.
#[derive(Debug)]
pub(super) struct Redirect {
    path: PathBuf,
    /// A folder that was made for it.
    folder: Option<PathBuf>,
}

impl Redirect {
    /// Writes the file where a browser can read it.
    pub fn write(url: &str, fallback: &Path) -> io::Result<Self> {
        let variable = |name| std::env::var_os(name);
        Self::write_in(url, variable("XDG_RUNTIME_DIR"), variable("HOME"), fallback)
    }

    fn write_in(
        url: &str,
        session: Option<OsString>,
        user: Option<OsString>,
        fallback: &Path,
    ) -> io::Result<Self> {
        let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        if let Some(session) = session.and_then(absolute).filter(|path| is_private(path))
            && let Ok(path) = write(&session, url)
        {
            return Ok(Self { path, folder: None });
        }
        let own = user.and_then(absolute).map(|user| user.join(FOLDER));
        if let Some(folder) = own.filter(|folder| made_private(folder))
            && let Ok(path) = write(&folder, url)
        {
            return Ok(Self {
                path,
                folder: Some(folder),
            });
        }
        let path = write(fallback, url)?;
        Ok(Self { path, folder: None })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Redirect {
    fn drop(&mut self) {
        // The token in it is used or dead by now.
        let _removed = fs::remove_file(&self.path);
        if let Some(folder) = &self.folder {
            // Another view may have its file there.
            let _removed = fs::remove_dir(folder);
        }
    }
}

/// Whether only this user can enter a folder.
fn is_private(folder: &Path) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|found| {
        let ours = rustix::process::geteuid().as_raw();
        found.is_dir() && found.uid() == ours && found.mode() & 0o077 == 0
    })
}

fn made_private(folder: &Path) -> bool {
    // It may exist; then it has to be private all the same.
    let _made = DirBuilder::new().mode(0o700).create(folder);
    is_private(folder)
}

fn write(folder: &Path, url: &str) -> io::Result<PathBuf> {
    let name = format!("cameo-{}.html", HEXLOWER.encode(&clock::random::<8>()));
    let path = folder.join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let page = format!(
        "<!doctype html><meta charset=utf-8><meta name=referrer content=no-referrer>\
         <meta http-equiv=refresh content=\"0;url={url}\"><a href=\"{url}\">Open the photo</a>"
    );
    file.write_all(page.as_bytes())
        .inspect_err(|_| drop(fs::remove_file(&path)))?;
    Ok(path)
}

/// The program that starts the browser.
#[derive(Debug)]
pub(super) enum Opener {
    Running(Child),
    Failed(String),
    Done,
}

impl Opener {
    pub fn start(page: &Path) -> Self {
        Self::start_with(OPENER, page)
    }

    fn start_with(program: &str, page: &Path) -> Self {
        let started = Command::new(program)
            .arg(page)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match started {
            Ok(child) => Self::Running(child),
            Err(error) => Self::Failed(format!("{program} cannot be run: {error}")),
        }
    }

    /// Waits until it is known that no browser was started, and why. Cancel safe.
    pub async fn failure(&mut self) -> String {
        if let Self::Running(child) = self {
            let ended = child.wait().await;
            *self = match ended {
                Ok(status) if status.success() => Self::Done,
                Ok(status) => Self::Failed(format!("{OPENER} failed ({status})")),
                Err(error) => Self::Failed(format!("{OPENER} was lost: {error}")),
            };
        }
        match std::mem::replace(self, Self::Done) {
            Self::Failed(why) => why,
            _ => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn folder(mode: u32) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        folder
    }

    #[test]
    fn a_redirect_lies_in_the_session_s_folder_or_else_in_one_that_is_not_hidden() {
        let (session, open, user, home) =
            (folder(0o700), folder(0o755), folder(0o755), folder(0o700));
        let written = |session: &Path| {
            let [session, user] = [session, user.path()].map(|path| Some(path.into()));
            Redirect::write_in("http://x/", session, user, home.path()).unwrap()
        };
        // given a private folder of the session, then it lies there, and is removed
        let redirect = written(session.path());
        assert_eq!(redirect.path().parent().unwrap(), session.path());
        let path = redirect.path().to_owned();
        drop(redirect);
        assert!(!path.exists());
        // given none, then in a folder that is made, and removed
        let redirect = written(open.path());
        let made = user.path().join(FOLDER);
        assert_eq!(redirect.path().parent().unwrap(), made);
        assert!(is_private(&made));
        drop(redirect);
        assert!(!made.exists());
        // given a folder there that others can enter, then in the home
        fs::create_dir(&made).unwrap();
        let redirect = written(open.path());
        assert_eq!(redirect.path().parent().unwrap(), home.path());
    }

    #[test]
    fn attack_two_views_at_once_do_not_share_a_redirect() {
        let session = folder(0o700);
        // given the pages of two photos at once
        let redirects = [4001, 4002].map(|port| {
            let url = format!("http://127.0.0.1:{port}/open/token");
            let session = Some(session.path().into());
            let redirect = Redirect::write_in(&url, session, None, Path::new("/")).unwrap();
            (url, redirect)
        });
        // then each file leads to its own, and only its user can read it
        for (url, redirect) in redirects {
            let page = fs::read_to_string(redirect.path()).unwrap();
            assert!(page.contains(&url), "{page}");
            let mode = fs::metadata(redirect.path()).unwrap().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_browser_that_does_not_start_is_noticed() {
        let page = Path::new("page.html");
        for program in ["false", "no-such-program-of-cameo"] {
            let mut opener = Opener::start_with(program, page);
            let why = timeout(Duration::from_secs(5), opener.failure()).await;
            assert!(!why.unwrap().is_empty());
        }
        // given one that was started, then nothing is told
        let mut opener = Opener::start_with("true", page);
        let told = timeout(Duration::from_millis(300), opener.failure()).await;
        assert!(told.is_err());
    }
}
