//! Builder methods that write a row: `call("faccessat", number).directory(0).path(1)…`.
//!
//! All are const: the table is made at compile time, and a contradiction doesn't compile. Indices
//! of arguments count from 0.

use super::path::{Empty, Follow, From, Operation, PathCall};
use super::row::{
    Call, Fast, Interrupted, Opens, Patch, PathArgument, Root, RootCall, Row, Session, Support, Trap,
};
use crate::raw;

/// Begins the row of a call that the kernel runs, as long as nothing else is added.
pub(super) const fn call(name: &'static str, number: u32) -> Row {
    Row {
        name,
        number,
        trap: Trap::Never,
        call: Call::Kernel,
        paths: [None; 2],
        address: false,
        files: false,
        opens: Opens::Nothing,
        may_be_missing: false,
        interrupted: Interrupted::Restart,
        fast: Fast::Never,
        patch: Patch::IfTrapped,
        faked: false,
        errno_as_root: 0,
        root: Root::Same,
        support: Support::Full,
        note: "",
    }
}

/// Trapping: when the shim gets the call, and which code runs it.
impl Row {
    /// Gives the call to this code; always, unless a `trapped_…` method says when.
    pub(super) const fn run_by(self, call: Call) -> Self {
        let trap = if matches!(self.trap, Trap::Never) { Trap::Always } else { self.trap };
        Self { call, trap, ..self }
    }

    /// Traps the call only if this argument isn't zero.
    pub(super) const fn trapped_if_given(self, argument: u8) -> Self {
        Self { trap: Trap::IfArgument(argument), ..self }
    }

    /// Traps the call only if this argument is zero.
    pub(super) const fn trapped_if_zero(self, argument: u8) -> Self {
        Self { trap: Trap::IfZero(argument, argument), ..self }
    }

    /// Traps the call only if all bits of the first argument and the low half of the second are
    /// zero.
    pub(super) const fn trapped_if_both_zero(self, whole: u8, half: u8) -> Self {
        Self { trap: Trap::IfZero(whole, half), ..self }
    }

    /// Traps the call only if this argument has one of these values.
    pub(super) const fn trapped_if_one_of(self, argument: u8, values: &'static [u32]) -> Self {
        Self { trap: Trap::IfOneOf(argument, values), ..self }
    }

    /// Traps the call only if this argument has one of these bits.
    pub(super) const fn trapped_if_bits(self, argument: u8, bits: u32) -> Self {
        Self { trap: Trap::IfBits(argument, bits, 0), ..self }
    }

    /// Adds bits to those of [`Self::trapped_if_bits`] that trap the call under fake root.
    pub(super) const fn trapped_as_root_if_bits(self, more: u32) -> Self {
        let Trap::IfBits(argument, bits, _) = self.trap else { panic!("no bits trap the call") };
        Self { trap: Trap::IfBits(argument, bits, more), ..self }
    }

    /// Traps the call only in sessions with this property.
    pub(super) const fn trapped_in(self, session: Session) -> Self {
        Self { trap: Trap::InSession(session), ..self }
    }

    /// Has the filter answer this errno, so that nobody runs the call.
    pub(super) const fn refused(self, errno: u16, note: &'static str) -> Self {
        let root = Root::Refused("");
        Self { trap: Trap::Refuse(errno), support: Support::Refused, note, root, ..self }
    }

    /// Has the filter answer this errno under fake root, if the arguments with these indices have
    /// the values beside the indices.
    pub(super) const fn refused_as_root_if(self, errno: u16, values: &'static [(u8, u32)]) -> Self {
        Self { trap: Trap::RefuseAllUnderRoot(errno, values), ..self }
    }
}

/// Files: which arguments name them, and what the call does to them.
impl Row {
    /// Sets the argument with the path. Such a call concerns files, and fake root checks whether
    /// the process may search the directories on the way.
    pub(super) const fn path(self, path: u8) -> Self {
        let [first, second] = self.paths;
        let directory = match first {
            Some(argument) => argument.directory,
            None => None,
        };
        let paths = [Some(PathArgument { directory, path }), second];
        Self { paths, files: true, ..self }.done_as_root()
    }

    /// Sets the arguments with directory descriptor and path.
    pub(super) const fn path_at(self, directory: u8, path: u8) -> Self {
        let [_, second] = self.paths;
        let paths = [Some(PathArgument { directory: Some(directory), path }), second];
        Self { paths, ..self }.path(path)
    }

    /// Sets the argument with the second path.
    pub(super) const fn second_path(self, path: u8) -> Self {
        let [first, _] = self.paths;
        Self { paths: [first, Some(PathArgument { directory: None, path })], ..self }
    }

    /// Sets the arguments with directory descriptor and path of the second file.
    pub(super) const fn second_path_at(self, directory: u8, path: u8) -> Self {
        let [first, _] = self.paths;
        Self { paths: [first, Some(PathArgument { directory: Some(directory), path })], ..self }
    }

    /// Says that the second argument is a `sockaddr` that may name a socket's file.
    pub(super) const fn address(self) -> Self {
        Self { address: true, ..self }.files()
    }

    /// Says that the call concerns files, though it names none by a path.
    pub(super) const fn files(self) -> Self {
        Self { files: true, ..self }
    }

    /// Says that the kernel opens a file for the call.
    pub(super) const fn opens(self, opens: Opens) -> Self {
        Self { opens, ..self }
    }

    /// Gives the call to the generic code for calls with one path, which does this to the file. It
    /// follows symlinks, takes an empty path for an error, and makes the same call with the
    /// translated path, unless one of the next methods says otherwise.
    pub(super) const fn does(self, operation: Operation) -> Self {
        use super::path::Intent;
        let Some(PathArgument { directory, path }) = self.paths[0] else { panic!("no path") };
        let mut arguments = [
            From::Argument(0),
            From::Argument(1),
            From::Argument(2),
            From::Argument(3),
            From::Argument(4),
            From::Argument(5),
        ];
        if let Some(directory) = directory {
            arguments[directory as usize] = From::Directory;
        }
        arguments[path as usize] = From::Path;
        let follow = match operation.intent() {
            Intent::Read | Intent::Modify => Follow::Always,
            Intent::Create | Intent::Remove => Follow::Never,
        };
        let call = PathCall {
            directory,
            path,
            follow,
            empty: Empty::Error,
            operation,
            reissue: self.number,
            reissue_followed: self.number,
            arguments,
        };
        let fast = if matches!(self.fast, Fast::Never) { Fast::Name } else { self.fast };
        Self { fast, ..self.run_by(Call::Path(call)) }
    }

    const fn path_call(self) -> PathCall {
        let Call::Path(call) = self.call else { panic!("the call's operation isn't known yet") };
        call
    }

    const fn with_path_call(self, call: PathCall) -> Self {
        Self { call: Call::Path(call), ..self }
    }

    const fn follow(self, follow: Follow) -> Self {
        self.with_path_call(PathCall { follow, ..self.path_call() })
    }

    /// Says that the call doesn't follow a symlink at the end of the path.
    pub(super) const fn nofollow(self) -> Self {
        self.follow(Follow::Never)
    }

    /// Sets the argument in which AT_SYMLINK_NOFOLLOW says so.
    pub(super) const fn nofollow_flag(self, argument: u8) -> Self {
        self.nofollow_bit(argument, raw::AT_SYMLINK_NOFOLLOW)
    }

    /// Sets the argument in which this bit says so.
    pub(super) const fn nofollow_bit(self, argument: u8, bit: u32) -> Self {
        self.follow(Follow::Unless(argument, bit))
    }

    /// Sets the argument in which AT_SYMLINK_FOLLOW says that the call follows symlinks.
    pub(super) const fn follow_flag(self, argument: u8) -> Self {
        self.follow(Follow::If(argument, raw::AT_SYMLINK_FOLLOW))
    }

    const fn empty(self, empty: Empty) -> Self {
        self.with_path_call(PathCall { empty, ..self.path_call() })
    }

    /// Sets the argument in which AT_EMPTY_PATH says that an empty path means the descriptor.
    pub(super) const fn empty_path_flag(self, argument: u8) -> Self {
        self.empty(Empty::Flag(argument))
    }

    /// Says that a null path means the descriptor.
    pub(super) const fn null_path(self) -> Self {
        self.empty(Empty::Null)
    }

    /// Says that a null path means the descriptor, and an empty one if this argument has
    /// AT_EMPTY_PATH.
    pub(super) const fn null_path_or_empty_flag(self, argument: u8) -> Self {
        self.empty(Empty::NullOrFlag(argument))
    }

    /// Says that null and empty paths mean the descriptor if this argument has AT_EMPTY_PATH.
    pub(super) const fn null_path_and_empty_flag(self, argument: u8) -> Self {
        self.empty(Empty::NullWithFlag(argument))
    }

    /// Has the shim make another call, with these arguments; the rest are 0.
    pub(super) const fn reissued_as(self, number: u32, arguments: &[From]) -> Self {
        let mut all = [From::Constant(0); 6];
        let mut index = 0;
        while index < arguments.len() {
            all[index] = arguments[index];
            index += 1;
        }
        let call = self.path_call();
        self.with_path_call(PathCall { reissue: number, reissue_followed: number, arguments: all, ..call })
    }

    /// Sets the call that does the same but follows symlinks.
    pub(super) const fn followed_by(self, number: u32) -> Self {
        self.with_path_call(PathCall { reissue_followed: number, ..self.path_call() })
    }
}

/// Fake root: what changes in its sessions.
impl Row {
    /// Traps the call always under fake root, whose code has the first say.
    pub(super) const fn faked(self) -> Self {
        let root = if matches!(self.root, Root::Same) { Root::Done } else { self.root };
        Self { faked: true, root, ..self }
    }

    /// Traps the call under fake root alone, and gives it to this code of fake root.
    pub(super) const fn faked_by(self, call: RootCall) -> Self {
        Self { call: Call::Faked(call), ..self.faked() }
    }

    /// Says that root gets the kernel's effect for root.
    pub(super) const fn done_as_root(self) -> Self {
        Self { root: Root::Done, ..self }
    }

    /// Says that the call only seems to succeed for root.
    pub(super) const fn pretended_as_root(self, note: &'static str) -> Self {
        Self { root: Root::Faked(note), ..self }
    }

    /// Says that root, too, gets an error.
    pub(super) const fn refused_as_root(self, note: &'static str) -> Self {
        Self { root: Root::Refused(note), ..self }
    }

    /// Has the shim answer this errno under fake root without running the call.
    pub(super) const fn errno_as_root(self, errno: u16) -> Self {
        Self { errno_as_root: errno, ..self }
    }
}

/// The rest: kernels, signals, the fast path, documentation.
impl Row {
    /// Says that the running kernel may be too old for the call, or a policy may deny it.
    pub(super) const fn may_be_missing(self) -> Self {
        Self { may_be_missing: true, ..self }
    }

    /// Sets the result of the call when a signal interrupts it while it sleeps.
    pub(super) const fn interrupted(self, interrupted: Interrupted) -> Self {
        Self { interrupted, ..self }
    }

    /// Sets the code that runs the call on the fast path.
    pub(super) const fn fast(self, fast: Fast) -> Self {
        Self { fast, ..self }
    }

    /// Sets the condition on which a patched call site may run the call.
    pub(super) const fn patched(self, patch: Patch) -> Self {
        Self { patch, ..self }
    }

    /// Says that the call works within limits.
    pub(super) const fn partial(self, note: &'static str) -> Self {
        Self { support: Support::Partial, note, ..self }
    }
}
