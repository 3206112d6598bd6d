//! The system calls that fake root has something to say to.

mod access;
mod attributes;
mod capabilities;
mod change;
mod create;
mod device;
pub mod exec;
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
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::{Call, Intent, PathCall, Row};

use super::process;
use crate::calls::path::is_access;
use crate::calls::precedence;
use crate::slots::{Operand, Scratch};
use crate::trap::{Outcome, Trapped};

pub(super) use mount::forget_memory_of;
pub(crate) use open::{open_stand_in, opens_device};
pub(crate) use root::clone_came_back;
pub(crate) use socket::{push_control, show_received};

/// Runs a call, if it is one that fake root makes a difference to; `None` leaves it to the ordinary code.
pub fn dispatch(call: &mut Trapped<'_>, row: &Row, scratch: &mut Scratch) -> Option<Outcome> {
    let number = row.number;
    if row.call == Call::Faked {
        return Some(faked(call, number));
    }
    let me = process::current();
    if matches!(number, raw::__NR_move_mount | raw::__NR_fsopen..=raw::__NR_fspick)
        || matches!(number, raw::__NR_mount_setattr | raw::__NR_open_tree | raw::__NR_open_tree_attr)
    {
        // Programs know what to do without: mount(2).
        return Some(Errno::NOSYS.into());
    }
    if matches!(number, raw::__NR_mount | raw::__NR_umount2 | raw::__NR_pivot_root) {
        return Some(mount::run(call, &me, number, scratch).into());
    }
    match row.call {
        Call::ChRoot => Some(root::chroot(call, &me, &mut scratch.first).into()),
        Call::Stat | Call::LStat | Call::NewFStatAt | Call::StatX => {
            Some(stat::stat(call, &me, &mut scratch.first).into())
        }
        Call::FStat => Some(stat::fstat(call, &me).into()),
        Call::FStatFs => stat::fstatfs(call),
        Call::Open | Call::OpenAt | Call::OpenAt2 | Call::Creat => open::open(call, &me, scratch),
        Call::Path(path) if is_access(&path) => {
            Some(access::access(call, &me, &path, &mut scratch.first).into())
        }
        Call::Path(path) => match number {
            legacy::__NR_chmod
            | raw::__NR_fchmodat
            | raw::__NR_fchmodat2
            | legacy::__NR_chown
            | legacy::__NR_lchown
            | raw::__NR_fchownat => {
                let result = change::by_path(call, &me, &path, &mut scratch.first);
                Some(minded(call, &path, &mut scratch.first, result))
            }
            raw::__NR_setxattr..=raw::__NR_fremovexattr => {
                Some(attributes::by_path(call, &me, &path, &mut scratch.first).into())
            }
            raw::__NR_setxattrat..=raw::__NR_removexattrat => Some(Errno::NOSYS.into()),
            _ if path.intent == Intent::Create => {
                let result = create::create(call, &me, &path, &mut scratch.first);
                Some(minded(call, &path, &mut scratch.first, result))
            }
            _ if path.intent == Intent::Remove => {
                let result = remove::remove(call, &me, &path, &mut scratch.first);
                Some(minded(call, &path, &mut scratch.first, result))
            }
            _ => {
                if let Err(refused) = walk::check(call, &me, &path, &mut scratch.first) {
                    return Some(minded(call, &path, &mut scratch.first, Err(refused)));
                }
                times::sets_times(number).then(|| times::set(call, &me, &path, &mut scratch.first))
            }
        },
        Call::Rename | Call::RenameAt | Call::RenameAt2 => Some(remove::rename(call, &me, scratch).into()),
        Call::Link | Call::LinkAt => remove::check_link(call, &me, scratch).err().map(Into::into),
        Call::ReadLink | Call::ReadLinkAt | Call::StatFs | Call::ChDir | Call::FChDir => {
            walk::check_call(call, &me, row.call, &mut scratch.first).err().map(Into::into)
        }
        Call::DescriptorWrite => Some(descriptor_write(call, &me, number).into()),
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

/// What a call that the table describes says for good.
fn minded(
    call: &Trapped<'_>,
    row: &PathCall,
    operand: &mut Operand,
    result: Result<usize, Errno>,
) -> Outcome {
    result.or_else(|error| precedence::path(call.number, call.arguments, row, operand, error)).into()
}

/// Calls that the kernel has to itself otherwise.
fn faked(call: &mut Trapped<'_>, number: u32) -> Outcome {
    if let Some(answer) = ids::run(call, number) {
        return answer.into();
    }
    let me = process::current();
    match number {
        raw::__NR_fgetxattr | raw::__NR_flistxattr => attributes::by_descriptor(call, &me, number).into(),
        raw::__NR_capget => capabilities::capget(call, &me).into(),
        raw::__NR_capset => capabilities::capset(call, &me).into(),
        raw::__NR_kill
        | raw::__NR_tkill
        | raw::__NR_tgkill
        | raw::__NR_rt_sigqueueinfo
        | raw::__NR_rt_tgsigqueueinfo
        | raw::__NR_pidfd_send_signal => signals::run(call, &me, number).into(),
        raw::__NR_getsockopt => socket::getsockopt(call).into(),
        raw::__NR_listen | raw::__NR_socketpair => {
            process::note(process::Note::Peer);
            crate::calls::forward(number, call.arguments).into()
        }
        raw::__NR_statmount | raw::__NR_listmount => Errno::NOSYS.into(),
        _ => others::run(call, &me, number),
    }
}

fn descriptor_write(call: &Trapped<'_>, me: &Identity<'_>, number: u32) -> Result<usize, Errno> {
    // The ordinary code knows whether its binding is read-only.
    let refused = crate::calls::attributes::refused(call);
    match (number, refused) {
        (raw::__NR_fchmod | raw::__NR_fchown, Some(error)) => Err(error),
        (raw::__NR_fchmod | raw::__NR_fchown, None) => change::by_descriptor(call, me, number),
        (_, Some(error)) => precedence::attribute(call.number, call.arguments, error),
        (_, None) => attributes::by_descriptor(call, me, number),
    }
}
