//! Runs the code for a call, by the call's row in the table.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_procfs::Decimal;
use newroot_sys::arch::AFTERWARDS;
use newroot_sys::table::{self, Call, Opens};

use crate::call::{Outcome, Trapped, forward, resume};
use crate::calls::{
    attributes, directory, exec, filters, landlock, list, names, namespaces, newer, open, path, readlink,
    signal, socket, stat, synthetic_proc, system, wait,
};
use crate::fakeroot;
use crate::mount_view;
use crate::report;
use crate::session::{base, session};
use crate::slots::Scratch;
use crate::tracing::{request, waiting};

/// Finishes a call that slept, if a signal prevents it from coming back by itself. `frame` is the
/// address of its frame.
pub fn finish(
    call: &mut Trapped<'_>,
    scratch: &mut Scratch,
    frame: usize,
    result: isize,
    note: [usize; 4],
) -> Outcome {
    if base().has(Flags::FAKE_ROOT) && mount_view::enter(call.slot).is_err() {
        // Names in the result stay as the host has them.
        return Outcome::Done(result);
    }
    came_back(call, scratch, frame, result, note)
}

/// Returns whether the call with this number opens a file by its path.
#[must_use]
pub fn is_open(number: usize) -> bool {
    table::row_of(number).is_some_and(|row| row.opens == Opens::ByPath)
}

/// Runs a trapped call.
pub fn dispatch(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    if base().has(Flags::FAKE_ROOT)
        && let Err(error) = mount_view::enter(call.slot)
        && table::row_of(call.number).is_some_and(|row| row.files)
    {
        // The process's own mount view can't be had, and no other view may be used instead.
        return error.into();
    }
    let outcome = once(call, scratch);
    // Now the number of a call that slept is known.
    let row = table::row_of(call.number);
    // Hides that newroot opens a file where the kernel needs no descriptor.
    let out_of_files = [Errno::MFILE, Errno::NFILE].map(|error| Outcome::Done(error.to_return()));
    if out_of_files.contains(&outcome) && row.is_some_and(|row| row.files && row.opens == Opens::Nothing) {
        return Errno::NOMEM.into();
    }
    // The host refuses the call to its own user, but root in the guest may be allowed to make it.
    if outcome == Outcome::Done(Errno::ACCES.to_return())
        && session().has(Flags::FAKE_ROOT)
        && let Some(row) = row
    {
        return match fakeroot::widen_mode(call, row, scratch) {
            Ok(true) => once(call, scratch),
            Ok(false) => outcome,
            Err(Errno::MFILE | Errno::NFILE) => Errno::NOMEM.into(),
            Err(error) => error.into(),
        };
    }
    outcome
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
    if row.may_be_missing
        && let Some(error) = newer::refusal(call.number)
    {
        return error.into();
    }
    if session().has(Flags::FAKE_ROOT)
        && let Some(outcome) = fakeroot::dispatch(call, row, scratch)
    {
        return outcome;
    }
    let Scratch { first, .. } = scratch;
    match row.call {
        Call::Kernel => unknown(call),
        Call::Faked(_) => forward(call.number as u32, call.arguments).into(),
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
        Call::DescriptorWrite(operation) => attributes::descriptor_write(call, operation),
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
        Call::ReadAgain => synthetic_proc::read_again(call),
        Call::Clone => namespaces::clone(call),
        Call::Unshare => namespaces::unshare(call),
        Call::SetNs => namespaces::setns(call),
    }
}

/// Finishes a call that slept and whose result the shim must check.
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
        Some(Call::Clone) => fakeroot::clone_came_back(result, note),
        Some(_) => socket::came_back(call, result, note),
        None => Errno::NOSYS.into(),
    }
}

/// Passes on a call that no kernel had when the table was made, and reports it to the user if asked
/// to (`--verbose`).
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
    let pid = Decimal::new(crate::kernel::gettid().into());
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
