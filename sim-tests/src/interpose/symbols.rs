//! The C functions themselves. The linker takes a program's own definition of a
//! symbol before libc's, so all libraries come here; calls that are not a
//! simulation's go on to libc.

#![allow(unsafe_code, reason = "functions of the C library can be defined and called in no other way")]

use std::ffi::{CStr, c_int, c_long, c_uint, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{is_active, next_u64, now_us};

type ClockGettime = unsafe extern "C" fn(libc::clockid_t, *mut libc::timespec) -> c_int;
type Getrandom = unsafe extern "C" fn(*mut c_void, usize, c_uint) -> isize;
type Syscall = unsafe extern "C" fn(c_long, c_long, c_long, c_long, c_long, c_long, c_long) -> c_long;

static CLOCK_GETTIME: AtomicUsize = AtomicUsize::new(0);
static GETRANDOM: AtomicUsize = AtomicUsize::new(0);
static SYSCALL: AtomicUsize = AtomicUsize::new(0);

/// libc's own definition of a symbol, looked up once.
fn original(cache: &AtomicUsize, name: &CStr) -> usize {
    match cache.load(Ordering::Relaxed) {
        0 => {
            // SAFETY: `name` is a C string; RTLD_NEXT looks behind this program's own definition.
            let found = unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) } as usize;
            if found == 0 {
                std::process::abort();
            }
            cache.store(found, Ordering::Relaxed);
            found
        }
        found => found,
    }
}

fn fill(buffer: *mut c_void, length: usize) {
    for at in (0..length).step_by(8) {
        let bytes = next_u64().to_le_bytes();
        let count = (length - at).min(8);
        // SAFETY: the caller gave `length` writable bytes at `buffer`, and `at + count <= length`.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buffer.cast::<u8>().add(at), count) };
    }
}

/// `getrandom(2)`.
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize {
    if is_active() {
        fill(buffer, length);
        return length as isize;
    }
    // SAFETY: libc's `getrandom` has this signature, and gets what the caller gave.
    unsafe {
        std::mem::transmute::<usize, Getrandom>(original(&GETRANDOM, c"getrandom"))(buffer, length, flags)
    }
}

/// `getentropy(3)`; all of it or an error.
#[unsafe(no_mangle)]
unsafe extern "C" fn getentropy(buffer: *mut c_void, length: usize) -> c_int {
    // SAFETY: as the caller promised.
    let filled = unsafe { getrandom(buffer, length, 0) };
    if usize::try_from(filled) == Ok(length) { 0 } else { -1 }
}

/// `syscall(2)`, by which the older `getrandom` crate asks.
#[unsafe(no_mangle)]
unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    if number == libc::SYS_getrandom && is_active() {
        fill(a as *mut c_void, b as usize);
        return b;
    }
    // SAFETY: libc's `syscall` takes up to seven words and passes them on; those that the caller
    // did not give are not looked at by the kernel.
    unsafe { std::mem::transmute::<usize, Syscall>(original(&SYSCALL, c"syscall"))(number, a, b, c, d, e, f) }
}

/// `clock_gettime(2)`; all clocks of a simulation are one.
#[unsafe(no_mangle)]
unsafe extern "C" fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    if is_active() {
        let now_us = now_us();
        // SAFETY: the caller gave a place for the time.
        unsafe {
            (*time).tv_sec = (now_us / 1_000_000) as libc::time_t;
            (*time).tv_nsec = (now_us % 1_000_000 * 1_000) as c_long;
        }
        return 0;
    }
    // SAFETY: libc's `clock_gettime` has this signature, and gets what the caller gave.
    unsafe {
        std::mem::transmute::<usize, ClockGettime>(original(&CLOCK_GETTIME, c"clock_gettime"))(clock, time)
    }
}
