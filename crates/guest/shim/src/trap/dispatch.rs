//! From a call's row in the table to the code that runs it.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_procfs::Decimal;
use newroot_sys::arch::AFTERWARDS;
use newroot_sys::raw;
use newroot_sys::table::{self, Call, Row};

use super::{Outcome, Trapped, resume};
use crate::calls::{
    attributes, directory, exec, filters, forward, landlock, list, names, namespaces, newer, open, path,
    procfs_files, readlink, signal, socket, stat, system, wait,
};
use crate::outlook;
use crate::owner;
use crate::report;
use crate::session::{base, session};
use crate::slots::Scratch;
use crate::tracing::{request, waiting};

/// Finishes a call that slept, whose frame is at an address, and that a signal keeps from coming back by itself.
pub fn finish(
    call: &mut Trapped<'_>,
    scratch: &mut Scratch,
    frame: usize,
    result: isize,
    note: [usize; 4],
) -> Outcome {
    if base().has(Flags::FAKE_ROOT) && outlook::enter(call.slot).is_err() {
        // Names in the result stay as the host has them.
        return Outcome::Done(result);
    }
    came_back(call, scratch, frame, result, note)
}

/// Whether a call's number is that of one that opens a file by its path.
#[must_use]
pub fn is_open(number: usize) -> bool {
    let call = table::row_of(number).map(|row| row.call);
    matches!(call, Some(Call::Open | Call::OpenAt | Call::OpenAt2 | Call::Creat))
}

/// Runs a trapped call.
pub fn dispatch(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    if base().has(Flags::FAKE_ROOT)
        && let Err(error) = outlook::enter(call.slot)
        && table::row_of(call.number).is_some_and(looks_at_files)
    {
        // Where the process really is, nothing can be found; and nothing is to be found elsewhere.
        return error.into();
    }
    let outcome = once(call, scratch);
    // By now the number of a call that slept is known.
    let row = table::row_of(call.number);
    // That newroot opens a file where the kernel needs none is its own affair.
    let out_of_files = [Errno::MFILE, Errno::NFILE].map(|error| Outcome::Done(error.to_return()));
    if out_of_files.contains(&outcome) && row.is_some_and(|row| looks_at_files(row) && !opens(row.call)) {
        return Errno::NOMEM.into();
    }
    // What the host refuses its own user, it may yet have to grant who is root in the guest.
    if outcome == Outcome::Done(Errno::ACCES.to_return())
        && session().has(Flags::FAKE_ROOT)
        && let Some(row) = row
    {
        return match owner::unlock(call, row, scratch) {
            Ok(true) => once(call, scratch),
            Ok(false) => outcome,
            Err(Errno::MFILE | Errno::NFILE) => Errno::NOMEM.into(),
            Err(error) => error.into(),
        };
    }
    outcome
}

/// Whether a call has to do with files, by a path or a descriptor.
fn looks_at_files(row: &Row) -> bool {
    let mounts = matches!(row.number, raw::__NR_mount | raw::__NR_umount2 | raw::__NR_pivot_root);
    let other = matches!(
        row.call,
        Call::Kernel
            | Call::Faked
            | Call::Wait4
            | Call::WaitId
            | Call::Ptrace
            | Call::Prctl
            | Call::Seccomp
            | Call::LandlockRestrictSelf
            | Call::Uname
            | Call::ReadAgain
            | Call::Clone
            | Call::Unshare
            | Call::SetNs
            | Call::SigAction
            | Call::SigProcMask
            | Call::SigPending
            | Call::SigReturn
            | Call::SigTimedWait
            | Call::SigSuspend
            | Call::PPoll
            | Call::PSelect6
            | Call::EPollPWait
    );
    mounts || !other
}

/// Whether the kernel itself opens a file for a call.
fn opens(call: Call) -> bool {
    matches!(
        call,
        Call::Open
            | Call::OpenAt
            | Call::OpenAt2
            | Call::Creat
            | Call::ExecVe
            | Call::ExecVeAt
            | Call::Accept
            | Call::RecvMsg
            | Call::RecvMMsg
    )
}

fn once(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    if call.number == AFTERWARDS as usize {
        let frame = call.context.registers.sp();
        return match resume::unwind(call) {
            Ok((result, note)) => came_back(call, scratch, frame, result, note),
            Err(error) => error.into(),
        };
    }
    if let Some(verdict) = filters::verdict(call) {
        return verdict;
    }
    let Some(row) = table::row_of(call.number) else {
        return unknown(call);
    };
    if let Some(error) = newer::refusal(call.number) {
        return error.into();
    }
    if session().has(Flags::FAKE_ROOT)
        && let Some(outcome) = owner::dispatch(call, row, scratch)
    {
        return outcome;
    }
    let Scratch { first, .. } = scratch;
    match row.call {
        Call::Kernel => unknown(call),
        Call::Faked => forward(call.number as u32, call.arguments).into(),
        Call::Path(description) => path::run(call, &description, first),
        Call::Open | Call::OpenAt | Call::OpenAt2 | Call::Creat => open::open(call, scratch),
        Call::Stat | Call::LStat | Call::NewFStatAt | Call::StatX => stat::stat(call, first),
        Call::FStat => stat::fstat(call),
        Call::StatFs => stat::statfs(call, first),
        Call::FStatFs => stat::fstatfs(call),
        Call::ChRoot => directory::chroot(call, first),
        Call::ReadLink => readlink::readlink(call, first),
        Call::ReadLinkAt => readlink::readlinkat(call, first),
        Call::ChDir => directory::chdir(call, first),
        Call::FChDir => directory::fchdir(call),
        Call::GetCwd => directory::getcwd(call, first),
        Call::Rename => names::rename(call, scratch),
        Call::RenameAt => names::renameat(call, scratch),
        Call::RenameAt2 => names::renameat2(call, scratch),
        Call::Link => names::link(call, scratch),
        Call::LinkAt => names::linkat(call, scratch),
        Call::ExecVe => exec::execve(call, scratch),
        Call::ExecVeAt => exec::execveat(call, scratch),
        Call::GetDents => list::getdents(call),
        Call::GetDents64 => list::getdents64(call),
        Call::DescriptorWrite => attributes::descriptor_write(call),
        Call::Bind => socket::bind(call, first),
        Call::Connect => socket::connect(call, first),
        Call::SendTo => socket::sendto(call, first),
        Call::SendMsg => socket::sendmsg(call, first),
        Call::SendMMsg => socket::sendmmsg(call, first),
        Call::GetSockName | Call::GetPeerName => socket::name(call),
        Call::Accept => socket::accept(call),
        Call::RecvFrom => socket::recvfrom(call),
        Call::RecvMsg => socket::recvmsg(call),
        Call::RecvMMsg => socket::recvmmsg(call),
        Call::SigAction => signal::sigaction(call),
        Call::SigProcMask => signal::sigprocmask(call),
        Call::SigPending => signal::sigpending(call),
        Call::SigReturn => signal::sigreturn(call),
        Call::SigTimedWait => signal::sigtimedwait(call),
        Call::SigSuspend => wait::sigsuspend(call),
        Call::PPoll => wait::ppoll(call),
        Call::PSelect6 => wait::pselect6(call),
        Call::EPollPWait => wait::epoll_pwait(call),
        Call::Wait4 | Call::WaitId => waiting::wait(call),
        Call::Ptrace => request::ptrace(call),
        Call::Prctl => filters::prctl(call),
        Call::Seccomp => filters::seccomp(call),
        Call::LandlockAddRule => landlock::add_rule(call),
        Call::LandlockRestrictSelf => landlock::restrict_self(call),
        Call::Uname => system::uname(call),
        Call::ReadAgain => procfs_files::read_again(call),
        Call::Clone => namespaces::clone(call),
        Call::Unshare => namespaces::unshare(call),
        Call::SetNs => namespaces::setns(call),
    }
}

/// A call that slept, and whose result wants looking at.
fn came_back(
    call: &mut Trapped<'_>,
    scratch: &mut Scratch,
    frame: usize,
    result: isize,
    note: [usize; 4],
) -> Outcome {
    match table::row_of(call.number).map(|row| row.call) {
        Some(Call::Open | Call::OpenAt | Call::OpenAt2 | Call::Creat) => {
            open::came_back(call, scratch, result, note[0])
        }
        Some(Call::SigTimedWait) => signal::sigtimedwait_came_back(call, result),
        Some(Call::Wait4 | Call::WaitId) => waiting::came_back(call, frame, result, note),
        Some(Call::Clone) => owner::clone_came_back(result, note),
        Some(_) => socket::came_back(call, result, note),
        None => Errno::NOSYS.into(),
    }
}

/// A call that no kernel had when the table was made: it goes through, and the user is told.
fn unknown(call: &mut Trapped<'_>) -> Outcome {
    if session().has(Flags::VERBOSE) {
        let number = Decimal::new(call.number as u64);
        report::line(&[b"unknown system call ", number.bytes(), b" passed to the kernel as it is"]);
    }
    forward(call.number as u32, call.arguments).into()
}

/// Reports a trapped call on standard error.
pub fn trace(call: &Trapped<'_>, outcome: Outcome) {
    let name = table::row_of(call.number).map_or(&b"(unknown)"[..], |row| row.name.as_bytes());
    let pid = Decimal::new(crate::host::gettid().into());
    match outcome {
        Outcome::Done(result) if result < 0 => {
            let errno = Decimal::new(result.unsigned_abs() as u64);
            report::line(&[b"[", pid.bytes(), b"] ", name, b" = -", errno.bytes()]);
        }
        Outcome::Done(result) => {
            let value = Decimal::new(result as u64);
            report::line(&[b"[", pid.bytes(), b"] ", name, b" = ", value.bytes()]);
        }
        Outcome::Continue => {
            report::line(&[b"[", pid.bytes(), b"] ", name, b" goes on with the guest's stack"])
        }
    }
}
