//! Pinned bytes of rows, log entries and replies. A difference is a change of layout: it needs a
//! new version, and old versions must stay readable, or existing clusters cannot start.

mod log;
mod rows;

/// Compares line by line, so that a failure shows the line that differs.
fn assert_pinned(lines: &[String], pinned: &str) {
    let mut expected = pinned.lines();
    for line in lines {
        assert_eq!(Some(line.as_str()), expected.next());
    }
    assert_eq!(expected.next(), None, "a pinned line without a value");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
