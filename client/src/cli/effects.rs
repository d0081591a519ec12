//! What commands do beside printing, for messages after one that was cut short or not printed.

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
