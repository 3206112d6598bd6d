//! One row of the table: the facts about one system call.

use super::path::{Operation, PathCall};

/// One system call.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its number on this architecture.
    pub number: u32,
    /// Condition on which the filter traps it.
    pub trap: Trap,
    /// Code in the shim that runs it when it is trapped.
    pub call: Call,
    /// Arguments by which it names files; the second entry is used by calls with two paths.
    pub paths: [Option<PathArgument>; 2],
    /// Whether it names a socket's file by the `sockaddr` in its second argument, whose length is
    /// the third.
    pub address: bool,
    /// Whether it concerns files, by a path or a descriptor. Such a call fails if the shim can't
    /// find out the process's mounts.
    pub files: bool,
    /// Whether the kernel opens a file for it, so that it may answer EMFILE or ENFILE itself.
    pub opens: Opens,
    /// Whether the running kernel may be too old for it, or a container's policy may deny it: it
    /// came with Linux 5.8 or later, or old policies don't know it.
    pub may_be_missing: bool,
    /// Result of the call when a signal interrupts it while it sleeps.
    pub interrupted: Interrupted,
    /// Code on the fast path that runs it.
    pub fast: Fast,
    /// Condition on which a patched call site may run it.
    pub patch: Patch,
    /// Whether the filter always traps it under fake root.
    pub faked: bool,
    /// Errno that the shim answers under fake root without running it; 0 for none.
    pub errno_as_root: u16,
    /// Effect for a process that is root under fake root.
    pub root: Root,
    /// How much of it works.
    pub support: Support,
    /// Limits that a user should know.
    pub note: &'static str,
}

/// Condition on which the filter gives a call to the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// Never: the kernel runs the call.
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
    /// If the argument with this index has one of the first bits, or under fake root one of the
    /// second.
    IfBits(u8, u32, u32),
    /// Only in sessions with this property.
    InSession(Session),
    /// Never: the filter answers this errno, and nobody runs the call.
    Refuse(u16),
    /// Never; under fake root the filter answers this errno if each argument with one of these
    /// indices has the value beside the index.
    RefuseAllUnderRoot(u16, &'static [(u8, u32)]),
}

/// Property of a session in which the filter traps more calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Some host directory is visible at two guest paths.
    Aliased,
    /// Listings differ from the kernel's: the name of a binding is missing in its parent directory,
    /// the root has files of newroot's own that are hidden, or there are hard links that the host
    /// doesn't know.
    Unlisted,
    /// There are hard links that the host doesn't know.
    Links,
    /// Some binding is read-only.
    ReadOnly,
    /// The guest sees another kernel release.
    Release,
}

/// Arguments by which a call names one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathArgument {
    /// Index of the directory descriptor; `None` is the working directory.
    pub directory: Option<u8>,
    /// Index of the path.
    pub path: u8,
}

/// Code in the shim that runs a trapped call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the system call of that name
pub enum Call {
    /// None: the kernel runs the call.
    Kernel,
    /// The code of fake root; without fake root the kernel runs the call.
    Faked(RootCall),
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
    /// Calls that change a file by its descriptor.
    DescriptorWrite(Operation),
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
    /// Calls that read a file from its beginning, where the kernel writes the text of a procfs file
    /// anew.
    ReadAgain,
    Clone,
    Unshare,
    SetNs,
}

/// Code of fake root for calls that only fake root has trapped. The fields are indices of
/// arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootCall {
    /// Reads or changes the process's users and groups.
    Identity,
    /// capget(2).
    CapGet,
    /// capset(2).
    CapSet,
    /// Does this to the extended attributes of a descriptor's file.
    Attributes(Operation),
    /// mount(2), umount2(2) and pivot_root(2).
    Mount,
    /// kill(2), which may name a group of processes, or all.
    Kill,
    /// Sends a signal to one process or thread.
    Signal {
        /// The process or thread; the next argument is the signal.
        target: u8,
    },
    /// Sends a signal by a descriptor of the process.
    SignalByDescriptor,
    /// Sets scheduling parameters of the process in the first argument.
    Schedule,
    /// Sets priorities of the processes in the second argument, of which the first says whether it
    /// is a process, a group or a user.
    SchedulePriority {
        /// Value of the first argument for a process; group and user are the next two values.
        process: u8,
    },
    /// Reads or changes another process, which needs the right to trace it.
    Trace(Traced),
    /// getrlimit(2).
    GetLimit,
    /// setrlimit(2).
    SetLimit,
    /// prlimit(2).
    ProcessLimit,
    /// Sets the host name.
    SetHostName,
    /// Sets the domain name.
    SetDomainName,
    /// getsockopt(2).
    GetSockOpt,
    /// Records the process as a peer of sockets, then forwards the call.
    RecordPeer,
}

/// Arguments that name the processes which a call reads or changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traced {
    /// The first is a process.
    Process,
    /// The first two are processes.
    TwoProcesses,
    /// The first is a descriptor of a process.
    Descriptor,
}

/// Whether the kernel opens a file for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opens {
    /// No.
    Nothing,
    /// It opens the file that the path names, as open(2) does.
    ByPath,
    /// It opens something else: a program, or a descriptor that a socket hands over.
    Otherwise,
}

/// Result of a call that a signal interrupts while it sleeps (signal(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The kernel restarts it if no handler runs, or one with SA_RESTART.
    Restart,
    /// The kernel restarts it only if no handler runs.
    RestartWithoutHandler,
    /// EINTR.
    Fail,
}

/// Code on the fast path for a call. Variants without a remark are for all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // each is the system call of that name
pub enum Fast {
    /// None.
    Never,
    /// The generic code for calls with one path that is a single name; without fake root only.
    Name,
    Open,
    OpenAt,
    Stat,
    LStat,
    NewFStatAt,
    StatX,
    Access,
    ReadLink,
    ReadLinkAt,
    GetCwd,
    SigAction,
    SigProcMask,
    /// See [`Call::ReadAgain`].
    ReadAgain,
    /// Without fake root only.
    GetXAttr,
    /// Without fake root only.
    LGetXAttr,
    /// Without fake root only.
    LListXAttr,
    /// Under fake root only.
    FStat,
    /// Calls that answer one user or group, which is 0; under fake root only.
    GetId,
}

/// Condition on which a patched call site may run a call without a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patch {
    /// If the filter traps each such call in the session.
    IfTrapped,
    /// Always: the shim makes as they are the calls that the filter doesn't trap.
    Always,
    /// Never: the call returns by way of the signal frame.
    Never,
}

/// How much of a call works in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// All, as the kernel does it.
    Full,
    /// All within the limits that the note names.
    Partial,
    /// Nothing: it answers the errno that the note names.
    Refused,
}

/// Effect of a call under fake root, for a process that is root there. Any other process gets what
/// the kernel would answer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Root {
    /// The same as without fake root.
    Same,
    /// The kernel's effect for root, by the owners, modes and identities that newroot records.
    Done,
    /// It seems to succeed, as the note says.
    Faked(&'static str),
    /// It answers an error, as in a container without further capabilities. The note says more.
    Refused(&'static str),
}
