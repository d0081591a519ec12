//! A question at the terminal before something is used or restored.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::vault::IoError;

/// Asks, and returns whether the answer is yes. Without a terminal, or with `yes`, the command
/// itself is the consent.
pub(super) fn ask(yes: bool, question: impl std::fmt::Display) -> Result<bool, IoError> {
    if yes || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(true);
    }
    eprint!("{question} Continue? [y/N] ");
    io::stderr().flush().map_err(IoError)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(IoError)?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
