//! Calls that open files, look at them, list directories, and make and remove names.

use super::EPERM;
use crate::raw;
use crate::table::builder::call;
use crate::table::path::From::{Argument, Path};
use crate::table::path::Operation;
use crate::table::row::{Call, Fast, Opens, Patch, Row, Session};

/// include/uapi/linux/fanotify.h
const FAN_MARK_DONT_FOLLOW: u32 = 4;

pub(super) const ROWS: &[Row] = &[
    // Opening.
    call("openat", raw::__NR_openat)
        .path_at(0, 1)
        .run_by(Call::OpenAt)
        .opens(Opens::ByPath)
        .fast(Fast::OpenAt),
    call("openat2", raw::__NR_openat2).path_at(0, 1).run_by(Call::OpenAt2).opens(Opens::ByPath),
    call("name_to_handle_at", raw::__NR_name_to_handle_at)
        .path_at(0, 1)
        .does(Operation::Look)
        .follow_flag(4)
        .empty_path_flag(4),
    call("open_by_handle_at", raw::__NR_open_by_handle_at)
        .refused(EPERM, "EPERM: a handle can name any file of the file system, also outside the root"),
    // Looking.
    call("newfstatat", raw::__NR_newfstatat).path_at(0, 1).run_by(Call::NewFStatAt).fast(Fast::NewFStatAt),
    call("statx", raw::__NR_statx).path_at(0, 1).run_by(Call::StatX).may_be_missing().fast(Fast::StatX),
    call("fstat", raw::__NR_fstat)
        .run_by(Call::FStat)
        .files()
        .trapped_in(Session::Links)
        .faked()
        .fast(Fast::FStat),
    call("readlinkat", raw::__NR_readlinkat).path_at(0, 1).run_by(Call::ReadLinkAt).fast(Fast::ReadLinkAt),
    call("faccessat", raw::__NR_faccessat).path_at(0, 1).does(Operation::Access { mode: 2 }),
    call("faccessat2", raw::__NR_faccessat2)
        .path_at(0, 1)
        .does(Operation::Access { mode: 2 })
        .nofollow_flag(3)
        .empty_path_flag(3)
        .may_be_missing(),
    call("statfs", raw::__NR_statfs).path(0).run_by(Call::StatFs),
    call("fstatfs", raw::__NR_fstatfs).run_by(Call::FStatFs).files().trapped_in(Session::ReadOnly).faked(),
    // The working directory.
    call("chdir", raw::__NR_chdir).path(0).run_by(Call::ChDir),
    call("fchdir", raw::__NR_fchdir).run_by(Call::FChDir).files().trapped_in(Session::Aliased).faked(),
    call("getcwd", raw::__NR_getcwd).run_by(Call::GetCwd).files().fast(Fast::GetCwd),
    // Names.
    call("mkdirat", raw::__NR_mkdirat).path_at(0, 1).does(Operation::MakeDirectory { mode: 2 }),
    call("mknodat", raw::__NR_mknodat).path_at(0, 1).does(Operation::MakeNode { mode: 2 }),
    call("symlinkat", raw::__NR_symlinkat).path_at(1, 2).does(Operation::MakeSymlink { text: 0 }),
    call("unlinkat", raw::__NR_unlinkat).path_at(0, 1).does(Operation::Unlink { flags: Some(2) }),
    call("renameat", raw::__NR_renameat).path_at(0, 1).second_path_at(2, 3).run_by(Call::RenameAt),
    call("renameat2", raw::__NR_renameat2).path_at(0, 1).second_path_at(2, 3).run_by(Call::RenameAt2),
    call("linkat", raw::__NR_linkat).path_at(0, 1).second_path_at(2, 3).run_by(Call::LinkAt),
    call("truncate", raw::__NR_truncate).path(0).does(Operation::Truncate { size: 1 }),
    // Listing.
    call("getdents64", raw::__NR_getdents64)
        .run_by(Call::GetDents64)
        .files()
        .trapped_in(Session::Unlisted)
        .faked(),
    // Reading from the beginning, where the kernel writes the text of a procfs file anew.
    read_again("lseek", raw::__NR_lseek).trapped_if_both_zero(1, 2),
    read_again("pread64", raw::__NR_pread64).trapped_if_zero(3),
    read_again("preadv", raw::__NR_preadv).trapped_if_zero(3),
    read_again("preadv2", raw::__NR_preadv2).trapped_if_zero(3),
    // Watching.
    call("inotify_add_watch", raw::__NR_inotify_add_watch)
        .path(1)
        .does(Operation::Watch)
        .nofollow_bit(2, raw::IN_DONT_FOLLOW)
        .reissued_as(raw::__NR_inotify_add_watch, &[Argument(0), Path, Argument(2)]),
    call("fanotify_mark", raw::__NR_fanotify_mark)
        .path_at(3, 4)
        .does(Operation::Look)
        .nofollow_bit(1, FAN_MARK_DONT_FOLLOW)
        .null_path(),
];

/// Returns the row of a call that reads from the beginning of a file.
const fn read_again(name: &'static str, number: u32) -> Row {
    call(name, number).run_by(Call::ReadAgain).patched(Patch::Always).fast(Fast::ReadAgain)
}
