//! Calls that change a file's mode, owner and times, and those on extended attributes.

use super::ENOSYS;
use crate::raw;
use crate::table::builder::call;
use crate::table::path::Operation;
use crate::table::row::{Call, Fast, RootCall, Row, Session};

pub(super) const ROWS: &[Row] = &[
    // Mode and owner.
    call("fchmodat", raw::__NR_fchmodat).path_at(0, 1).does(Operation::SetMode { mode: 2 }),
    call("fchmodat2", raw::__NR_fchmodat2)
        .path_at(0, 1)
        .does(Operation::SetMode { mode: 2 })
        .nofollow_flag(3)
        .empty_path_flag(3)
        .may_be_missing(),
    call("fchownat", raw::__NR_fchownat)
        .path_at(0, 1)
        .does(Operation::SetOwner { user: 2 })
        .nofollow_flag(4)
        .empty_path_flag(4),
    by_descriptor("fchmod", raw::__NR_fchmod, Operation::SetMode { mode: 1 }),
    by_descriptor("fchown", raw::__NR_fchown, Operation::SetOwner { user: 1 }),
    // Times.
    call("utimensat", raw::__NR_utimensat)
        .path_at(0, 1)
        .does(Operation::SetTimes { times: 2, nanoseconds: true })
        .nofollow_flag(3)
        .null_path_or_empty_flag(3),
    // Extended attributes.
    call("setxattr", raw::__NR_setxattr).path(0).does(Operation::SetAttribute),
    call("lsetxattr", raw::__NR_lsetxattr)
        .path(0)
        .does(Operation::SetAttribute)
        .nofollow()
        .followed_by(raw::__NR_setxattr),
    call("getxattr", raw::__NR_getxattr).path(0).does(Operation::GetAttribute).fast(Fast::GetXAttr),
    call("lgetxattr", raw::__NR_lgetxattr)
        .path(0)
        .does(Operation::GetAttribute)
        .nofollow()
        .followed_by(raw::__NR_getxattr)
        .fast(Fast::LGetXAttr),
    call("listxattr", raw::__NR_listxattr).path(0).does(Operation::ListAttributes),
    call("llistxattr", raw::__NR_llistxattr)
        .path(0)
        .does(Operation::ListAttributes)
        .nofollow()
        .followed_by(raw::__NR_listxattr)
        .fast(Fast::LListXAttr),
    call("removexattr", raw::__NR_removexattr).path(0).does(Operation::RemoveAttribute),
    call("lremovexattr", raw::__NR_lremovexattr)
        .path(0)
        .does(Operation::RemoveAttribute)
        .nofollow()
        .followed_by(raw::__NR_removexattr),
    by_descriptor("fsetxattr", raw::__NR_fsetxattr, Operation::SetAttribute),
    by_descriptor("fremovexattr", raw::__NR_fremovexattr, Operation::RemoveAttribute),
    call("fgetxattr", raw::__NR_fgetxattr).faked_by(RootCall::Attributes(Operation::GetAttribute)),
    call("flistxattr", raw::__NR_flistxattr).faked_by(RootCall::Attributes(Operation::ListAttributes)),
    attribute_at("setxattrat", raw::__NR_setxattrat, Operation::SetAttribute),
    attribute_at("getxattrat", raw::__NR_getxattrat, Operation::GetAttribute),
    attribute_at("listxattrat", raw::__NR_listxattrat, Operation::ListAttributes),
    attribute_at("removexattrat", raw::__NR_removexattrat, Operation::RemoveAttribute),
    // Inode flags.
    call("file_getattr", raw::__NR_file_getattr)
        .path_at(0, 1)
        .does(Operation::Look)
        .nofollow_flag(4)
        .null_path_and_empty_flag(4)
        .may_be_missing(),
    call("file_setattr", raw::__NR_file_setattr)
        .path_at(0, 1)
        .does(Operation::Modify)
        .nofollow_flag(4)
        .null_path_and_empty_flag(4)
        .may_be_missing(),
];

/// Returns the row of a call that changes a file by its descriptor, which may be of a read-only
/// binding although it was opened for reading.
const fn by_descriptor(name: &'static str, number: u32, operation: Operation) -> Row {
    call(name, number).run_by(Call::DescriptorWrite(operation)).files().trapped_in(Session::ReadOnly).faked()
}

/// Returns the row of one of the newer calls on extended attributes, without which programs know
/// what to do.
const fn attribute_at(name: &'static str, number: u32, operation: Operation) -> Row {
    call(name, number)
        .path_at(0, 1)
        .does(operation)
        .nofollow_flag(2)
        .null_path_and_empty_flag(2)
        .may_be_missing()
        .errno_as_root(ENOSYS)
        .refused_as_root("ENOSYS; C libraries fall back on the older calls")
}
