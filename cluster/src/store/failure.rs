//! Faults that leave a node no safe way on.

use std::io;

/// Ends the process at once, visibly and without running destructors: after a failed fsync the
/// kernel may have dropped the very pages that were promised, so nothing may be acknowledged,
/// retried or tidied up any more.
pub(super) fn stop_process(what: &str, error: &dyn std::error::Error) -> ! {
    tracing::error!(%error, "{what}: this node stops now");
    eprintln!(
        "cameod: fatal: {what}: {error}. The node stops so that it promises nothing that is not on \
         disk. Check the disk and the kernel log, then start it again."
    );
    std::process::abort()
}

/// Ends the process when what it guards panics: a part that others wait for must not vanish quietly.
pub(super) struct StopOnPanic(pub &'static str);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            stop_process(self.0, &io::Error::other("panic"));
        }
    }
}

/// No room left: the only write failure that is handed back instead of ending the process.
pub(super) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
