//! The page that shows one photo in the browser: on loopback, behind a one-time token.
//!
//! The view is charged before the page exists; no request of a browser charges anything. `content`
//! says what browsers show, `page` has the words and files, `serve` sends them and knows what has
//! been received, `browser` starts the browser. The agent keeps the page for ten minutes, if one
//! runs (`hosted`); else the command serves it until a browser has it.

mod browser;
mod content;
mod hosted;
mod page;
mod serve;
mod steps;

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use crate::error_kind::{Classified, ErrorKind};
use crate::vault::{IoError, Vault, VaultError};
use browser::{Opener, Redirect};
use serve::Server;

pub use content::{Picture, Showable};
pub use hosted::{HostedPages, NewPage, read_photo};
pub use page::{About, PAGE_LIFE};
pub use steps::{Step, Steps};

pub(crate) use content::shown_type;

/// After this time without a request the user is told where the page is.
const HINT_AFTER: Duration = Duration::from_secs(5);
/// Bound on the wait for the files beside a photo that was received.
const LINGER: Duration = Duration::from_secs(2);
/// Folder in the home for files that redirect to pages, where there is no better one.
const FOLDER: &str = "pages";

/// A photo that was not shown. The view can be resumed.
#[derive(Debug, thiserror::Error)]
pub enum ViewerError {
    #[error(
        "no browser received the photo in time. The view is charged: run the command again \
         soon to resume it, it is not charged twice"
    )]
    NoBrowser,
    #[error(
        "the browser opened the page and has not received the whole photo. The view is charged: \
         run the command again soon to resume it, it is not charged twice"
    )]
    BrokenOff,
    #[error(transparent)]
    Io(#[from] IoError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Classified for ViewerError {
    fn kind(&self) -> ErrorKind {
        match self {
            ViewerError::NoBrowser | ViewerError::BrokenOff => ErrorKind::Other,
            ViewerError::Io(error) => error.kind(),
            ViewerError::Vault(error) => error.kind(),
        }
    }
}

/// Who serves the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// The agent, for [`PAGE_LIFE`].
    Agent,
    /// The command, until a browser has the photo.
    Command,
}

/// What the user is told while the page waits.
#[derive(Debug)]
pub enum Hint<'a> {
    /// No browser was started, and why.
    NotStarted(&'a Path, String),
    /// No browser has asked for the page so far.
    NotOpened(&'a Path),
}

/// Whether this session has a graphical display.
#[must_use]
pub fn has_display() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Leads the user's browser to a page, and waits until it has the photo. `next` tells the steps,
/// and is cancel safe.
///
/// # Errors
/// When no browser receives it in time. The view can be resumed without a new charge.
pub async fn lead(
    vault: &Vault,
    url: &str,
    mut next: impl AsyncFnMut() -> Step,
    mut tell: impl FnMut(Hint<'_>),
) -> Result<(), ViewerError> {
    let fallback = vault.blob_path(FOLDER, "redirect")?;
    let fallback = fallback.parent().unwrap_or(vault.home().path());
    let redirect = Redirect::write(url, fallback).map_err(IoError)?;
    let mut opener = Opener::start(redirect.path());
    let mut hint = pin!(sleep(HINT_AFTER));
    let mut is_told = false;
    loop {
        tokio::select! {
            step = next() => match step {
                Step::Opened => is_told = true,
                Step::Received => return Ok(()),
                Step::NotOpened => return Err(ViewerError::NoBrowser),
                Step::NotReceived => return Err(ViewerError::BrokenOff),
            },
            why = opener.failure() => {
                tell(Hint::NotStarted(redirect.path(), why));
                is_told = true;
            }
            () = &mut hint, if !is_told => {
                tell(Hint::NotOpened(redirect.path()));
                is_told = true;
            }
        }
    }
}

/// A page that is served here, until it is dropped.
#[derive(Debug)]
pub struct OwnPage {
    server: Server,
    steps: Steps,
}

impl OwnPage {
    /// Serves a photo on loopback.
    ///
    /// # Errors
    /// When the system gives no port.
    pub async fn serve(photo: Picture, about: About) -> Result<Self, IoError> {
        let server = Server::start(photo, about).await.map_err(IoError)?;
        let steps = Steps::of(server.progress());
        Ok(Self { server, steps })
    }

    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The next step. Cancel safe.
    pub async fn next(&mut self) -> Step {
        self.steps.next().await
    }

    /// Waits for the files beside a photo that was received, within a bound.
    pub async fn end(self) {
        serve::linger(self.server.progress(), LINGER).await;
    }
}

#[cfg(test)]
mod tests;
