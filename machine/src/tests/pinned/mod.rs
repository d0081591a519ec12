//! Bytes that are on disk and in the log. A difference here is a change of layout: give the new
//! layout a new version and read the old one on, or old clusters cannot be read any more.

mod log;
mod rows;

/// Compares lines one by one, so that a difference is shown where it is.
fn assert_pinned(lines: &[String], pinned: &str) {
    let mut expected = pinned.lines();
    for line in lines {
        assert_eq!(Some(line.as_str()), expected.next());
    }
    assert_eq!(expected.next(), None, "more is pinned than is there");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
