//! The one table of system calls: what each is to newroot.
//!
//! The filter, the dispatcher, the names in traces and docs/syscalls.md all come from it.
//! A call that has no row, or whose row says [`Trap::Never`], goes to the kernel untouched.

use crate::arch::legacy;
use crate::raw;

/// When a call is taken from the kernel and given to the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// Never: the kernel runs it.
    Never,
    /// Always.
    Always,
    /// If the argument with this index isn't zero.
    IfArgument(u8),
    /// If all bits of the argument with the first index and the low half of the one with the second
    /// are zero.
    IfZero(u8, u8),
    /// If the argument with this index has this value.
    IfEqual(u8, u32),
    /// If the argument with this index has one of these values.
    IfOneOf(u8, &'static [u32]),
    /// If the argument with this index has one of the first bits, or under fake root one of the second.
    IfBits(u8, u32, u32),
    /// Only in sessions with this property.
    InSession(Session),
    /// Never: the kernel answers this errno without running it.
    Refuse(u16),
    /// Never; under fake root the kernel answers this errno without running it if each argument with one of these
    /// indices has the value behind it.
    RefuseAllUnderRoot(u16, &'static [(u8, u32)]),
}

/// Properties of a session that need more calls trapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Some host directory is visible at two guest paths.
    Aliased,
    /// Listings aren't as the kernel has them: some binding's name is missing in its parent directory, something of
    /// newroot's own isn't to be found in the root, or there are hard links that the host doesn't know.
    Unlisted,
    /// There are hard links that the host doesn't know.
    Links,
    /// Some binding is read-only.
    ReadOnly,
    /// The guest is told another kernel release.
    Release,
}

/// Whether a symlink at the end of a path is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Yes.
    Always,
    /// No.
    Never,
    /// Unless this argument has this bit (AT_SYMLINK_NOFOLLOW).
    Unless(u8, u32),
    /// Only if this argument has this bit (AT_SYMLINK_FOLLOW).
    If(u8, u32),
}

/// What an empty or null path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// ENOENT (EFAULT for null).
    Error,
    /// The descriptor itself, if this argument has AT_EMPTY_PATH.
    Flag(u8),
    /// A null path means the descriptor itself.
    Null,
    /// A null path does, and an empty one if this argument has AT_EMPTY_PATH.
    NullOrFlag(u8),
    /// A null path does as an empty one does, both only if this argument has AT_EMPTY_PATH.
    NullWithFlag(u8),
}

/// What a call does to the file it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Looks at it.
    Read,
    /// Changes it: EROFS on a read-only binding.
    Modify,
    /// Makes it: the last component isn't followed and must not exist.
    Create,
    /// Takes its name away: the last component isn't followed; EBUSY on a mount point.
    Remove,
}

/// Where an argument of the reissued call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The directory descriptor that goes with the translated path.
    Directory,
    /// The translated path.
    Path,
    /// The guest's own argument with this index.
    Argument(u8),
    /// A constant.
    Constant(u32),
}

/// A call that names one file and needs nothing but translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathCall {
    /// Index of the directory descriptor; `None` is the working directory.
    pub directory: Option<u8>,
    /// Index of the path.
    pub path: u8,
    /// Whether a symlink at the end is followed.
    pub follow: Follow,
    /// What an empty path means.
    pub empty: Empty,
    /// What is done to the file.
    pub intent: Intent,
    /// The call that is made instead.
    pub reissue: u32,
    /// Its arguments.
    pub arguments: [From; 6],
}

/// Which code in the shim runs a trapped call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the system call of that name
pub enum Call {
    /// None: it isn't trapped.
    Kernel,
    /// None but that for fake root (see [`Row::faked`]).
    Faked,
    /// The generic code for calls with one path.
    Path(PathCall),
    Open,
    OpenAt,
    OpenAt2,
    Creat,
    Stat,
    LStat,
    FStat,
    NewFStatAt,
    StatX,
    ReadLink,
    ReadLinkAt,
    ChDir,
    FChDir,
    GetCwd,
    StatFs,
    FStatFs,
    ChRoot,
    Rename,
    RenameAt,
    RenameAt2,
    Link,
    LinkAt,
    ExecVe,
    ExecVeAt,
    GetDents,
    GetDents64,
    DescriptorWrite,
    Bind,
    Connect,
    SendTo,
    SendMsg,
    SendMMsg,
    GetSockName,
    GetPeerName,
    Accept,
    RecvFrom,
    RecvMsg,
    RecvMMsg,
    SigAction,
    SigProcMask,
    SigPending,
    SigReturn,
    SigTimedWait,
    SigSuspend,
    PPoll,
    PSelect6,
    EPollPWait,
    Wait4,
    WaitId,
    Ptrace,
    Prctl,
    Seccomp,
    LandlockAddRule,
    LandlockRestrictSelf,
    Uname,
    ReadAgain,
    Clone,
    Unshare,
    SetNs,
}

/// How much of a call works in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// As the kernel does it.
    Full,
    /// With limits that the note tells.
    Partial,
    /// Answers an errno that the note tells.
    Refused,
}

/// What becomes of a call under fake root, for who is root there. Somebody else is told what the kernel would
/// tell somebody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// What becomes of it without.
    Same,
    /// What the kernel does for root, by the owners, modes and identities that are remembered.
    Done,
    /// It seems to succeed, as the note tells.
    Faked(&'static str),
    /// It answers an error, as in a container without further capabilities. The note tells more.
    Refused(&'static str),
}

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its number on this architecture.
    pub number: u32,
    /// When it is trapped.
    pub trap: Trap,
    /// Whether it is always trapped under fake root, and given to the code for that first.
    pub faked: bool,
    /// What runs it then.
    pub call: Call,
    /// How much of it works.
    pub support: Support,
    /// What a user should know.
    pub note: &'static str,
    /// What becomes of it under fake root.
    pub root: Root,
}

const AT_SYMLINK_NOFOLLOW: u32 = raw::AT_SYMLINK_NOFOLLOW;
/// include/uapi/linux/fanotify.h
const FAN_MARK_DONT_FOLLOW: u32 = 4;
const NEW_MOUNTS: &str =
    "EPERM, as for anyone without privilege; under fake root ENOSYS: programs fall back on mount";
const EPERM: u16 = 1;
const ENOSYS: u16 = 38;
const EPROTONOSUPPORT: u16 = 93;
/// Arguments of socket(2) for NETLINK_AUDIT: its domain and its protocol (include/uapi/linux/netlink.h).
const AUDIT: [(u8, u32); 2] = [(0, 16), (2, 9)];

use self::From::{Argument as A, Constant as C, Directory as D, Path as P};

const fn row(name: &'static str, number: u32, trap: Trap, call: Call) -> Row {
    let root = if asks_who(call) { Root::Done } else { Root::Same };
    Row { name, number, trap, faked: false, call, support: Support::Full, note: "", root }
}

/// Whether fake root has a say in such a call, without a line of its own that says so.
const fn asks_who(call: Call) -> bool {
    matches!(
        call,
        Call::Path(_)
            | Call::Open
            | Call::OpenAt
            | Call::OpenAt2
            | Call::Creat
            | Call::Stat
            | Call::LStat
            | Call::NewFStatAt
            | Call::StatX
            | Call::ReadLink
            | Call::ReadLinkAt
            | Call::ChDir
            | Call::StatFs
            | Call::Rename
            | Call::RenameAt
            | Call::RenameAt2
            | Call::Link
            | Call::LinkAt
            | Call::ExecVe
            | Call::ExecVeAt
            | Call::Bind
            | Call::Connect
            | Call::SendTo
            | Call::SendMsg
            | Call::SendMMsg
            | Call::RecvMsg
            | Call::RecvMMsg
    )
}

const fn refused(name: &'static str, number: u32, errno: u16, note: &'static str) -> Row {
    let (trap, call, support) = (Trap::Refuse(errno), Call::Kernel, Support::Refused);
    Row { name, number, trap, faked: false, call, support, note, root: Root::Refused("") }
}

const fn partial(row: Row, note: &'static str) -> Row {
    Row { support: Support::Partial, note, ..row }
}

/// A call that fake root has something to say to, beside what the row says.
const fn faked(row: Row) -> Row {
    let root = if matches!(row.root, Root::Same) { Root::Done } else { row.root };
    Row { faked: true, root, ..row }
}

/// A call that is refused to others, and done for who is root.
const fn by_root(row: Row) -> Row {
    Row { faked: true, root: Root::Done, ..row }
}

/// A call of which who is root is told more than is done.
const fn pretended(row: Row, note: &'static str) -> Row {
    Row { root: Root::Faked(note), ..row }
}

/// A call that even who is root is refused.
const fn denied(row: Row, note: &'static str) -> Row {
    Row { root: Root::Refused(note), ..row }
}

/// A call that the host's kernel refuses its ordinary user, and so who seems to be root.
const fn of_machine(name: &'static str, number: u32, note: &'static str) -> Row {
    denied(row(name, number, Trap::Never, Call::Kernel), note)
}

/// A call that is the kernel's alone, but under fake root.
const fn of_root(name: &'static str, number: u32) -> Row {
    faked(row(name, number, Trap::Never, Call::Faked))
}

/// A call that has its own descriptor and path arguments, reissued as it is.
const fn at(
    name: &'static str,
    number: u32,
    (directory, path): (u8, u8),
    follow: Follow,
    empty: Empty,
    intent: Intent,
) -> Row {
    let mut arguments = [A(0), A(1), A(2), A(3), A(4), A(5)];
    arguments[directory as usize] = D;
    arguments[path as usize] = P;
    let call =
        PathCall { directory: Some(directory), path, follow, empty, intent, reissue: number, arguments };
    row(name, number, Trap::Always, Call::Path(call))
}

/// One of the newer calls on extended attributes, which programs know what to do without.
const fn attribute_at(name: &'static str, number: u32, intent: Intent) -> Row {
    let call =
        at(name, number, (0, 1), Follow::Unless(2, AT_SYMLINK_NOFOLLOW), Empty::NullWithFlag(2), intent);
    denied(call, "ENOSYS; C libraries fall back on the older calls")
}

/// A call without a descriptor argument, reissued as `reissue` with `arguments`.
const fn old(
    name: &'static str,
    number: u32,
    follow: Follow,
    intent: Intent,
    reissue: u32,
    arguments: [From; 6],
) -> Row {
    let call = PathCall { directory: None, path: 0, follow, empty: Empty::Error, intent, reissue, arguments };
    row(name, number, Trap::Always, Call::Path(call))
}

const NONE: From = C(0);
/// Path first, the rest as it is.
const PLAIN: [From; 6] = [P, A(1), A(2), A(3), A(4), A(5)];

/// CLONE_NEWUSER and CLONE_NEWNS: in such namespaces the kernel grants chroot(2) and mount(2), which newroot refuses.
const NEW_USER_OR_MOUNTS: u32 = 0x1002_0000;
/// CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC and CLONE_NEWCGROUP.
const NEW_OTHERS: u32 = 0x2e00_0000;
const NO_USER_NAMESPACE: &str =
    "EPERM for a namespace of users or of mounts, as in a chroot for anyone without privilege";
const EPERM_NOTE: &str = "EPERM";
const PRIORITY: &str = "what the host doesn't grant seems granted";
const LIMIT: &str = "a hard limit seems raised, and is as far as the host allows";
const LOCKED: &str = "ENOMEM or EPERM beyond the host's limit";
const KEYS: &str = "nothing of another user's: all keys are the host's user's";
const OBJECTS: &str =
    "EPERM for another owner; all objects are the host's user's, and open to everyone in the session";

/// Every call that newroot has something to do with.
pub static ROWS: &[Row] = &[
    // Opening.
    row("open", legacy::__NR_open, Trap::Always, Call::Open),
    row("openat", raw::__NR_openat, Trap::Always, Call::OpenAt),
    row("openat2", raw::__NR_openat2, Trap::Always, Call::OpenAt2),
    row("creat", legacy::__NR_creat, Trap::Always, Call::Creat),
    // Looking.
    row("stat", legacy::__NR_stat, Trap::Always, Call::Stat),
    row("lstat", legacy::__NR_lstat, Trap::Always, Call::LStat),
    row("newfstatat", raw::__NR_newfstatat, Trap::Always, Call::NewFStatAt),
    row("statx", raw::__NR_statx, Trap::Always, Call::StatX),
    row("readlink", legacy::__NR_readlink, Trap::Always, Call::ReadLink),
    row("readlinkat", raw::__NR_readlinkat, Trap::Always, Call::ReadLinkAt),
    row("statfs", raw::__NR_statfs, Trap::Always, Call::StatFs),
    faked(row("fstat", raw::__NR_fstat, Trap::InSession(Session::Links), Call::FStat)),
    faked(row("fstatfs", raw::__NR_fstatfs, Trap::InSession(Session::ReadOnly), Call::FStatFs)),
    old(
        "access",
        legacy::__NR_access,
        Follow::Always,
        Intent::Read,
        raw::__NR_faccessat,
        [D, P, A(1), NONE, NONE, NONE],
    ),
    at("faccessat", raw::__NR_faccessat, (0, 1), Follow::Always, Empty::Error, Intent::Read),
    at(
        "faccessat2",
        raw::__NR_faccessat2,
        (0, 1),
        Follow::Unless(3, AT_SYMLINK_NOFOLLOW),
        Empty::Flag(3),
        Intent::Read,
    ),
    at(
        "name_to_handle_at",
        raw::__NR_name_to_handle_at,
        (0, 1),
        Follow::If(4, raw::AT_SYMLINK_FOLLOW),
        Empty::Flag(4),
        Intent::Read,
    ),
    refused(
        "open_by_handle_at",
        raw::__NR_open_by_handle_at,
        EPERM,
        "EPERM: a handle names a file of the whole file system, not of the root",
    ),
    partial(
        at(
            "open_tree",
            raw::__NR_open_tree,
            (0, 1),
            Follow::Unless(2, AT_SYMLINK_NOFOLLOW),
            Empty::Flag(2),
            Intent::Read,
        ),
        "without OPEN_TREE_CLONE, which needs privilege",
    ),
    // The working directory.
    row("chdir", raw::__NR_chdir, Trap::Always, Call::ChDir),
    faked(row("fchdir", raw::__NR_fchdir, Trap::InSession(Session::Aliased), Call::FChDir)),
    row("getcwd", raw::__NR_getcwd, Trap::Always, Call::GetCwd),
    partial(
        faked(row("chroot", raw::__NR_chroot, Trap::Always, Call::ChRoot)),
        "without fake root EPERM once the path is found good, as for anyone without privilege",
    ),
    // Names.
    old(
        "mkdir",
        legacy::__NR_mkdir,
        Follow::Never,
        Intent::Create,
        raw::__NR_mkdirat,
        [D, P, A(1), NONE, NONE, NONE],
    ),
    at("mkdirat", raw::__NR_mkdirat, (0, 1), Follow::Never, Empty::Error, Intent::Create),
    old(
        "mknod",
        legacy::__NR_mknod,
        Follow::Never,
        Intent::Create,
        raw::__NR_mknodat,
        [D, P, A(1), A(2), NONE, NONE],
    ),
    at("mknodat", raw::__NR_mknodat, (0, 1), Follow::Never, Empty::Error, Intent::Create),
    row(
        "symlink",
        legacy::__NR_symlink,
        Trap::Always,
        Call::Path(PathCall {
            directory: None,
            path: 1,
            follow: Follow::Never,
            empty: Empty::Error,
            intent: Intent::Create,
            reissue: raw::__NR_symlinkat,
            arguments: [A(0), D, P, NONE, NONE, NONE],
        }),
    ),
    at("symlinkat", raw::__NR_symlinkat, (1, 2), Follow::Never, Empty::Error, Intent::Create),
    old(
        "rmdir",
        legacy::__NR_rmdir,
        Follow::Never,
        Intent::Remove,
        raw::__NR_unlinkat,
        [D, P, C(raw::AT_REMOVEDIR), NONE, NONE, NONE],
    ),
    old(
        "unlink",
        legacy::__NR_unlink,
        Follow::Never,
        Intent::Remove,
        raw::__NR_unlinkat,
        [D, P, NONE, NONE, NONE, NONE],
    ),
    at("unlinkat", raw::__NR_unlinkat, (0, 1), Follow::Never, Empty::Error, Intent::Remove),
    row("rename", legacy::__NR_rename, Trap::Always, Call::Rename),
    row("renameat", raw::__NR_renameat, Trap::Always, Call::RenameAt),
    row("renameat2", raw::__NR_renameat2, Trap::Always, Call::RenameAt2),
    row("link", legacy::__NR_link, Trap::Always, Call::Link),
    row("linkat", raw::__NR_linkat, Trap::Always, Call::LinkAt),
    // Attributes.
    old(
        "chmod",
        legacy::__NR_chmod,
        Follow::Always,
        Intent::Modify,
        raw::__NR_fchmodat,
        [D, P, A(1), NONE, NONE, NONE],
    ),
    at("fchmodat", raw::__NR_fchmodat, (0, 1), Follow::Always, Empty::Error, Intent::Modify),
    at(
        "fchmodat2",
        raw::__NR_fchmodat2,
        (0, 1),
        Follow::Unless(3, AT_SYMLINK_NOFOLLOW),
        Empty::Flag(3),
        Intent::Modify,
    ),
    old(
        "chown",
        legacy::__NR_chown,
        Follow::Always,
        Intent::Modify,
        raw::__NR_fchownat,
        [D, P, A(1), A(2), NONE, NONE],
    ),
    old(
        "lchown",
        legacy::__NR_lchown,
        Follow::Never,
        Intent::Modify,
        raw::__NR_fchownat,
        [D, P, A(1), A(2), C(AT_SYMLINK_NOFOLLOW), NONE],
    ),
    at(
        "fchownat",
        raw::__NR_fchownat,
        (0, 1),
        Follow::Unless(4, AT_SYMLINK_NOFOLLOW),
        Empty::Flag(4),
        Intent::Modify,
    ),
    old("utime", legacy::__NR_utime, Follow::Always, Intent::Modify, legacy::__NR_utime, PLAIN),
    old(
        "utimes",
        legacy::__NR_utimes,
        Follow::Always,
        Intent::Modify,
        legacy::__NR_futimesat,
        [D, P, A(1), NONE, NONE, NONE],
    ),
    at("futimesat", legacy::__NR_futimesat, (0, 1), Follow::Always, Empty::Null, Intent::Modify),
    at(
        "utimensat",
        raw::__NR_utimensat,
        (0, 1),
        Follow::Unless(3, AT_SYMLINK_NOFOLLOW),
        Empty::NullOrFlag(3),
        Intent::Modify,
    ),
    old("truncate", raw::__NR_truncate, Follow::Always, Intent::Modify, raw::__NR_truncate, PLAIN),
    old("setxattr", raw::__NR_setxattr, Follow::Always, Intent::Modify, raw::__NR_setxattr, PLAIN),
    old("lsetxattr", raw::__NR_lsetxattr, Follow::Never, Intent::Modify, raw::__NR_lsetxattr, PLAIN),
    old("getxattr", raw::__NR_getxattr, Follow::Always, Intent::Read, raw::__NR_getxattr, PLAIN),
    old("lgetxattr", raw::__NR_lgetxattr, Follow::Never, Intent::Read, raw::__NR_lgetxattr, PLAIN),
    old("listxattr", raw::__NR_listxattr, Follow::Always, Intent::Read, raw::__NR_listxattr, PLAIN),
    old("llistxattr", raw::__NR_llistxattr, Follow::Never, Intent::Read, raw::__NR_llistxattr, PLAIN),
    old("removexattr", raw::__NR_removexattr, Follow::Always, Intent::Modify, raw::__NR_removexattr, PLAIN),
    old("lremovexattr", raw::__NR_lremovexattr, Follow::Never, Intent::Modify, raw::__NR_lremovexattr, PLAIN),
    attribute_at("setxattrat", raw::__NR_setxattrat, Intent::Modify),
    attribute_at("getxattrat", raw::__NR_getxattrat, Intent::Read),
    attribute_at("listxattrat", raw::__NR_listxattrat, Intent::Read),
    attribute_at("removexattrat", raw::__NR_removexattrat, Intent::Modify),
    at(
        "file_getattr",
        raw::__NR_file_getattr,
        (0, 1),
        Follow::Unless(4, AT_SYMLINK_NOFOLLOW),
        Empty::NullWithFlag(4),
        Intent::Read,
    ),
    at(
        "file_setattr",
        raw::__NR_file_setattr,
        (0, 1),
        Follow::Unless(4, AT_SYMLINK_NOFOLLOW),
        Empty::NullWithFlag(4),
        Intent::Modify,
    ),
    faked(row("fchmod", raw::__NR_fchmod, Trap::InSession(Session::ReadOnly), Call::DescriptorWrite)),
    faked(row("fchown", raw::__NR_fchown, Trap::InSession(Session::ReadOnly), Call::DescriptorWrite)),
    faked(row("fsetxattr", raw::__NR_fsetxattr, Trap::InSession(Session::ReadOnly), Call::DescriptorWrite)),
    faked(row(
        "fremovexattr",
        raw::__NR_fremovexattr,
        Trap::InSession(Session::ReadOnly),
        Call::DescriptorWrite,
    )),
    // Reading from the beginning, where the kernel makes the text of procfs's files anew.
    row("lseek", raw::__NR_lseek, Trap::IfZero(1, 2), Call::ReadAgain),
    row("pread64", raw::__NR_pread64, Trap::IfZero(3, 3), Call::ReadAgain),
    row("preadv", raw::__NR_preadv, Trap::IfZero(3, 3), Call::ReadAgain),
    row("preadv2", raw::__NR_preadv2, Trap::IfZero(3, 3), Call::ReadAgain),
    // Watching.
    row(
        "inotify_add_watch",
        raw::__NR_inotify_add_watch,
        Trap::Always,
        Call::Path(PathCall {
            directory: None,
            path: 1,
            follow: Follow::Unless(2, raw::IN_DONT_FOLLOW),
            empty: Empty::Error,
            intent: Intent::Read,
            reissue: raw::__NR_inotify_add_watch,
            arguments: [A(0), P, A(2), NONE, NONE, NONE],
        }),
    ),
    at(
        "fanotify_mark",
        raw::__NR_fanotify_mark,
        (3, 4),
        Follow::Unless(1, FAN_MARK_DONT_FOLLOW),
        Empty::Null,
        Intent::Read,
    ),
    // Listing.
    faked(row("getdents", legacy::__NR_getdents, Trap::InSession(Session::Unlisted), Call::GetDents)),
    faked(row("getdents64", raw::__NR_getdents64, Trap::InSession(Session::Unlisted), Call::GetDents64)),
    // Programs.
    row("execve", raw::__NR_execve, Trap::Always, Call::ExecVe),
    row("execveat", raw::__NR_execveat, Trap::Always, Call::ExecVeAt),
    refused("uselib", legacy::__NR_uselib, ENOSYS, "ENOSYS, as on today's kernels"),
    row("wait4", raw::__NR_wait4, Trap::Always, Call::Wait4),
    row("waitid", raw::__NR_waitid, Trap::Always, Call::WaitId),
    faked(partial(
        row("ptrace", raw::__NR_ptrace, Trap::Always, Call::Ptrace),
        "PTRACE_O_TRACESECCOMP is refused; see the limits of debuggers in the README",
    )),
    // Sockets.
    row("bind", raw::__NR_bind, Trap::Always, Call::Bind),
    row("connect", raw::__NR_connect, Trap::Always, Call::Connect),
    row("sendto", raw::__NR_sendto, Trap::IfArgument(4), Call::SendTo),
    row("sendmsg", raw::__NR_sendmsg, Trap::Always, Call::SendMsg),
    row("sendmmsg", raw::__NR_sendmmsg, Trap::Always, Call::SendMMsg),
    row("getsockname", raw::__NR_getsockname, Trap::Always, Call::GetSockName),
    row("getpeername", raw::__NR_getpeername, Trap::Always, Call::GetPeerName),
    row("accept", raw::__NR_accept, Trap::IfArgument(1), Call::Accept),
    row("accept4", raw::__NR_accept4, Trap::IfArgument(1), Call::Accept),
    row("recvfrom", raw::__NR_recvfrom, Trap::IfArgument(4), Call::RecvFrom),
    row("recvmsg", raw::__NR_recvmsg, Trap::Always, Call::RecvMsg),
    row("recvmmsg", raw::__NR_recvmmsg, Trap::Always, Call::RecvMMsg),
    // Signals.
    row("rt_sigaction", raw::__NR_rt_sigaction, Trap::Always, Call::SigAction),
    row("rt_sigprocmask", raw::__NR_rt_sigprocmask, Trap::Always, Call::SigProcMask),
    row("rt_sigpending", raw::__NR_rt_sigpending, Trap::Always, Call::SigPending),
    row("rt_sigtimedwait", raw::__NR_rt_sigtimedwait, Trap::Always, Call::SigTimedWait),
    row("rt_sigreturn", raw::__NR_rt_sigreturn, Trap::Always, Call::SigReturn),
    row("rt_sigsuspend", raw::__NR_rt_sigsuspend, Trap::Always, Call::SigSuspend),
    row("ppoll", raw::__NR_ppoll, Trap::IfArgument(3), Call::PPoll),
    row("pselect6", raw::__NR_pselect6, Trap::IfArgument(5), Call::PSelect6),
    row("epoll_pwait", raw::__NR_epoll_pwait, Trap::IfArgument(4), Call::EPollPWait),
    row("epoll_pwait2", raw::__NR_epoll_pwait2, Trap::IfArgument(4), Call::EPollPWait),
    // Filters of the guest's own.
    partial(
        faked(row("prctl", raw::__NR_prctl, Trap::IfOneOf(0, &PRCTL_OPERATIONS), Call::Prctl)),
        "if one thread sets no_new_privs, all threads of the process have it; user dispatch can't have the shim in \
         its range",
    ),
    row("seccomp", raw::__NR_seccomp, Trap::Always, Call::Seccomp),
    partial(
        row("landlock_add_rule", raw::__NR_landlock_add_rule, Trap::Always, Call::LandlockAddRule),
        "a rule holds for a directory wherever it is bound, and for what lies below it on the host",
    ),
    partial(
        row(
            "landlock_restrict_self",
            raw::__NR_landlock_restrict_self,
            Trap::Always,
            Call::LandlockRestrictSelf,
        ),
        "executing programs can be forbidden from Linux 6.14 on; programs must be readable",
    ),
    faked(row("uname", raw::__NR_uname, Trap::InSession(Session::Release), Call::Uname)),
    // Users, groups and capabilities.
    of_root("getuid", raw::__NR_getuid),
    of_root("geteuid", raw::__NR_geteuid),
    of_root("getgid", raw::__NR_getgid),
    of_root("getegid", raw::__NR_getegid),
    of_root("getresuid", raw::__NR_getresuid),
    of_root("getresgid", raw::__NR_getresgid),
    of_root("getgroups", raw::__NR_getgroups),
    of_root("setuid", raw::__NR_setuid),
    of_root("setgid", raw::__NR_setgid),
    of_root("setreuid", raw::__NR_setreuid),
    of_root("setregid", raw::__NR_setregid),
    of_root("setresuid", raw::__NR_setresuid),
    of_root("setresgid", raw::__NR_setresgid),
    of_root("setfsuid", raw::__NR_setfsuid),
    of_root("setfsgid", raw::__NR_setfsgid),
    of_root("setgroups", raw::__NR_setgroups),
    of_root("capget", raw::__NR_capget),
    of_root("capset", raw::__NR_capset),
    // What only root may do to others, or to the machine.
    of_root("kill", raw::__NR_kill),
    of_root("tkill", raw::__NR_tkill),
    of_root("tgkill", raw::__NR_tgkill),
    of_root("rt_sigqueueinfo", raw::__NR_rt_sigqueueinfo),
    of_root("rt_tgsigqueueinfo", raw::__NR_rt_tgsigqueueinfo),
    of_root("pidfd_send_signal", raw::__NR_pidfd_send_signal),
    pretended(of_root("setpriority", raw::__NR_setpriority), PRIORITY),
    pretended(of_root("sched_setscheduler", raw::__NR_sched_setscheduler), PRIORITY),
    pretended(of_root("sched_setparam", raw::__NR_sched_setparam), PRIORITY),
    pretended(of_root("sched_setattr", raw::__NR_sched_setattr), PRIORITY),
    of_root("sched_setaffinity", raw::__NR_sched_setaffinity),
    pretended(of_root("ioprio_set", raw::__NR_ioprio_set), PRIORITY),
    of_root("getrlimit", raw::__NR_getrlimit),
    pretended(of_root("setrlimit", raw::__NR_setrlimit), LIMIT),
    pretended(of_root("prlimit64", raw::__NR_prlimit64), LIMIT),
    pretended(of_root("sethostname", raw::__NR_sethostname), "in this session"),
    pretended(of_root("setdomainname", raw::__NR_setdomainname), "in this session"),
    denied(
        row("socket", raw::__NR_socket, Trap::RefuseAllUnderRoot(EPROTONOSUPPORT, &AUDIT), Call::Kernel),
        "EPROTONOSUPPORT for NETLINK_AUDIT, as on a kernel without audit: programs that run as root take the EPERM \
         that their messages would get for a failure of audit, and give up",
    ),
    of_root("getsockopt", raw::__NR_getsockopt),
    of_root("listen", raw::__NR_listen),
    of_root("socketpair", raw::__NR_socketpair),
    of_root("process_vm_readv", raw::__NR_process_vm_readv),
    of_root("process_vm_writev", raw::__NR_process_vm_writev),
    of_root("process_madvise", raw::__NR_process_madvise),
    of_root("kcmp", raw::__NR_kcmp),
    of_root("pidfd_getfd", raw::__NR_pidfd_getfd),
    of_root("migrate_pages", raw::__NR_migrate_pages),
    of_root("move_pages", raw::__NR_move_pages),
    of_root("get_robust_list", raw::__NR_get_robust_list),
    partial(
        faked(row("unshare", raw::__NR_unshare, Trap::IfBits(0, NEW_USER_OR_MOUNTS, 0), Call::Unshare)),
        "EPERM for a namespace of users or of mounts, as in a chroot for anyone without privilege; under fake root EPERM \
         for a new namespace of users, network or time, and those of processes, IPC objects and control groups only \
         seem to be made",
    ),
    pretended(
        partial(
            row("clone", raw::__NR_clone, Trap::IfBits(0, NEW_USER_OR_MOUNTS, NEW_OTHERS), Call::Clone),
            NO_USER_NAMESPACE,
        ),
        "the child gets a namespace of mounts or of host names; those of processes, IPC objects and control groups only \
         seem to be made, and others are EPERM",
    ),
    denied(partial(row("setns", raw::__NR_setns, Trap::Always, Call::SetNs), NO_USER_NAMESPACE), EPERM_NOTE),
    of_machine("settimeofday", raw::__NR_settimeofday, EPERM_NOTE),
    of_machine("clock_settime", raw::__NR_clock_settime, EPERM_NOTE),
    of_machine("adjtimex", raw::__NR_adjtimex, "EPERM, but for reading"),
    of_machine("clock_adjtime", raw::__NR_clock_adjtime, "EPERM, but for reading"),
    of_machine("reboot", raw::__NR_reboot, EPERM_NOTE),
    of_machine("kexec_load", raw::__NR_kexec_load, EPERM_NOTE),
    of_machine("kexec_file_load", raw::__NR_kexec_file_load, EPERM_NOTE),
    of_machine("init_module", raw::__NR_init_module, EPERM_NOTE),
    of_machine("finit_module", raw::__NR_finit_module, EPERM_NOTE),
    of_machine("delete_module", raw::__NR_delete_module, EPERM_NOTE),
    of_machine("iopl", raw::__NR_iopl, EPERM_NOTE),
    of_machine("ioperm", raw::__NR_ioperm, EPERM_NOTE),
    of_machine("syslog", raw::__NR_syslog, "EPERM, but for reading where the host's `dmesg_restrict` is off"),
    of_machine("bpf", raw::__NR_bpf, "EPERM, but for what the host lets its users do"),
    of_machine(
        "perf_event_open",
        raw::__NR_perf_event_open,
        "EACCES, but for what the host lets its users do",
    ),
    of_machine("fanotify_init", raw::__NR_fanotify_init, "EPERM, but for what the host lets its users do"),
    of_machine("userfaultfd", raw::__NR_userfaultfd, "EPERM, but for what the host lets its users do"),
    of_machine("mlock", raw::__NR_mlock, LOCKED),
    of_machine("mlock2", raw::__NR_mlock2, LOCKED),
    of_machine("mlockall", raw::__NR_mlockall, LOCKED),
    of_machine("vhangup", raw::__NR_vhangup, EPERM_NOTE),
    of_machine("quotactl_fd", raw::__NR_quotactl_fd, EPERM_NOTE),
    of_machine("add_key", raw::__NR_add_key, KEYS),
    of_machine("request_key", raw::__NR_request_key, KEYS),
    of_machine("keyctl", raw::__NR_keyctl, KEYS),
    of_machine("msgctl", raw::__NR_msgctl, OBJECTS),
    of_machine("semctl", raw::__NR_semctl, OBJECTS),
    of_machine("shmctl", raw::__NR_shmctl, OBJECTS),
    // What would tell of the host's mounts.
    denied(of_root("statmount", raw::__NR_statmount), "ENOSYS"),
    denied(of_root("listmount", raw::__NR_listmount), "ENOSYS"),
    // Owners by descriptor.
    of_root("fgetxattr", raw::__NR_fgetxattr),
    of_root("flistxattr", raw::__NR_flistxattr),
    // Refused: what would open files behind the filter's back, or change the root under us.
    refused(
        "clone3",
        raw::__NR_clone3,
        ENOSYS,
        "ENOSYS: its CLONE_CLEAR_SIGHAND would take the handler away; C libraries fall back on clone",
    ),
    refused("io_uring_setup", raw::__NR_io_uring_setup, ENOSYS, "ENOSYS: a ring opens files unseen"),
    refused("io_uring_enter", raw::__NR_io_uring_enter, ENOSYS, "ENOSYS, like io_uring_setup"),
    refused("io_uring_register", raw::__NR_io_uring_register, ENOSYS, "ENOSYS, like io_uring_setup"),
    by_root(refused(
        "mount",
        raw::__NR_mount,
        EPERM,
        "EPERM without fake root, as for anyone without privilege",
    )),
    by_root(refused(
        "umount2",
        raw::__NR_umount2,
        EPERM,
        "EPERM without fake root, as for anyone without privilege",
    )),
    by_root(refused(
        "pivot_root",
        raw::__NR_pivot_root,
        EPERM,
        "EPERM without fake root, as for anyone without privilege",
    )),
    faked(refused("move_mount", raw::__NR_move_mount, EPERM, NEW_MOUNTS)),
    faked(refused("fsopen", raw::__NR_fsopen, EPERM, NEW_MOUNTS)),
    faked(refused("fsconfig", raw::__NR_fsconfig, EPERM, NEW_MOUNTS)),
    faked(refused("fsmount", raw::__NR_fsmount, EPERM, NEW_MOUNTS)),
    faked(refused("fspick", raw::__NR_fspick, EPERM, NEW_MOUNTS)),
    faked(refused("mount_setattr", raw::__NR_mount_setattr, EPERM, NEW_MOUNTS)),
    faked(refused("open_tree_attr", raw::__NR_open_tree_attr, EPERM, NEW_MOUNTS)),
    refused("acct", raw::__NR_acct, EPERM, "EPERM, as for anyone without privilege"),
    refused("swapon", raw::__NR_swapon, EPERM, "EPERM, as for anyone without privilege"),
    refused("swapoff", raw::__NR_swapoff, EPERM, "EPERM, as for anyone without privilege"),
    refused("quotactl", raw::__NR_quotactl, EPERM, "EPERM, as for anyone without privilege"),
];

/// SIGSYS, by which a trapped call comes to the shim.
pub const SIGSYS: u32 = 31;
/// Operations of prctl(2) that aren't the kernel's: those about filters, no_new_privs and user dispatch.
const PRCTL_OPERATIONS: [u32; 5] = {
    use linux_raw_sys::prctl::{PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP};
    [PR_SET_SECCOMP, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_SYSCALL_USER_DISPATCH]
};
/// PR_SET_SYSCALL_USER_DISPATCH (include/uapi/linux/prctl.h).
pub const PR_SET_SYSCALL_USER_DISPATCH: u32 = 59;

/// The highest system call number this table was made with knowledge of.
pub const LAST_KNOWN: u32 = raw::__NR_file_setattr;

const SLOTS: usize = LAST_KNOWN as usize + 1;

/// Index into [`ROWS`] by number, plus one; 0 where there is no row.
static BY_NUMBER: [u8; SLOTS] = {
    let mut index = [0u8; SLOTS];
    let mut i = 0;
    while i < ROWS.len() {
        let number = ROWS[i].number as usize;
        assert!(index[number] == 0, "a system call has two rows");
        index[number] = i as u8 + 1;
        i += 1;
    }
    assert!(ROWS.len() < 253);
    index
};

/// The row of a call, if it has one.
#[must_use]
#[inline]
pub fn row_of(number: usize) -> Option<&'static Row> {
    let index = *BY_NUMBER.get(number)?;
    ROWS.get(usize::from(index).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_number() {
        for row in ROWS {
            assert_eq!(row_of(row.number as usize).map(|found| found.name), Some(row.name));
        }
    }

    #[test]
    fn what_is_refused_says_so() {
        for row in ROWS {
            let refused = matches!(row.trap, Trap::Refuse(_));
            assert_eq!(refused, row.support == Support::Refused, "{}", row.name);
            assert_eq!(row.support != Support::Full, !row.note.is_empty(), "{}", row.name);
        }
    }
}
