//! Calls that change the root or its mounts, or show the host's.

use super::{ENOSYS, EPERM};
use crate::raw;
use crate::table::builder::call;
use crate::table::path::Operation;
use crate::table::row::{Call, RootCall, Row};

const NO_MOUNTS: &str = "EPERM without fake root, as for any unprivileged process";
const NEW_MOUNTS: &str =
    "EPERM, as for any unprivileged process; under fake root ENOSYS: programs fall back on mount";

pub(super) const ROWS: &[Row] = &[
    call("chroot", raw::__NR_chroot)
        .path(0)
        .run_by(Call::ChRoot)
        .faked()
        .partial("without fake root EPERM after the errors of the path, as for any unprivileged process"),
    // Of a mount(2) that binds no directory, the source is no path, and usually isn't found.
    mounts("mount", raw::__NR_mount).path(1).second_path(0),
    mounts("umount2", raw::__NR_umount2).path(0),
    mounts("pivot_root", raw::__NR_pivot_root).path(0).second_path(1),
    // The newer calls. Programs that get ENOSYS use mount(2).
    call("open_tree", raw::__NR_open_tree)
        .path_at(0, 1)
        .does(Operation::Look)
        .nofollow_flag(2)
        .empty_path_flag(2)
        .errno_as_root(ENOSYS)
        .refused_as_root("ENOSYS: programs fall back on mount")
        .partial("without OPEN_TREE_CLONE, which needs privilege"),
    new_mounts("open_tree_attr", raw::__NR_open_tree_attr).may_be_missing(),
    new_mounts("move_mount", raw::__NR_move_mount),
    new_mounts("fsopen", raw::__NR_fsopen),
    new_mounts("fsconfig", raw::__NR_fsconfig),
    new_mounts("fsmount", raw::__NR_fsmount),
    new_mounts("fspick", raw::__NR_fspick),
    new_mounts("mount_setattr", raw::__NR_mount_setattr).may_be_missing(),
    // They would show the host's mounts.
    call("statmount", raw::__NR_statmount)
        .faked()
        .errno_as_root(ENOSYS)
        .refused_as_root("ENOSYS")
        .may_be_missing(),
    call("listmount", raw::__NR_listmount)
        .faked()
        .errno_as_root(ENOSYS)
        .refused_as_root("ENOSYS")
        .may_be_missing(),
];

/// Returns the row of a call that changes mounts, which only root may do.
const fn mounts(name: &'static str, number: u32) -> Row {
    call(name, number).refused(EPERM, NO_MOUNTS).faked_by(RootCall::Mount)
}

/// Returns the row of one of the newer calls on mounts.
const fn new_mounts(name: &'static str, number: u32) -> Row {
    call(name, number).refused(EPERM, NEW_MOUNTS).faked().errno_as_root(ENOSYS)
}
