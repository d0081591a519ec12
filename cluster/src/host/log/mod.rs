//! Log of a process on stderr: text for people, or one JSON object a line for programs.

mod fields;
mod line;
mod queue;

use std::fmt;
use std::io::IsTerminal as _;
use std::sync::OnceLock;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, reload};

pub use line::{Level, tell};

/// Filter of a process that is given none.
pub const DEFAULT_FILTER: &str = "warn,openraft=error,cameo_cluster=info";

/// Set once: a process starts its log once.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Form of the lines on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The form of this process' lines; text before the log has started.
#[must_use]
pub fn format() -> LogFormat {
    FORMAT.get().copied().unwrap_or_default()
}

/// The log cannot start, or its filter cannot change.
#[derive(Debug, thiserror::Error)]
#[error("the log filter cannot be set: {0}")]
pub struct LogError(String);

/// Takes a filter, or says why it is none.
type SetFilter = Box<dyn Fn(&str) -> Result<(), LogError> + Send + Sync>;

/// Changes the filter of a started log.
pub struct FilterHandle(SetFilter);

impl FilterHandle {
    /// A handle that hands filters to `set`.
    pub fn new(set: impl Fn(&str) -> Result<(), LogError> + Send + Sync + 'static) -> Self {
        Self(Box::new(set))
    }

    /// Sets the filter, from the next line on.
    ///
    /// # Errors
    /// When it is no filter; the one before stays.
    pub fn set(&self, filter: &str) -> Result<(), LogError> {
        (self.0)(filter)
    }
}

impl fmt::Debug for FilterHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FilterHandle")
    }
}

/// Parser of a filter's text, for flags.
///
/// # Errors
/// Why it is none.
pub fn check_filter(text: &str) -> Result<String, LogError> {
    parse(text).map(|_| text.to_owned())
}

fn parse(text: &str) -> Result<EnvFilter, LogError> {
    let parsed = EnvFilter::builder().parse(text);
    parsed.map_err(|error| LogError(format!("`{text}` is no filter of `tracing`: {error}")))
}

/// Longest wait for lines that are still to be written when a process ends.
const FLUSH_LIMIT: Duration = Duration::from_millis(500);

/// Has a thread of its own write the lines of this process: for nodes, which nobody may hold up by
/// not reading them.
///
/// # Errors
/// When the system starts no thread.
pub fn write_beside() -> std::io::Result<()> {
    queue::start()
}

/// Waits for the lines that are still to be written, before an end.
pub fn flush() {
    queue::flush(FLUSH_LIMIT);
}

/// Starts the log of this process, once.
///
/// # Errors
/// When the filter is none, or the log has started already.
pub fn start(format: LogFormat, filter: &str) -> Result<FilterHandle, LogError> {
    let (filter, handle) = reload::Layer::new(parse(filter)?);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| queue::Lines)
        // Else a line that cannot be written is a panic.
        .log_internal_errors(false);
    let lines = match format {
        LogFormat::Text => {
            let lines = lines.fmt_fields(fields::escaped());
            lines.with_ansi(std::io::stderr().is_terminal()).boxed()
        }
        LogFormat::Json => {
            let lines = lines.json().with_current_span(false);
            lines.with_span_list(false).boxed()
        }
    };
    let log = tracing_subscriber::registry().with(filter).with(lines);
    log.try_init()
        .map_err(|error| LogError(error.to_string()))?;
    // Not before: a process without a log prints text.
    let _again = FORMAT.set(format);
    Ok(FilterHandle::new(move |text| {
        let changed = handle.reload(parse(text)?);
        changed.map_err(|error| LogError(error.to_string()))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_is_none_is_told_with_its_text() {
        for text in [DEFAULT_FILTER, "debug", "warn,cameo_cluster=debug"] {
            assert!(check_filter(text).is_ok(), "{text}");
        }
        let told = check_filter("cameo_cluster=loud").map_err(|error| error.to_string());
        assert!(told.is_err_and(|told| told.contains("`cameo_cluster=loud` is no filter")));
    }
}
