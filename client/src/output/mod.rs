//! What a command hands back, and how it is shown: one document, or text for people.
//!
//! Results go to stdout, once; progress and warnings go to stderr. Who has closed one of them wants to hear no more.

mod report;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
pub use report::{Completion, Report};
pub use text::{moment, table};

/// How the person wants to be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output {
    pub json: bool,
    pub quiet: bool,
}

impl Output {
    /// Something that the person should know, beside the result.
    pub fn note(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            tell(text);
        }
    }

    /// A bar for something that takes time. Shows nothing where stderr is no terminal.
    #[must_use]
    pub fn bar(&self, what: &'static str) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// Gives a bar its length in bytes, once that is known.
    pub fn measure(bar: &ProgressBar, bytes: u64) {
        if bar.length() == Some(bytes) {
            return;
        }
        bar.set_length(bytes);
        if let Ok(style) = ProgressStyle::with_template(
            "{msg} {bar:30} {bytes}/{total_bytes} {binary_bytes_per_sec}",
        ) {
            bar.set_style(style);
        }
    }
}

/// A line on stdout. That nobody reads it is no error.
///
/// # Errors
/// When it is not taken, by a full disk for one.
pub fn say(line: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}

/// A line on stderr, if it is taken: there is no other place to tell that it is not.
pub fn tell(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}
