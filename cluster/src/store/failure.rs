//! Failures after which a node cannot continue safely.

use std::io;

use crate::host::log;

/// Ends the process at once, without running destructors. After a failed fsync the kernel may have
/// dropped pages that it had not written, so nothing may be acknowledged, retried or cleaned up any
/// more.
pub(crate) fn stop_process(what: &str, error: &dyn std::error::Error) -> ! {
    tracing::error!(%error, "{what}: this node stops now");
    log::tell(
        log::Level::Error,
        format_args!(
            "fatal: {what}: {error}. The node stops, because it must not acknowledge what is not \
             on disk. Check the disk and the kernel log, then start it again."
        ),
    );
    log::flush();
    std::process::abort()
}

/// Ends the process when the guarded code panics, because other tasks wait for its result.
pub(super) struct StopOnPanic(pub &'static str);

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            stop_process(self.0, &io::Error::other("panic"));
        }
    }
}

/// Whether the disk is full: the only write failure that is returned instead of ending the process.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
