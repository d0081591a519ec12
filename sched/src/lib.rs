//! Scheduling priority of threads: consensus preempts at once, image jobs yield to all other
//! threads of the node.
//!
//! Niceness alone sets how much CPU time a thread gets, not how soon. On Linux a woken thread waits
//! until the running one has used up its slice, which the kernel checks at the next tick, up to 4
//! ms later; the path of one write has seven such waits. Since Linux 6.12 a thread with a shorter
//! slice preempts at once, and needs no privilege for it. See sched(7), and
//! `Documentation/scheduler/sched-eevdf.rst` in the kernel's source. On other systems both calls
//! succeed and change nothing.

#[cfg(target_os = "linux")]
mod attr;
#[cfg(target_os = "linux")]
use attr::set;

use std::io;
use std::time::Duration;

/// The shortest slice that the kernel accepts.
const RAISED_SLICE: Duration = Duration::from_micros(100);
/// Longer than the kernel's default (some milliseconds), so that threads with the default preempt
/// image jobs.
const LOWERED_SLICE: Duration = Duration::from_millis(10);
/// Gives image jobs a tenth of the weight of the node's other threads.
const LOWERED_NICENESS: i32 = 10;

/// Raises the priority of this thread, for short work on which others wait. Threads that it starts
/// later inherit it.
///
/// # Errors
/// The kernel's error.
pub fn raise() -> io::Result<()> {
    set(0, RAISED_SLICE)
}

/// Lowers the priority of this thread, for long work. This cannot be undone.
///
/// # Errors
/// The kernel's error.
pub fn lower() -> io::Result<()> {
    set(LOWERED_NICENESS, LOWERED_SLICE)
}

#[cfg(not(target_os = "linux"))]
fn set(_nicer: i32, _slice: Duration) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustix::process::getpriority_process;

    use super::*;

    /// On a thread of its own, because a niceness cannot be lowered again.
    fn niceness_after(change: fn() -> io::Result<()>) -> (i32, i32) {
        let thread = std::thread::spawn(move || {
            let before = getpriority_process(None).unwrap();
            change().unwrap();
            (before, getpriority_process(None).unwrap())
        });
        thread.join().unwrap()
    }

    #[test]
    fn lowering_adds_niceness_and_raising_keeps_that_of_the_process() {
        let (before, after) = niceness_after(lower);
        assert_eq!(after, (before + LOWERED_NICENESS).min(19));
        let (before, after) = niceness_after(raise);
        assert_eq!(after, before);
        let (before, after) = niceness_after(|| lower().and_then(|()| raise()));
        assert_eq!(after, (before + LOWERED_NICENESS).min(19));
    }
}
