//! Effects of commands beside their output, for messages where it was cut short or not written.

/// Whether a command changes nothing at others and nothing that it could lose.
pub(super) fn only_reads(verb: &str) -> bool {
    matches!(
        verb,
        "gallery"
            | "inbox"
            | "inspect"
            | "log"
            | "requests"
            | "shared"
            | "status"
            | "who"
            | "device list"
    )
}
