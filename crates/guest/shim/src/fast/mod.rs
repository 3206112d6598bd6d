//! The fast path: the most common calls, in their most common form, from patched call sites.
//!
//! A call from a patched call site can run like a trap: on a private stack, with all signals
//! blocked, by the code in [`calls`](crate::calls). That takes two more system calls and touches
//! much memory. The functions here run on the guest's own stack with its own signal mask, like a C
//! library's functions. A signal may arrive at any moment, and its handler may never return. So
//! they hold nothing: no slot, no lock, and a descriptor only within a [restartable
//! section](newroot_sys::arch::restartable). A handler finds the guest about to make its call, and
//! afterwards the guest makes the call again ([`newroot_sys::arch::unwind`]). So nothing here may
//! have a visible effect if it is done twice. A call that would have one goes through the
//! restartable section, too (`through::once`).
//!
//! A function here returns `None` whenever it isn't sure of the answer. The call then takes the
//! slow path from its beginning, so nothing visible may have happened by then. An answer that they
//! do give is the slow path's: the tests run every guest program both ways.

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
use newroot_sys::arch::CallFrame;
use newroot_sys::table::{self, Fast};

use crate::calls::{filters, user_dispatch};
use crate::session::session;

/// Runs a call; returns `None` if it must take the slow path.
pub fn call(frame: &CallFrame) -> Option<isize> {
    if session().has(Flags::TRACE) || filters::any() || user_dispatch::any() {
        return None;
    }
    let arguments = frame.arguments();
    let row = table::row_of(frame.number())?;
    if row.fast == Fast::ReadAgain {
        return read_again::run(row.number, arguments).map(to_return);
    }
    if session().has(Flags::FAKE_ROOT) {
        return faked::call(frame, row, arguments).map(to_return);
    }
    let answer = match row.fast {
        Fast::OpenAt => open::openat(frame, arguments),
        Fast::Open => open::open(frame, arguments),
        Fast::NewFStatAt => look::newfstatat(frame, arguments),
        Fast::Stat => look::stat(frame, arguments),
        Fast::LStat => look::lstat(frame, arguments),
        Fast::StatX => look::statx(frame, arguments),
        Fast::Access => look::access(frame, arguments),
        Fast::ReadLink => look::readlink(frame, arguments),
        Fast::ReadLinkAt => look::readlinkat(frame, arguments),
        Fast::LGetXAttr => attributes::lgetxattr(frame, arguments),
        Fast::GetXAttr => attributes::getxattr(frame, arguments),
        Fast::LListXAttr => attributes::llistxattr(frame, arguments),
        Fast::GetCwd => directory::getcwd(arguments),
        Fast::SigAction => signals::sigaction(frame, arguments),
        Fast::SigProcMask => signals::sigprocmask(frame, arguments),
        Fast::Name => names::run(frame, row, arguments),
        Fast::Never | Fast::ReadAgain | Fast::FStat | Fast::GetId => None,
    }?;
    Some(to_return(answer))
}

fn to_return(answer: Result<usize, Errno>) -> isize {
    match answer {
        Ok(value) => value as isize,
        Err(error) => error.to_return(),
    }
}
