//! Histories for other checkers: as a sequence of events, in EDN as Jepsen's checkers read it, or
//! in plain JSON.

mod edn;
mod events;
mod json;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use crate::history::History;

pub use events::{Event, EventKind, Process, events, is_asked};

/// Writes one event a line, as Jepsen, Knossos and Elle read them: `{:index 0, :process 3,
/// :type :invoke, :f :debit, :value ["grant/…" {…}], :time 17000}`. Values are `[key value]`, the
/// time is in nanoseconds. What nobody asked for is the nemesis's, and of type `:info`.
///
/// # Errors
/// When it cannot be written.
pub fn write_edn(history: &History, to: &mut impl Write) -> io::Result<()> {
    for (index, event) in events(history).iter().enumerate() {
        writeln!(to, "{}", edn::line(history, index, event)?)?;
    }
    Ok(())
}

/// Writes the same events, one JSON object a line.
///
/// # Errors
/// When it cannot be written.
pub fn write_json(history: &History, to: &mut impl Write) -> io::Result<()> {
    for (index, event) in events(history).iter().enumerate() {
        writeln!(to, "{}", json::line(history, index, event)?)?;
    }
    Ok(())
}
