//! The system calls that fake root changes.

mod access;
mod attributes;
mod capabilities;
mod change;
mod create;
mod device;
pub(super) mod exec;
mod ids;
mod list;
mod mount;
mod open;
mod others;
mod peers;
mod remove;
mod root;
mod signals;
mod socket;
mod stat;
mod times;
mod walk;

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_sys::table::{Call, Intent, Operation, PathCall, RootCall, Row};

use crate::call::{Outcome, Trapped};
use crate::calls::errno_order;
use crate::identity::process;
use crate::slots::{Operand, Scratch};

pub(crate) use open::{open_refused, open_stand_in};
pub(crate) use root::clone_came_back;
pub(crate) use socket::{push_control, show_received};

/// Runs a call, if fake root makes a difference to it. `None` leaves it to the ordinary code.
pub fn dispatch(call: &mut Trapped<'_>, row: &Row, scratch: &mut Scratch) -> Option<Outcome> {
    if row.errno_as_root != 0 {
        return Some(Errno::from_number(row.errno_as_root.into()).into());
    }
    if let Call::Faked(kind) = row.call {
        return Some(faked(call, kind, scratch));
    }
    let me = process::current();
    match row.call {
        Call::ChRoot => Some(root::chroot(call, &me, &mut scratch.first).into()),
        Call::Stat | Call::LStat | Call::NewFStatAt | Call::StatX => {
            Some(stat::stat(call, &me, &mut scratch.first).into())
        }
        Call::FStat => Some(stat::fstat(call, &me).into()),
        Call::FStatFs => stat::fstatfs(call),
        Call::Open | Call::OpenAt | Call::OpenAt2 | Call::Creat => open::open(call, &me, scratch),
        Call::Path(path) => by_path(call, &me, &path, &mut scratch.first),
        Call::Rename | Call::RenameAt | Call::RenameAt2 => Some(remove::rename(call, &me, scratch).into()),
        Call::Link | Call::LinkAt => remove::check_link(call, &me, scratch).err().map(Into::into),
        Call::ReadLink | Call::ReadLinkAt | Call::StatFs | Call::ChDir | Call::FChDir => {
            walk::check_call(call, &me, row, &mut scratch.first).err().map(Into::into)
        }
        Call::DescriptorWrite(operation) => Some(descriptor_write(call, &me, operation).into()),
        Call::GetDents | Call::GetDents64 => Some(list::list(call, row.call)),
        Call::Bind => create::bind(call, &me, scratch),
        Call::Connect | Call::SendTo | Call::SendMsg | Call::SendMMsg => {
            socket::outgoing(call, &me, row.call, &mut scratch.first).err().map(Into::into)
        }
        Call::Prctl => capabilities::prctl(call, &me).map(Into::into),
        Call::Ptrace => peers::ptrace(call, &me),
        Call::Uname => Some(others::uname(call, &me)),
        Call::Unshare => Some(root::unshare(call, &me).into()),
        Call::Clone => Some(root::clone(call, &me).unwrap_or_else(Into::into)),
        _ => None,
    }
}

/// Runs a call with one path. `None` leaves it to the ordinary code.
fn by_path(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    path: &PathCall,
    operand: &mut Operand,
) -> Option<Outcome> {
    let result = match path.operation {
        Operation::Access { mode } => return Some(access::access(call, me, path, mode, operand).into()),
        Operation::SetAttribute
        | Operation::GetAttribute
        | Operation::ListAttributes
        | Operation::RemoveAttribute => return Some(attributes::by_path(call, me, path, operand).into()),
        Operation::SetMode { .. } | Operation::SetOwner { .. } => change::by_path(call, me, path, operand),
        operation => match operation.intent() {
            Intent::Create => create::create(call, me, path, operand),
            Intent::Remove => remove::remove(call, me, path, operand),
            Intent::Read | Intent::Modify => {
                if let Err(refused) = walk::check(call, me, path, operand) {
                    return Some(in_errno_order(call, path, operand, Err(refused)));
                }
                let sets_times = matches!(operation, Operation::SetTimes { .. });
                return sets_times.then(|| times::set(call, me, path, operand));
            }
        },
    };
    Some(in_errno_order(call, path, operand, result))
}

/// Returns a call's final answer, with its errno in the kernel's order.
fn in_errno_order(
    call: &Trapped<'_>,
    row: &PathCall,
    operand: &mut Operand,
    result: Result<usize, Errno>,
) -> Outcome {
    result.or_else(|error| errno_order::path(call.number, call.arguments, row, operand, error)).into()
}

/// Runs a call that is only trapped under fake root.
fn faked(call: &mut Trapped<'_>, kind: RootCall, scratch: &mut Scratch) -> Outcome {
    let number = call.number as u32;
    if kind == RootCall::Identity {
        return ids::run(call, number).into();
    }
    let me = &process::current();
    match kind {
        RootCall::Identity => Errno::NOSYS.into(),
        RootCall::Attributes(operation) => attributes::by_descriptor(call, me, operation).into(),
        RootCall::CapGet => capabilities::capget(call, me).into(),
        RootCall::CapSet => capabilities::capset(call, me).into(),
        RootCall::Mount => mount::run(call, me, number, scratch).into(),
        RootCall::Kill => signals::kill(call, me).into(),
        RootCall::Signal { target } => signals::signal(call, me, target).into(),
        RootCall::SignalByDescriptor => signals::by_descriptor(call, me).into(),
        RootCall::Schedule => peers::schedule(call, me).into(),
        RootCall::SchedulePriority { process } => peers::schedule_priority(call, me, process).into(),
        RootCall::Trace(traced) => peers::trace(call, me, traced).into(),
        RootCall::GetLimit => others::get_limit(call).into(),
        RootCall::SetLimit => others::set_own_limit(call, me).into(),
        RootCall::ProcessLimit => others::prlimit(call, me).into(),
        RootCall::SetHostName => others::set_name(call, me, false).into(),
        RootCall::SetDomainName => others::set_name(call, me, true).into(),
        RootCall::GetSockOpt => socket::getsockopt(call).into(),
        RootCall::RecordPeer => {
            process::note(process::Note::Peer);
            crate::call::forward(number, call.arguments).into()
        }
    }
}

fn descriptor_write(call: &Trapped<'_>, me: &Identity<'_>, operation: Operation) -> Result<usize, Errno> {
    // The ordinary code knows whether its binding is read-only.
    let refused = crate::calls::attributes::refused(call);
    let changes_attribute = matches!(operation, Operation::SetAttribute | Operation::RemoveAttribute);
    match refused {
        Some(error) if changes_attribute => errno_order::attribute(call.number, call.arguments, error),
        Some(error) => Err(error),
        None if changes_attribute => attributes::by_descriptor(call, me, operation),
        None => change::by_descriptor(call, me, operation),
    }
}
