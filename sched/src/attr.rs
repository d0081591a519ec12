//! `sched_setattr(2)`, for the calling thread.
//!
//! Unsafe code is needed because neither std nor rustix nor nix has this call, and no other call
//! sets a slice. It is sound: the kernel only reads the structure, which lives until the call
//! returns and contains its own size; 0 means the calling thread, so no other thread's attributes
//! change; and scheduling attributes change when code runs, never what it may assume.

use std::io;
use std::time::Duration;

use rustix::process::getpriority_process;

/// `struct sched_attr` as of Linux 3.14, 48 bytes: all later kernels accept it.
#[repr(C)]
struct Attr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// For `SCHED_OTHER`: the slice in nanoseconds.
    runtime: u64,
    deadline: u64,
    period: u64,
}

const SIZE: u32 = 48;
const _: () = assert!(size_of::<Attr>() == SIZE as usize);

/// The greatest niceness.
const NICEST: i32 = 19;

pub(super) fn set(nicer: i32, slice: Duration) -> io::Result<()> {
    let niceness = (getpriority_process(None)? + nicer).min(NICEST);
    let attr = Attr {
        size: SIZE,
        policy: libc::SCHED_OTHER as u32,
        flags: 0,
        nice: niceness,
        priority: 0,
        runtime: slice.as_nanos() as u64,
        deadline: 0,
        period: 0,
    };
    #[allow(unsafe_code)]
    // SAFETY: see the module.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
