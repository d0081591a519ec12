//! Output of commands: one JSON document, or text.
//!
//! The result goes to stdout once, progress and notes go to stderr. A closed stream is not an
//! error. Nothing that others have written reaches a terminal as a command.

mod report;
mod text;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

pub use cameo_common::moment::moment;
use cameo_common::terminal::escaped;
pub use cameo_common::terminal::unwritten;
use indicatif::{ProgressBar, ProgressStyle};
pub use report::{Completion, Report};
pub use text::table;

/// The output options.
#[derive(Debug, Clone, Copy, Default)]
pub struct Output {
    pub json: bool,
    pub quiet: bool,
}

impl Output {
    /// Prints a note beside the result.
    pub fn note(&self, text: impl std::fmt::Display) {
        if !self.quiet {
            print_message(text);
        }
    }

    /// A progress bar. Hidden if stderr is not a terminal.
    #[must_use]
    pub fn bar(&self, what: &'static str) -> ProgressBar {
        if self.quiet || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }

    /// Sets the length of a bar, in bytes.
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

/// Prints a line on stdout. A closed pipe is not an error.
///
/// # Errors
/// When the write fails, for example on a full disk.
pub fn print_result(line: impl std::fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let line = escaped(&line.to_string());
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}

/// Prints a line on stderr. A failure is ignored: there is nowhere to report it.
pub fn print_message(line: impl std::fmt::Display) {
    let line = escaped(&line.to_string());
    let _ = writeln!(io::stderr(), "{line}");
}
