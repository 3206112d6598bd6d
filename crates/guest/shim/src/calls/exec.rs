//! execve(2). The shim finds every error that the kernel would report, because there is no way back
//! once the next shim runs.
//!
//! A new shim, `/proc/self/exe`, loads the guest's program. The plan is behind the guest's
//! variables. The shim does in guest terms what the kernel does for a `#!` line
//! (fs/binfmt_script.c).

use newroot_abi::Errno;
use newroot_abi::plan::{self, Flags, Header, NO_DESCRIPTOR};
use newroot_fakeroot::Executed;
use newroot_image::{Image, identify, is_shim};
use newroot_paths::Last;
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::synthetic_proc::copy;
use super::{filters, landlock};
use crate::call::{Outcome, SIGSYS_BIT, Trapped, descriptor_argument, forward};
use crate::identity::switch::{go_back, switch_to_executed};
use crate::kernel::{self, AT_FDCWD, Descriptor, FileType, Stat};
use crate::limits::{self, Spare};
use crate::loader::{self, Head};
use crate::memory;
use crate::resolve::{self, procfs};
use crate::session::{base, session, table_len};
use crate::slots::{self, ExecScratch, Operand, Scratch};
use crate::state;

/// Runs execve(2).
pub fn execve(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [path, arguments, environment, ..] = call.arguments;
    let what = Request { directory: AT_FDCWD, path, arguments, environment, flags: 0 };
    exec(call, scratch, what).into()
}

/// Runs execveat(2).
pub fn execveat(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [directory, path, arguments, environment, flags, _] = call.arguments;
    let directory = descriptor_argument(directory);
    exec(call, scratch, Request { directory, path, arguments, environment, flags: flags as u32 }).into()
}

#[derive(Clone, Copy, Debug)]
struct Request {
    directory: i32,
    path: usize,
    arguments: usize,
    environment: usize,
    flags: u32,
}

/// Checks whether the program could be executed, without executing it (Linux 6.14,
/// include/uapi/linux/fcntl.h).
const AT_EXECVE_CHECK: u32 = 0x10000;
/// Switches that belong to one program, not to the next.
const PASSING: Flags =
    Flags::LAUNCH.with(Flags::SIGSYS_IGNORED).with(Flags::SIGSYS_BLOCKED).with(Flags::SECURE);
/// Limit of interpreters of interpreters in the kernel (exec_binprm() in fs/exec.c).
const MAX_SCRIPTS: usize = 5;
/// Limit of strings that scripts put in front: interpreter, argument and own name for each.
const MAX_FRONT: usize = 3 * MAX_SCRIPTS;

/// Strings in front of the guest's arguments. The last pushed one comes first.
struct Front {
    /// Offsets in the scratch space's strings.
    offsets: [usize; MAX_FRONT],
    count: usize,
    used: usize,
}

impl Front {
    fn push(&mut self, space: &mut [u8], text: &[u8]) -> Result<(), Errno> {
        let end = self.used + text.len();
        space.get_mut(self.used..end).ok_or(Errno::TOOBIG)?.copy_from_slice(text);
        *space.get_mut(end).ok_or(Errno::TOOBIG)? = 0;
        *self.offsets.get_mut(self.count).ok_or(Errno::LOOP)? = self.used;
        self.count += 1;
        self.used = end + 1;
        Ok(())
    }
}

/// A file that can be executed, opened for reading.
struct Executable {
    file: Descriptor,
    /// Whether the guest sees it under no path. Then it is passed on as a descriptor.
    nameless: bool,
}

/// A program that was found and passed all checks.
struct Program {
    /// Strings in front of its arguments.
    front: Front,
    /// Its open file, if it has no name.
    nameless: Option<Descriptor>,
    /// Whether the first operand has its interpreter's canonical guest path.
    interpreter_found: bool,
    /// Under fake root, the identity that it will run with.
    executed: Option<Executed>,
}

/// The file that an exec found.
// There is one at a time, on the stack.
#[allow(clippy::large_enum_variant)]
enum Found {
    Program(Program),
    /// The shim of a nested newroot: its open image, unless no descriptor is left.
    Shim(Option<Descriptor>),
}

fn exec(call: &mut Trapped<'_>, scratch: &mut Scratch, request: Request) -> Result<usize, Errno> {
    const KNOWN: u32 = raw::AT_EMPTY_PATH | raw::AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK;
    if request.flags & !KNOWN != 0 {
        return Err(Errno::INVAL);
    }
    reclaim(&mut scratch.exec);
    let mut spare = None;
    let found = match find(scratch, request) {
        // The kernel needs no descriptor for an exec. The shim needs one to check the file.
        Err(error @ (Errno::MFILE | Errno::NFILE)) => {
            spare = Spare::new();
            if spare.is_some() { find(scratch, request)? } else { find_in_a_child(scratch, request, error)? }
        }
        other => other?,
    };
    let Scratch { first, second, exec, .. } = scratch;
    let program = match found {
        Found::Program(program) => program,
        Found::Shim(image) => {
            let [arguments, environment] = [request.arguments, request.environment];
            return super::exec_nested::exec(call, first, exec, image, [arguments, environment]);
        }
    };
    if request.flags & AT_EXECVE_CHECK != 0 {
        return Ok(0);
    }
    // Only a file without a name is passed on open. The limit that was raised for the check isn't
    // the new program's.
    if program.nameless.is_none() {
        drop(spare);
    }
    replace_process(call, [first, second], exec, program, request)
}

/// Looks for the program where no descriptor is left. A program without a name can't be passed on
/// then.
fn find_in_a_child(scratch: &mut Scratch, request: Request, error: Errno) -> Result<Found, Errno> {
    let found = limits::with_fewer_descriptors([request.directory, -1], || match find(scratch, request) {
        Ok(Found::Program(Program { nameless: Some(_), .. })) => Err(error),
        // A descriptor of the child isn't open here.
        Ok(Found::Shim(Some(image))) => {
            drop(image);
            Ok(Found::Shim(None))
        }
        other => other,
    });
    found.unwrap_or(Err(error))
}

/// Finds the program, and checks everything that could be wrong with it.
fn find(scratch: &mut Scratch, request: Request) -> Result<Found, Errno> {
    let Scratch { first, second, exec, .. } = scratch;
    memory::read_path(request.path, &mut first.text)?;
    let mut front = Front { offsets: [0; MAX_FRONT], count: 0, used: 0 };
    let mut executable = open(first, exec, request)?;
    // The name for scripts and AT_EXECFN.
    given_name(first, second, request)?;
    let mut scripts = 0;
    let policy = session().policy;
    let interpreter_found = loop {
        let head = Head::read(&executable.file)?;
        if is_shim(head.bytes()) {
            return Ok(Found::Shim(Some(executable.file)));
        }
        match identify(head.bytes())? {
            Image::Elf(_) => break find_interpreter(&head, first)?,
            // The kernel looks the empty name up and finds a directory.
            Image::Script(script) if script.interpreter.is_empty() => return Err(Errno::ACCES),
            Image::Script(script) => {
                scripts += 1;
                if scripts > MAX_SCRIPTS {
                    return Err(Errno::LOOP);
                }
                if scripts == 1 && closes_on_exec(request, second.text.bytes()) {
                    // The interpreter couldn't open it by the name that it would get.
                    return Err(Errno::NOENT);
                }
                // The script's own name replaces argv[0]. That of a nested script replaces the
                // interpreter's name, which was pushed last.
                if front.count == 0 {
                    front.push(&mut exec.strings, second.text.bytes())?;
                }
                if let Some(argument) = script.argument {
                    front.push(&mut exec.strings, argument)?;
                }
                front.push(&mut exec.strings, script.interpreter)?;
                first.text.assign(script.interpreter)?;
                executable = open(first, exec, Request { directory: AT_FDCWD, flags: 0, ..request })?;
            }
        }
    };
    let executed = policy.map(|policy| (policy.executed)(&executable.file)).transpose()?;
    let nameless = executable.nameless.then_some(executable.file);
    Ok(Found::Program(Program { front, nameless, interpreter_found, executed }))
}

/// Returns whether a script is named through a descriptor that the exec closes
/// (BINPRM_FLAGS_PATH_INACCESSIBLE, fs/exec.c).
fn closes_on_exec(request: Request, name: &[u8]) -> bool {
    if request.directory == AT_FDCWD || !name.starts_with(b"/dev/fd/") {
        return false;
    }
    let arguments = [request.directory as isize as usize, raw::F_GETFD as usize, 0, 0, 0, 0];
    forward(raw::__NR_fcntl, arguments).is_ok_and(|flags| flags & raw::FD_CLOEXEC as usize != 0)
}

/// Unmaps the pointer array that a vfork child left to its parent when its exec succeeded.
fn reclaim(exec: &mut ExecScratch) {
    let (at, len) = core::mem::take(&mut exec.leftover);
    if len != 0 {
        unmap(at, len);
    }
}

fn unmap(at: usize, len: usize) {
    let _ = forward(raw::__NR_munmap, [at, len, 0, 0, 0, 0]);
}

/// Finds and opens the file in `operand.text`. Writes its canonical guest path to `exec.exe`.
fn open(operand: &mut Operand, exec: &mut ExecScratch, request: Request) -> Result<Executable, Errno> {
    let nofollow = request.flags & raw::AT_SYMLINK_NOFOLLOW != 0;
    let by_descriptor = operand.text.is_empty();
    if by_descriptor {
        if request.flags & raw::AT_EMPTY_PATH == 0 {
            return Err(Errno::NOENT);
        }
        if request.directory == AT_FDCWD {
            // A directory is no program.
            return Err(Errno::ACCES);
        }
        procfs::name_descriptor(request.directory, &mut operand.walk.host)?;
    }
    let mut nameless = by_descriptor;
    let mut found = None;
    if !by_descriptor {
        let last = if nofollow { Last::Keep } else { Last::Follow };
        if let Some(policy) = session().policy {
            (policy.search_for_exec)(operand, request.directory, last)?;
        }
        found = resolve::canonical(operand, last)?;
        if found.is_none() {
            nameless = resolve::walk_text(operand, request.directory, last)?.found.magic;
        }
        exec.exe.assign(operand.walk.guest.bytes())?;
    }
    let of_a_program = nameless && procfs::exe::is_link(operand.walk.host.bytes());
    let file = if of_a_program {
        procfs::exe::copy(operand.walk.host.bytes(), raw::O_RDONLY)?
    } else {
        open_regular(operand, found, !nameless)?
    };
    if let Some(policy) = session().policy {
        (policy.may_execute)(&file)?;
    }
    if nameless {
        // The guest may know the path in the descriptor's link.
        resolve::host_path(file.number(), &mut operand.walk.host)?;
        procfs::memory_file::unmask(&mut operand.walk.host);
        let known = session().mounts.detranslate(operand.walk.host.bytes(), None, &mut exec.exe);
        nameless = known.is_none() || operand.walk.host.bytes().ends_with(b" (deleted)");
        if known.is_none() {
            exec.exe.assign(operand.walk.host.bytes())?;
        }
    }
    Ok(Executable { file, nameless })
}

/// Opens the host path in `operand.walk.host`, if it is a regular file that may be executed.
/// `found` is an O_PATH descriptor of it, if there is one already.
fn open_regular(
    operand: &mut Operand,
    found: Option<Descriptor>,
    nofollow: bool,
) -> Result<Descriptor, Errno> {
    let nofollow = if nofollow { raw::O_NOFOLLOW } else { 0 };
    let at = resolve::Anchored::new(&mut operand.walk.host)?;
    let found = match found {
        Some(found) => found,
        None => kernel::openat(at.directory(), at.path(), raw::O_PATH | raw::O_CLOEXEC | nofollow, 0)
            .map_err(|error| if error == Errno::NOENT && nofollow == 0 { Errno::BADF } else { error })?,
    };
    let facts = kernel::fstat(found.number())?;
    match FileType::of(&facts) {
        FileType::Regular => {}
        FileType::Symlink => return Err(Errno::LOOP),
        FileType::Directory | FileType::Other => return Err(Errno::ACCES),
    }
    kernel::faccessat(at.directory(), at.path(), raw::X_OK)?;
    let file = kernel::openat(at.directory(), at.path(), raw::O_RDONLY | raw::O_CLOEXEC | nofollow, 0)?;
    if landlock::any() || was_changed_lately(&facts) {
        ask_kernel(&file)?;
    }
    Ok(file)
}

/// Returns whether a file was changed within the last minute, or has times in the future.
fn was_changed_lately(facts: &Stat) -> bool {
    const LATELY: u64 = 60;
    // As in the kernel, a time before 1970 is a large one.
    facts.st_mtime.max(facts.st_ctime) > kernel::seconds().saturating_sub(LATELY)
}

/// Returns ETXTBSY for a file that a process has open for writing, and EACCES for one that the
/// guest's Landlock rules don't let it execute. Only the kernel knows. Since Linux 6.14 it can be
/// asked. An older kernel reports an invalid flag, and the file is run.
///
/// Asking costs a thirtieth of an exec. So without Landlock the kernel is only asked about files
/// that may be in the making: writing to a file changes its times. It isn't asked about dynamic
/// loaders then.
fn ask_kernel(file: &Descriptor) -> Result<(), Errno> {
    // Without an argv[0] the kernel would write a warning to its log.
    let arguments = [c"".as_ptr() as usize, 0];
    let flags = raw::AT_EMPTY_PATH | AT_EXECVE_CHECK;
    let [number, empty] = [file.number() as usize, arguments[0]];
    match forward(raw::__NR_execveat, [number, empty, arguments.as_ptr() as usize, 0, flags as usize, 0]) {
        Err(Errno::TXTBSY) => Err(Errno::TXTBSY),
        Err(Errno::ACCES) if landlock::any() => Err(Errno::ACCES),
        _ => Ok(()),
    }
}

/// Writes to `second.text` the kernel's name of the program: the path as passed, or `/dev/fd/N` for
/// a descriptor (alloc_bprm() in fs/exec.c).
fn given_name(first: &mut Operand, second: &mut Operand, request: Request) -> Result<(), Errno> {
    memory::read_path(request.path, &mut second.text)?;
    let relative = second.text.bytes().first() != Some(&b'/');
    if request.directory != AT_FDCWD && relative {
        let number = Decimal::new(u64::try_from(request.directory).map_err(|_| Errno::BADF)?);
        first.text.assign(b"/dev/fd/")?;
        first.text.extend(number.bytes())?;
        if !second.text.is_empty() {
            first.text.extend(b"/")?;
            first.text.extend(second.text.bytes())?;
        }
        second.text.assign(first.text.bytes())?;
    }
    Ok(())
}

/// Checks that a program's dynamic loader exists. Overwrites the operand. Returns whether it has
/// the loader's canonical guest path.
fn find_interpreter(head: &Head<'_>, operand: &mut Operand) -> Result<bool, Errno> {
    if !loader::interpreter_of(head, &mut operand.text)? {
        return Ok(false);
    }
    let (interpreter, found) = resolve::open_for_exec(operand)?;
    if landlock::any() {
        ask_kernel(&interpreter)?;
    }
    let mut head = [0u8; 64];
    let len = kernel::pread(interpreter.number(), &mut head, 0).map_err(|error| match error {
        Errno::ISDIR => Errno::ACCES,
        other => other,
    })?;
    match identify(head.get(..len).unwrap_or(&[])) {
        Ok(Image::Elf(_)) => Ok(!found.magic && !found.elsewhere),
        _ => Err(Errno::LIBBAD),
    }
}

/// Returns the number of pointers before the NULL.
pub(super) fn count_pointers(at: usize) -> Result<usize, Errno> {
    if at == 0 {
        return Ok(0);
    }
    let mut count = 0;
    let mut checked = usize::MAX;
    loop {
        let place = at + count * size_of::<usize>();
        // One probe a page.
        let value = if place / 4096 == checked && place % 4096 <= 4096 - size_of::<usize>() {
            memory::read_checked(place)
        } else {
            checked = place / 4096;
            memory::read::<usize>(place)?
        };
        if value == 0 {
            return Ok(count);
        }
        count += 1;
    }
}

/// Reads one of the pointers that [`count_pointers`] counted.
pub(super) fn counted_pointer(at: usize, index: usize) -> usize {
    memory::read_checked(at + index * size_of::<usize>())
}

/// The pointers of the exec, first to arguments, then to variables: in the slot if they fit, else
/// in a mapping.
pub(super) struct Pointers {
    at: usize,
    capacity: usize,
    len: usize,
    /// Number of pointers before the first variable's.
    environment: usize,
    mapping: usize,
}

impl Pointers {
    pub(super) fn new(exec: &mut ExecScratch, capacity: usize) -> Result<Self, Errno> {
        if capacity <= exec.pointers.len() {
            return Ok(Self {
                at: exec.pointers.as_mut_ptr() as usize,
                capacity,
                len: 0,
                environment: 0,
                mapping: 0,
            });
        }
        let mapping = (capacity * size_of::<usize>()).next_multiple_of(4096);
        let at = kernel::map_anonymous(mapping)?;
        exec.leftover = (at, mapping);
        Ok(Self { at, capacity, len: 0, environment: 0, mapping })
    }

    pub(super) fn push(&mut self, pointer: usize) {
        if self.len < self.capacity {
            memory::write_owned(self.at + self.len * size_of::<usize>(), pointer);
            self.len += 1;
        }
    }

    /// Marks the following pointers as those to variables.
    pub(super) fn begin_environment(&mut self) {
        self.environment = self.len;
    }

    /// Returns the bytes that strings and pointers take on the new stack, if all strings can be
    /// read. If not, the kernel finds that out before the exec succeeds.
    fn bytes(&self) -> usize {
        let strings = (0..self.len).map(|index| counted_pointer(self.at, index)).filter(|&at| at != 0);
        strings.map_while(|at| memory::string_len(at).ok()).map(|len| len + 1 + size_of::<usize>()).sum()
    }

    /// Unmaps the mapping after a failed exec.
    pub(super) fn discard(self, exec: &mut ExecScratch) {
        if self.mapping != 0 {
            unmap(self.at, self.mapping);
            exec.leftover = (0, 0);
        }
    }
}

fn replace_process(
    call: &mut Trapped<'_>,
    [first, second]: [&mut Operand; 2],
    exec: &mut ExecScratch,
    program: Program,
    request: Request,
) -> Result<usize, Errno> {
    let Program { front, nameless, interpreter_found, executed } = program;
    let session = base();
    let state = state::get();
    let kept = match nameless {
        // The one descriptor that crosses an exec. The shim closes it when it has loaded the file.
        Some(file) => {
            let high = kernel::dup_across_exec(file.number(), 100);
            Some(high.or_else(|_| kernel::dup_across_exec(file.number(), 0))?)
        }
        None => None,
    };
    let mut flags = session.header.flags.without(PASSING);
    if executed.as_ref().is_some_and(|executed| executed.secure) {
        flags = flags.with(Flags::SECURE);
    }
    if state.sigsys.handler == 1 {
        flags = flags.with(Flags::SIGSYS_IGNORED);
    }
    if state.no_new_privileges != 0 {
        flags = flags.with(Flags::NO_NEW_PRIVILEGES);
    }
    if landlock::any() {
        flags = flags.with(Flags::LANDLOCKED);
    }
    if state::sigsys_blocked() {
        flags = flags.with(Flags::SIGSYS_BLOCKED);
    }
    if filters::any() {
        flags = flags.with(Flags::GUEST_FILTERS);
    }
    if copy::are_possible() {
        flags = flags.with(Flags::COPIES);
    }
    let header = Header {
        strings: session.header.strings,
        flags,
        mask: call.context.mask & !SIGSYS_BIT,
        cwd_mount: state.cwd_mount,
        descriptor: kept.as_ref().map_or(NO_DESCRIPTOR, |kept| kept.number() as u32),
        patch_after: session.header.patch_after,
    };
    let mut header_text = [0u8; plan::HEADER_LEN + 1];
    header_text[..plan::HEADER_LEN].copy_from_slice(&header.encode());

    let guest_count = count_pointers(request.arguments)?;
    let variables = count_pointers(request.environment)?;
    let capacity = front.count + guest_count.max(1) + 1 + variables + session.strings.len() + 1;
    let mut pointers = Pointers::new(exec, capacity)?;
    let strings = exec.strings.as_ptr() as usize;
    for offset in front.offsets.get(..front.count).unwrap_or(&[]).iter().rev() {
        pointers.push(strings + offset);
    }
    // A script's name replaces argv[0].
    for index in usize::from(front.count > 0)..guest_count {
        pointers.push(counted_pointer(request.arguments, index));
    }
    if front.count == 0 && guest_count == 0 {
        // Since Linux 5.18 a program always has an argv[0].
        pointers.push(c"".as_ptr() as usize);
    }
    pointers.push(0);
    pointers.begin_environment();
    for index in 0..variables {
        pointers.push(counted_pointer(request.environment, index));
    }
    let header_index = session.strings.len() - 1;
    for (index, &string) in session.strings.iter().enumerate() {
        pointers.push(match index {
            plan::EXE => exec.exe.with_nul().as_ptr() as usize,
            plan::NAME => second.text.with_nul().as_ptr() as usize,
            plan::INTERPRETER if interpreter_found => first.walk.guest.with_nul().as_ptr() as usize,
            plan::INTERPRETER => c"".as_ptr() as usize,
            _ if index == header_index => header_text.as_ptr() as usize,
            _ => string,
        });
    }
    pointers.push(0);
    if state.trace_me != 0 {
        state::update(|state| state.trace_me = 0);
        let _ = forward(raw::__NR_ptrace, [0; 6]);
    }
    let before = executed.as_ref().map(switch_to_executed).transpose();
    let error = match &before {
        Ok(_) => execute(call.slot, &pointers),
        Err(error) => *error,
    };
    if let Ok(Some(Some(before))) = &before {
        go_back(before);
    }
    pointers.discard(exec);
    Err(error)
}

/// Executes the shim. Returns only on failure, with the errno.
///
/// After a success in a vfork child nobody would free the slot. So the kernel clears the slot's
/// word when the child leaves this memory (set_tid_address(2)).
pub(super) fn execute(slot: usize, pointers: &Pointers) -> Errno {
    const PR_GET_TID_ADDRESS: usize = 40;
    if let Err(error) = limits::check_image_fits(table_len(), || pointers.bytes()) {
        return error;
    }
    let mut tid_address = 0usize;
    let arguments = [PR_GET_TID_ADDRESS, &raw mut tid_address as usize, 0, 0, 0, 0];
    let known = forward(raw::__NR_prctl, arguments).is_ok();
    let borrowed = !slots::is_owner(kernel::getpid());
    if known || borrowed {
        let _ = forward(raw::__NR_set_tid_address, [slots::owner_word(slot), 0, 0, 0, 0, 0]);
    }
    let error = match execute_image(c"/proc/self/exe".as_ptr() as usize, pointers) {
        // Without /proc the image must be a file, if there is one.
        Errno::NOENT => match session().strings.get(plan::SHIM_PATH) {
            Some(&path) => execute_image(path, pointers),
            None => Errno::NOENT,
        },
        error => error,
    };
    if known || borrowed {
        let _ = forward(raw::__NR_set_tid_address, [tid_address, 0, 0, 0, 0, 0]);
    }
    error
}

/// Calls execve(2) on an image. Returns only on failure, with the errno.
fn execute_image(path: usize, pointers: &Pointers) -> Errno {
    let environment = pointers.at + pointers.environment * size_of::<usize>();
    match forward(raw::__NR_execve, [path, pointers.at, environment, 0, 0, 0]) {
        Err(error) => error,
        Ok(_) => Errno::INVAL,
    }
}
