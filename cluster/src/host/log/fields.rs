//! Fields of the log's lines, with what others have said in them escaped: a terminal obeys none of
//! it, and it makes no further line.

use std::fmt::Debug;

use cameo_common::terminal::escaped_line;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// The message, then `name=value` for each field.
#[must_use]
pub(super) fn escaped() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    debug_fn(
        |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| {
            let value = escaped_line(&format!("{value:?}"));
            match field.name() {
                "message" => write!(writer, "{value}"),
                name => write!(writer, "{name}={value}"),
            }
        },
    )
    .delimited(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn attack_what_a_node_says_in_a_log_line_does_not_command_the_terminal() {
        let lines = Lines::default();
        let written = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_writer(move || written.clone())
            .with_ansi(false)
            .fmt_fields(escaped())
            .finish();
        let said = "no\x1b[2J\u{9b}31m\u{202e}fdp\n2026 INFO all is well";
        tracing::subscriber::with_default(log, || {
            tracing::warn!(node = 3, why = %said, "not served: {said}");
        });
        let line = String::from_utf8(lines.0.lock().clone()).unwrap();
        let safe = "no\\u001b[2J\\u009b31m\\u202efdp\\u000a2026 INFO all is well";
        assert!(
            line.ends_with(&format!("not served: {safe} node=3 why={safe}\n")),
            "{line}"
        );
        assert_eq!(line.lines().count(), 1);
    }
}
