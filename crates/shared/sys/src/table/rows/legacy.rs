//! Calls that only x86-64 has. Most are older forms of another call, which the shim makes instead.

use super::ENOSYS;
use crate::arch::legacy;
use crate::raw;
use crate::table::builder::call;
use crate::table::path::From::{self, Argument, Directory, Path};
use crate::table::path::Operation;
use crate::table::row::{Call, Fast, Opens, Row, Session};

pub(super) const ROWS: &[Row] = &[
    call("open", legacy::__NR_open).path(0).run_by(Call::Open).opens(Opens::ByPath).fast(Fast::Open),
    call("creat", legacy::__NR_creat).path(0).run_by(Call::Creat).opens(Opens::ByPath),
    call("stat", legacy::__NR_stat).path(0).run_by(Call::Stat).fast(Fast::Stat),
    call("lstat", legacy::__NR_lstat).path(0).run_by(Call::LStat).fast(Fast::LStat),
    call("access", legacy::__NR_access)
        .path(0)
        .does(Operation::Access { mode: 1 })
        .reissued_as(raw::__NR_faccessat, &[Directory, Path, Argument(1)])
        .fast(Fast::Access),
    call("readlink", legacy::__NR_readlink).path(0).run_by(Call::ReadLink).fast(Fast::ReadLink),
    // Names.
    call("mkdir", legacy::__NR_mkdir)
        .path(0)
        .does(Operation::MakeDirectory { mode: 1 })
        .reissued_as(raw::__NR_mkdirat, &[Directory, Path, Argument(1)]),
    call("mknod", legacy::__NR_mknod)
        .path(0)
        .does(Operation::MakeNode { mode: 1 })
        .reissued_as(raw::__NR_mknodat, &[Directory, Path, Argument(1), Argument(2)]),
    call("symlink", legacy::__NR_symlink)
        .path(1)
        .does(Operation::MakeSymlink { text: 0 })
        .reissued_as(raw::__NR_symlinkat, &[Argument(0), Directory, Path]),
    call("rmdir", legacy::__NR_rmdir)
        .path(0)
        .does(Operation::RemoveDirectory)
        .reissued_as(raw::__NR_unlinkat, &[Directory, Path, From::REMOVE_DIRECTORY]),
    call("unlink", legacy::__NR_unlink)
        .path(0)
        .does(Operation::Unlink { flags: None })
        .reissued_as(raw::__NR_unlinkat, &[Directory, Path]),
    call("rename", legacy::__NR_rename).path(0).second_path(1).run_by(Call::Rename),
    call("link", legacy::__NR_link).path(0).second_path(1).run_by(Call::Link),
    // Attributes.
    call("chmod", legacy::__NR_chmod)
        .path(0)
        .does(Operation::SetMode { mode: 1 })
        .reissued_as(raw::__NR_fchmodat, &[Directory, Path, Argument(1)]),
    call("chown", legacy::__NR_chown)
        .path(0)
        .does(Operation::SetOwner { user: 1 })
        .reissued_as(raw::__NR_fchownat, &[Directory, Path, Argument(1), Argument(2)]),
    call("lchown", legacy::__NR_lchown)
        .path(0)
        .does(Operation::SetOwner { user: 1 })
        .nofollow()
        .reissued_as(raw::__NR_fchownat, &[Directory, Path, Argument(1), Argument(2), From::NO_FOLLOW]),
    call("utime", legacy::__NR_utime).path(0).does(Operation::SetTimes { times: 1, nanoseconds: false }),
    call("utimes", legacy::__NR_utimes)
        .path(0)
        .does(Operation::SetTimes { times: 1, nanoseconds: false })
        .reissued_as(legacy::__NR_futimesat, &[Directory, Path, Argument(1)]),
    call("futimesat", legacy::__NR_futimesat)
        .path_at(0, 1)
        .does(Operation::SetTimes { times: 2, nanoseconds: false })
        .null_path(),
    call("getdents", legacy::__NR_getdents)
        .run_by(Call::GetDents)
        .files()
        .trapped_in(Session::Unlisted)
        .faked(),
    call("uselib", legacy::__NR_uselib).refused(ENOSYS, "ENOSYS, as on today's kernels"),
];
