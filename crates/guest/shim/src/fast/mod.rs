//! The short way: the commonest calls, in their commonest form, from patched call sites.
//!
//! What comes through a patched call site can be run like a trap: all signals blocked, on a private stack,
//! by the code in [`calls`](crate::calls). That costs two system calls more, and much memory touched. The
//! functions here run on the guest's own stack with its own signal mask, as a C library's would: a signal
//! may come at any moment, and its handler may never return. So they hold nothing: no slot, no lock, and a
//! descriptor only within the [window](newroot_sys::arch::window). The handler finds the guest about to make its call, and
//! afterwards the call is made anew ([`newroot_sys::arch::unwind`]): so nothing here may be noticed if it is done twice.
//! A call that would be goes through the window, too ([`through::once`]).
//!
//! Each answers `None` to whatever it isn't sure of. The call then takes the long way from its beginning, so
//! nothing may have happened by then that could be noticed. What they do answer is what the long way would:
//! the tests run every guest program both ways.

mod attributes;
mod directory;
mod faked;
mod look;
mod names;
mod open;
mod path;
mod read_again;
mod room;
mod signals;
mod through;

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch::{CallFrame, legacy};
use newroot_sys::raw;

use crate::calls::{filters, user_dispatch};
use crate::session::session;

/// Runs a call; `None` if it has to take the long way.
pub fn call(frame: &CallFrame) -> Option<isize> {
    if session().has(Flags::TRACE) || filters::any() || user_dispatch::any() {
        return None;
    }
    let arguments = frame.arguments();
    let number = u32::try_from(frame.number()).ok()?;
    if let raw::__NR_lseek | raw::__NR_pread64 | raw::__NR_preadv | raw::__NR_preadv2 = number {
        return read_again::run(number, arguments).map(to_return);
    }
    if session().has(Flags::FAKE_ROOT) {
        return faked::call(frame, number, arguments).map(to_return);
    }
    let answer = match number {
        raw::__NR_openat => open::openat(frame, arguments),
        legacy::__NR_open => open::open(frame, arguments),
        raw::__NR_newfstatat => look::newfstatat(frame, arguments),
        legacy::__NR_stat => look::stat(frame, arguments),
        legacy::__NR_lstat => look::lstat(frame, arguments),
        raw::__NR_statx => look::statx(frame, arguments),
        legacy::__NR_access => look::access(frame, arguments),
        legacy::__NR_readlink => look::readlink(frame, arguments),
        raw::__NR_readlinkat => look::readlinkat(frame, arguments),
        raw::__NR_lgetxattr => attributes::lgetxattr(frame, arguments),
        raw::__NR_getxattr => attributes::getxattr(frame, arguments),
        raw::__NR_llistxattr => attributes::llistxattr(frame, arguments),
        raw::__NR_getcwd => directory::getcwd(arguments),
        raw::__NR_rt_sigaction => signals::sigaction(frame, arguments),
        raw::__NR_rt_sigprocmask => signals::sigprocmask(frame, arguments),
        number => names::run(frame, number, arguments),
    }?;
    Some(to_return(answer))
}

fn to_return(answer: Result<usize, Errno>) -> isize {
    match answer {
        Ok(value) => value as isize,
        Err(error) => error.to_return(),
    }
}
