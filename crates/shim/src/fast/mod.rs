//! The short way: the commonest calls, in their commonest form, from patched call sites.
//!
//! What comes through a patched call site can be run like a trap: all signals blocked, on a private stack,
//! by the code in [`calls`](crate::calls). That costs two system calls more, and much memory touched. The
//! functions here run on the guest's own stack with its own signal mask, as a C library's would: a signal
//! may come at any moment, and its handler may never return. So they hold nothing: no slot, no lock. The
//! one exception is a descriptor where no handler of the guest's can run ([`may_be_abandoned`]).
//!
//! Each answers `None` to whatever it isn't sure of. The call then takes the long way from its beginning, so
//! nothing may have happened by then that could be noticed. What they do answer is what the long way would:
//! the tests run every guest program both ways.

mod directory;
mod look;
mod open;
mod path;
mod signals;

use newroot_abi::plan::Flags;
use newroot_sys::arch::{CallFrame, legacy};
use newroot_sys::raw;

use crate::calls::filters;
use crate::session::session;
use crate::state;

/// Runs a call; `None` if it has to take the long way.
pub fn call(frame: &CallFrame) -> Option<isize> {
    if session().has(Flags::TRACE) || filters::any() {
        return None;
    }
    let arguments = frame.arguments();
    let answer = match u32::try_from(frame.number()).ok()? {
        raw::__NR_openat => open::openat(arguments),
        legacy::__NR_open => open::open(arguments),
        raw::__NR_newfstatat => look::newfstatat(arguments),
        legacy::__NR_stat => look::stat(arguments),
        legacy::__NR_lstat => look::lstat(arguments),
        raw::__NR_statx => look::statx(arguments),
        legacy::__NR_access => look::access(arguments),
        legacy::__NR_readlink => look::readlink(arguments),
        raw::__NR_readlinkat => look::readlinkat(arguments),
        raw::__NR_getcwd => directory::getcwd(arguments),
        raw::__NR_rt_sigaction => signals::sigaction(arguments),
        raw::__NR_rt_sigprocmask => signals::sigprocmask(arguments),
        _ => None,
    }?;
    Some(match answer {
        Ok(value) => value as isize,
        Err(error) => error.to_return(),
    })
}

/// Whether a handler of the guest's could come in between, and leave by siglongjmp(3) what was begun.
fn may_be_abandoned() -> bool {
    state::has_handlers()
}
