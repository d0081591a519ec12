//! How soon a thread gets its turn: consensus at once, image jobs when nobody else of this node wants to run, and
//! whatever is not changed here between the two.
//!
//! Niceness alone decides how much a thread gets, not how soon. Linux lets whoever runs finish a slice before one who
//! wakes up takes over, and looks at that only at the next tick, which may be 4 ms away: seven such waits are on the
//! way of one write. Since Linux 6.12 a thread that asks for a shorter slice takes over at once, and needs no
//! privilege for it. See sched(7), and `Documentation/scheduler/sched-eevdf.rst` in the kernel's source. Elsewhere
//! these are no errors and change nothing.

#[cfg(target_os = "linux")]
mod attr;
#[cfg(target_os = "linux")]
use attr::set;

use std::io;
use std::time::Duration;

/// The shortest slice that the kernel takes.
const PROMPT_SLICE: Duration = Duration::from_micros(100);
/// Longer than the kernel's own (some milliseconds), so that whoever has that one takes over from an image job.
const PATIENT_SLICE: Duration = Duration::from_millis(10);
/// How far image work stands back: a tenth of the weight of the node's other threads.
const PATIENT_NICENESS: i32 = 10;

/// This thread does short things that others wait for. Threads that it starts later inherit that.
///
/// # Errors
/// What the kernel says.
pub fn prompt() -> io::Result<()> {
    set(0, PROMPT_SLICE)
}

/// This thread has much to do, and nobody waits for its next millisecond. It cannot be taken back.
///
/// # Errors
/// What the kernel says.
pub fn patient() -> io::Result<()> {
    set(PATIENT_NICENESS, PATIENT_SLICE)
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

    /// On a thread of its own, because niceness is not given back.
    fn niceness_after(change: fn() -> io::Result<()>) -> (i32, i32) {
        let thread = std::thread::spawn(move || {
            let before = getpriority_process(None).unwrap();
            change().unwrap();
            (before, getpriority_process(None).unwrap())
        });
        thread.join().unwrap()
    }

    #[test]
    fn who_is_patient_stands_back_and_who_is_prompt_stays_as_nice_as_its_process_was_started() {
        let (before, after) = niceness_after(patient);
        assert_eq!(after, (before + PATIENT_NICENESS).min(19));
        let (before, after) = niceness_after(prompt);
        assert_eq!(after, before);
        let (before, after) = niceness_after(|| patient().and_then(|()| prompt()));
        assert_eq!(after, (before + PATIENT_NICENESS).min(19));
    }
}
