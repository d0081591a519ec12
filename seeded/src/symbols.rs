//! The C library's symbols that this crate defines: `getrandom`, `syscall` and `clock_gettime`.
//!
//! Why unsafe code: a symbol of the C library can only be replaced by an `extern "C"` function of
//! its name, which takes raw pointers. The program's own definition comes before the library's, for
//! static references and for `dlsym`; the library's is found behind it with `RTLD_NEXT`.
//!
//! `syscall` is there because the crate `getrandom` 0.2, which `ring` uses, makes the system call
//! itself. It is variadic in C. On x86-64 and AArch64 Linux, variadic integers are passed as fixed
//! ones are, so a function of seven of them receives and passes on every call; more than six
//! arguments no system call has.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_long, c_uint, c_void};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::{SEEDED, WALL, fill};

type GetRandom = unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize;
type Syscall =
    unsafe extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;
type ClockGetTime = unsafe extern "C" fn(c_int, *mut libc::timespec) -> c_int;

static GETRANDOM: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static SYSCALL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
static CLOCK_GETTIME: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

/// The C library's own symbol, looked up once.
fn next_symbol(cache: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = cache.load(Ordering::Relaxed);
    if !known.is_null() {
        return known;
    }
    // SAFETY: the name is a C string, and the call has no other precondition.
    let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr().cast::<c_char>()) };
    if found.is_null() {
        // Every glibc has them; without them nothing of this process can go on.
        std::process::abort();
    }
    cache.store(found, Ordering::Relaxed);
    found
}

/// Whether other code of this process finds the functions below instead of the library's.
pub(super) fn is_interposed() -> bool {
    let ours: [(&CStr, *const ()); 3] = [
        (c"getrandom", getrandom as *const ()),
        (c"syscall", syscall as *const ()),
        (c"clock_gettime", clock_gettime as *const ()),
    ];
    ours.iter().all(|(name, ours)| {
        // SAFETY: as in `next_symbol`.
        let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr().cast::<c_char>()) };
        std::ptr::eq(found.cast_const().cast::<()>(), *ours)
    })
}

/// # Safety
/// As getrandom(2): `buffer` has room for `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    if SEEDED.load(Ordering::Relaxed) {
        // SAFETY: by this function's contract.
        unsafe { fill_raw(buffer, length) };
        return length as isize;
    }
    let next = next_symbol(&GETRANDOM, c"getrandom");
    // SAFETY: the library's `getrandom` has this type, and its contract is this function's.
    unsafe {
        let next = std::mem::transmute::<*mut c_void, GetRandom>(next);
        next(buffer, length, flags)
    }
}

/// # Safety
/// As syscall(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_getrandom && SEEDED.load(Ordering::Relaxed) {
        // SAFETY: the arguments are those of getrandom(2): a buffer and its length.
        unsafe { fill_raw(a as *mut c_void, b as usize) };
        return b;
    }
    let next = next_symbol(&SYSCALL, c"syscall");
    // SAFETY: the library's `syscall` reads these registers, as this function does (see above), and
    // its contract is this function's.
    unsafe {
        let next = std::mem::transmute::<*mut c_void, Syscall>(next);
        next(number, a, b, c, d, e, f)
    }
}

/// # Safety
/// As `clock_gettime(3)`: `time` may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut libc::timespec) -> c_int {
    if clock == libc::CLOCK_REALTIME && SEEDED.load(Ordering::Relaxed) {
        let seconds = WALL.load(Ordering::Relaxed) as libc::time_t;
        // SAFETY: by this function's contract.
        unsafe {
            (*time).tv_sec = seconds;
            (*time).tv_nsec = 0;
        }
        return 0;
    }
    let next = next_symbol(&CLOCK_GETTIME, c"clock_gettime");
    // SAFETY: the library's `clock_gettime` has this type, and its contract is this function's.
    unsafe {
        let next = std::mem::transmute::<*mut c_void, ClockGetTime>(next);
        next(clock, time)
    }
}

/// # Safety
/// `buffer` has room for `length` bytes.
unsafe fn fill_raw(buffer: *mut c_void, length: usize) {
    if length == 0 {
        return;
    }
    // SAFETY: by this function's contract; a byte may have any value before.
    let bytes = unsafe {
        std::ptr::write_bytes(buffer.cast::<u8>(), 0, length);
        std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length)
    };
    fill(bytes);
}
