//! UNIX sockets, whose addresses are paths (unix(7)).
//!
//! An address holds 108 bytes. A translated path that is longer is reached through the descriptor
//! of its directory, `/proc/self/fd/N/name`, and bound by a short name that peers can reply to
//! (`short_names`). A call that may sleep is made on the guest's stack. Addresses that come back
//! are translated into guest terms afterwards.

mod short_names;

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf, Last};
use newroot_sys::raw;

use self::short_names::Name;
use crate::call::resume::{Afterwards, Builder};
use crate::call::{Outcome, Trapped, forward};
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::memory;
use crate::resolve::{self, new_entry, procfs};
use crate::session::session;
use crate::slots::Operand;

const EADDRINUSE: Errno = Errno::from_number(98);
const AF_UNIX: u16 = 1;
/// Size of the family in front of the path, in bytes.
const FAMILY: usize = 2;
/// Size of `sun_path`.
const PATH: usize = 108;
/// Size of `struct sockaddr_storage`: no address is longer.
const ANY: usize = 128;
/// Length of the longest path with a NUL behind it, which every kernel accepts.
const LONGEST: usize = PATH - 1;

/// A translated address.
struct Address {
    bytes: [u8; FAMILY + PATH],
    len: usize,
    /// A descriptor that the path leads through.
    through: Option<Descriptor>,
}

impl Address {
    fn new(path: &[u8], through: Option<Descriptor>) -> Result<Self, Errno> {
        let mut bytes = [0; FAMILY + PATH];
        bytes[..FAMILY].copy_from_slice(&AF_UNIX.to_ne_bytes());
        let room = bytes.get_mut(FAMILY..FAMILY + path.len()).filter(|_| path.len() <= LONGEST);
        room.ok_or(Errno::NAMETOOLONG)?.copy_from_slice(path);
        Ok(Self { bytes, len: FAMILY + path.len() + 1, through })
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// Reads the path from the guest's address into `out`. Returns false for an address without a path:
/// of another family, unnamed, or abstract.
///
/// # Errors
/// EFAULT, EINVAL.
pub(crate) fn read_address(address: usize, len: usize, out: &mut GuestBuf) -> Result<bool, Errno> {
    // The kernel refuses a longer address itself.
    if address == 0 || len <= FAMILY || len > FAMILY + PATH {
        return Ok(false);
    }
    let mut bytes = [0u8; FAMILY + PATH];
    let bytes = bytes.get_mut(..len).ok_or(Errno::INVAL)?;
    memory::read_bytes(address, bytes)?;
    let (family, path) = bytes.split_at(FAMILY);
    if family != AF_UNIX.to_ne_bytes() || path.first() == Some(&0) {
        return Ok(false);
    }
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    out.assign(path.get(..end).unwrap_or(path))?;
    Ok(true)
}

/// Reads the path from the address of bind(2) or connect(2). Returns false if it has none.
///
/// # Errors
/// EFAULT, EINVAL.
pub(crate) fn read_unix_path(call: &Trapped<'_>, operand: &mut Operand) -> Result<bool, Errno> {
    let [_, address, len, ..] = call.arguments;
    read_address(address, len, &mut operand.text)
}

/// Runs bind(2).
pub fn bind(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    bind_inner(call, operand).into()
}

fn bind_inner(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    let [socket, address, len, ..] = call.arguments;
    if !read_address(address, len, &mut operand.text)? {
        return forward(raw::__NR_bind, call.arguments);
    }
    let mut entry = new_entry(operand, AT_FDCWD, EADDRINUSE, false)?;
    let directory = entry.directory();
    let operand = entry.buffers();
    // A relative name that means the same to the host's kernel is bound unchanged, so that all
    // peers see it.
    if operand.text.bytes().first() != Some(&b'/') && same_directory(operand, directory) {
        return forward(raw::__NR_bind, call.arguments);
    }
    let whole = operand.name.bytes().first() == Some(&b'/');
    if directory == AT_FDCWD && !whole {
        return forward(raw::__NR_bind, call.arguments);
    }
    let bind = |path: &[u8]| {
        let address = Address::new(path, None)?;
        forward(raw::__NR_bind, [socket, address.bytes.as_ptr() as usize, address.len, 0, 0, 0])
    };
    if whole {
        // No descriptor can be had, so the name has to do.
        return bind(operand.name.bytes());
    }
    // The host path, if it fits, because getsockname(2) returns it.
    let mut path = Buffer::<Host, 256>::new();
    resolve::host_path(directory, &mut operand.walk.host)?;
    let fits = path.extend(operand.walk.host.bytes()).and_then(|()| path.extend(b"/"));
    // With the given dots and symlinks, if they lead the host's kernel to the same directory.
    let mut given = Buffer::<Host, 256>::new();
    let translated = session().mounts.translate(operand.text.bytes(), &mut given).is_ok();
    if translated
        && given.len() <= LONGEST
        && !is_in(given.bytes(), operand.walk.host.bytes())
        && parent_is(given.bytes(), directory, &mut operand.normal)
        && let Ok(value) = bind(given.bytes())
    {
        return Ok(value);
    }
    if fits.and_then(|()| path.extend(operand.name.bytes())).is_ok() && path.len() <= LONGEST {
        return bind(path.bytes());
    }
    let Operand { name, walk, .. } = operand;
    let place = walk.host.bytes();
    let mut short = Name::new();
    let held = short_names::of_directory(directory, place, &mut short);
    let is_named = held.is_some();
    let fits = is_named && short.extend(b"/").and_then(|()| short.extend(name.bytes())).is_ok();
    let fits = fits && short.len() <= LONGEST;
    if fits && let Ok(value) = bind(short.bytes()) {
        return Ok(value);
    }
    drop(held);
    let mut own_name = Buffer::<Host, 256>::new();
    own_name.assign(name.bytes())?;
    entry.lead_through_procfs()?;
    let Operand { name, walk, .. } = entry.buffers();
    let place = walk.host.bytes();
    // By its descriptor the directory exists, whatever its path leads to, so errors are about the
    // right file.
    if name.len() <= LONGEST && (fits || !is_named) {
        return bind(name.bytes());
    }
    bind_and_rename(bind, place, own_name.bytes(), name)
}

/// Binds a socket whose name alone is too long: to a short name beside it, which is then renamed.
/// `path` is the name behind the directory's descriptor in procfs, `place` the directory's host
/// path.
fn bind_and_rename(
    bind: impl Fn(&[u8]) -> Result<usize, Errno>,
    place: &[u8],
    name: &[u8],
    path: &mut HostBuf,
) -> Result<usize, Errno> {
    // If a file exists already, the call has to fail before it binds: afterwards the socket
    // couldn't be bound to another name.
    if kernel::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW).is_ok() {
        return Err(EADDRINUSE);
    }
    let mut first = Buffer::<Host, 64>::new();
    first.extend(b".newroot-")?;
    // The same length for every number, so that getsockname's result always has one length.
    first.extend(newroot_procfs::Decimal::new(0x1_0000_0000 + u64::from(crate::kernel::gettid())).bytes())?;
    let mut first_path = Buffer::<Host, 256>::new();
    first_path.assign(path.bytes().get(..path.len() - name.len()).unwrap_or(&[]))?;
    first_path.extend(first.bytes())?;
    let mut short = Name::new();
    let mut renamed = short_names::Renamed::new(place, name, first.bytes(), &mut short);
    if renamed.is_none() || bind(short.bytes()).is_err() {
        if let Some(renamed) = renamed.take() {
            renamed.remove();
        }
        bind(first_path.bytes())?;
    }
    const NO_REPLACE: u32 = 1;
    let to = (AT_FDCWD, Path::new(path.with_nul()));
    match kernel::rename((AT_FDCWD, Path::new(first_path.with_nul())), to, NO_REPLACE) {
        Ok(()) => {
            if let Some(renamed) = renamed {
                renamed.settle(place, name, first.bytes());
            }
            Ok(0)
        }
        Err(error) => {
            let _ = kernel::unlinkat(AT_FDCWD, Path::new(first_path.with_nul()), 0);
            if let Some(renamed) = renamed {
                renamed.remove();
            }
            Err(if error == Errno::EXIST { EADDRINUSE } else { error })
        }
    }
}

/// Returns whether the guest's relative path leads the host's kernel to the same directory.
fn same_directory(operand: &mut Operand, directory: i32) -> bool {
    let Operand { text, normal, .. } = operand;
    parent_is(text.bytes(), directory, normal)
}

/// Returns whether the path in front of the last component leads the host's kernel to this
/// directory.
fn parent_is(path: &[u8], directory: i32, room: &mut GuestBuf) -> bool {
    let (parent, _) = newroot_paths::split_last(path);
    if room.assign(if parent.is_empty() { b"." } else { parent }).is_err() {
        return false;
    }
    let parent = Path::new(room.with_nul());
    match (kernel::fstatat(AT_FDCWD, parent, 0), kernel::fstat(directory)) {
        (Ok(theirs), Ok(ours)) => (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino),
        _ => false,
    }
}

/// Returns whether a path is a directory's with one name behind it.
fn is_in(path: &[u8], directory: &[u8]) -> bool {
    let name = path.strip_prefix(directory).and_then(|rest| rest.strip_prefix(b"/"));
    name.is_some_and(|name| !name.contains(&b'/'))
}

/// Translates the address of an existing socket.
fn destination(operand: &mut Operand) -> Result<Address, Errno> {
    // Walked, not opened: a path that fits needs no descriptor during a call that sleeps.
    let mut walked = resolve::walk_text(operand, AT_FDCWD, Last::Follow)?;
    if walked.host().len() <= LONGEST {
        return Address::new(walked.host().bytes(), None);
    }
    let opened = walked.open(raw::O_PATH)?;
    let mut path = Buffer::<Host, 64>::new();
    procfs::name_descriptor(opened.number(), &mut path)?;
    Address::new(path.bytes(), Some(opened))
}

/// Makes the guest's call on its own stack, unchanged.
fn unchanged(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    let arguments = call.arguments;
    Builder::new(call).finish(call, call.number as u32, arguments, Afterwards::Never, [0; 4])
}

/// The task of a call that comes back.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Task {
    /// Close the descriptor in the note.
    Close = 1,
    /// Translate the address at (address, address of the length, size of the buffer).
    Address,
    /// Copy the address received at the note's third address to (address, address of the length).
    Beside,
    /// Translate the name of the message at the note's address, with this size of the buffer.
    Message,
    /// Translate the names of all messages received.
    Messages,
    /// Copy the lengths sent from the shim's copies of messages to the guest's.
    Sent,
}

fn close_note(address: Option<Descriptor>) -> (Afterwards, [usize; 4]) {
    match address {
        Some(through) => (Afterwards::Always, [Task::Close as usize, through.into_number() as usize, 0, 0]),
        None => (Afterwards::Never, [0; 4]),
    }
}

/// Runs connect(2).
pub fn connect(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    addressed(call, operand, 1).unwrap_or_else(Outcome::from)
}

/// Runs sendto(2).
pub fn sendto(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    addressed(call, operand, 4).unwrap_or_else(Outcome::from)
}

/// Runs a call whose arguments `index` and `index + 1` are an address and its length.
fn addressed(call: &mut Trapped<'_>, operand: &mut Operand, index: usize) -> Result<Outcome, Errno> {
    let mut arguments = call.arguments;
    let (address, len) = match arguments.get(index..index + 2) {
        Some(&[address, len]) => (address, len as u32 as usize),
        _ => return Err(Errno::INVAL),
    };
    if !read_address(address, len, &mut operand.text)? {
        return unchanged(call);
    }
    let address = destination(operand)?;
    let mut builder = Builder::new(call);
    let at = builder.push(address.bytes())?;
    if let Some([place, len]) = arguments.get_mut(index..index + 2) {
        (*place, *len) = (at, address.len);
    }
    let (afterwards, note) = close_note(address.through);
    builder.finish(call, call.number as u32, arguments, afterwards, note)
}

/// Number of words of `struct msghdr`.
const MESSAGE: usize = 7;
/// Number of words of `struct mmsghdr`.
const MULTI: usize = 8;

/// Runs sendmsg(2).
pub fn sendmsg(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    sendmsg_inner(call, operand).unwrap_or_else(Outcome::from)
}

/// Lets fake root copy a message's control data. `None` if the guest's can be used.
fn push_control(builder: &mut Builder, header: &[usize]) -> Result<Option<usize>, Errno> {
    session().policy.map_or(Ok(None), |policy| (policy.push_control)(builder, header))
}

fn sendmsg_inner(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<Outcome, Errno> {
    let [socket, message, flags, ..] = call.arguments;
    let mut header = memory::read::<[usize; MESSAGE]>(message)?;
    let addressed = read_address(header[0], header[1] as u32 as usize, &mut operand.text)?;
    let mut builder = Builder::new(call);
    let control = push_control(&mut builder, &header)?;
    if !addressed && control.is_none() {
        return unchanged(call);
    }
    let mut through = None;
    if addressed {
        let address = destination(operand)?;
        header[0] = builder.push(address.bytes())?;
        header[1] = address.len;
        through = address.through;
    }
    if let Some(control) = control {
        header[4] = control;
    }
    let at = builder.push_words(header)?;
    let (afterwards, note) = close_note(through);
    builder.finish(call, raw::__NR_sendmsg, [socket, at, flags, 0, 0, 0], afterwards, note)
}

/// Runs sendmmsg(2). It may send fewer messages than requested, and callers go on from there. So a
/// batch is as long as fits the guest's stack.
pub fn sendmmsg(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    sendmmsg_inner(call, operand).unwrap_or_else(Outcome::from)
}

/// Number of messages that are translated at once.
const BATCH: usize = 8;

fn sendmmsg_inner(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<Outcome, Errno> {
    let [socket, messages, count, flags, ..] = call.arguments;
    let count = count as u32 as usize;
    let mut builder = Builder::new(call);
    let mut headers = [[0usize; MULTI]; BATCH];
    let mut ready = 0;
    let mut translated = false;
    let mut through = None;
    for (index, header) in headers.iter_mut().enumerate().take(count) {
        let at = messages + index * size_of_val(header);
        let step = memory::read::<[usize; MULTI]>(at).and_then(|read| {
            *header = read;
            if let Some(control) = push_control(&mut builder, header)? {
                header[4] = control;
                translated = true;
            }
            if !read_address(header[0], header[1] as u32 as usize, &mut operand.text)? {
                return Ok(true);
            }
            let address = destination(operand)?;
            if address.through.is_some() && index > 0 {
                return Ok(false); // alone, in the next call
            }
            header[0] = builder.push(address.bytes())?;
            header[1] = address.len;
            translated = true;
            through = address.through;
            Ok(true)
        });
        match step {
            Ok(true) => ready = index + 1,
            Err(error) if index == 0 => return Err(error),
            Ok(false) | Err(_) => break,
        }
        if through.is_some() {
            break;
        }
    }
    if !translated {
        // The kernel itself reports the message that can't be read.
        return unchanged(call);
    }
    let mut at = 0;
    for header in headers.get(..ready).unwrap_or(&[]).iter().rev() {
        at = builder.push_words(*header)?;
    }
    let through = through.map_or(0, |through| through.into_number() as usize + 1);
    let note = [Task::Sent as usize, at, messages, through];
    builder.finish(call, raw::__NR_sendmmsg, [socket, at, ready, flags, 0, 0], Afterwards::Always, note)
}

/// Runs getsockname(2) and getpeername(2).
pub fn name(call: &mut Trapped<'_>) -> Outcome {
    name_inner(call).into()
}

fn name_inner(call: &mut Trapped<'_>) -> Result<usize, Errno> {
    let [socket, out, len_at, ..] = call.arguments;
    let room: u32 = memory::read(len_at)?;
    if (room as i32) < 0 || out == 0 && room > 0 {
        return forward(call.number as u32, call.arguments);
    }
    // Into the shim's memory first: the guest's buffer may be smaller than the host's path.
    let mut bytes = [0u8; ANY];
    let mut len = ANY as u32;
    let arguments = [socket, bytes.as_mut_ptr() as usize, &raw mut len as usize, 0, 0, 0];
    let value = forward(call.number as u32, arguments)?;
    let (address, len_in_shim) = (bytes.as_ptr() as usize, &raw mut len as usize);
    show_address(address, len_in_shim, ANY)?;
    let written = bytes.get(..(len.min(room) as usize).min(ANY)).unwrap_or(&[]);
    memory::write_bytes(out, written)?;
    memory::write(len_at, &len)?;
    Ok(value)
}

/// Translates an address that the kernel wrote. `room` is the size of the buffer.
fn show_address(at: usize, len_at: usize, room: usize) -> Result<(), Errno> {
    let len = memory::read::<u32>(len_at)? as usize;
    if let Some(shown) = shown_len(at, len, room)? {
        memory::write(len_at, &(shown as u32))?;
    }
    Ok(())
}

/// Translates the path that a socket was bound to into guest terms. Returns false, with the path
/// undefined, if the guest doesn't see it.
pub(crate) fn show_name(path: &mut GuestBuf) -> bool {
    short_names::show(path);
    procfs::detranslate(None, path)
}

/// Translates an address in place. Returns its new length, or `None` if nothing changed.
fn shown_len(at: usize, len: usize, room: usize) -> Result<Option<usize>, Errno> {
    let mut text = GuestBuf::new();
    let written = len.min(room).min(FAMILY + PATH);
    if !read_address(at, written, &mut text)? || text.bytes().first() != Some(&b'/') {
        return Ok(None);
    }
    if !show_name(&mut text) {
        return Ok(None);
    }
    let text = text.with_nul();
    let kept = text.get(..text.len().min(room.saturating_sub(FAMILY))).unwrap_or(text);
    memory::write_bytes(at + FAMILY, kept)?;
    Ok(Some(FAMILY + text.len()))
}

/// Runs accept(2) and accept4(2).
pub fn accept(call: &mut Trapped<'_>) -> Outcome {
    returning(call, 1, 2).unwrap_or_else(Outcome::from)
}

/// Runs recvfrom(2).
pub fn recvfrom(call: &mut Trapped<'_>) -> Outcome {
    returning(call, 4, 5).unwrap_or_else(Outcome::from)
}

/// Runs a call that writes an address to one argument and its length to another.
fn returning(call: &mut Trapped<'_>, address: usize, len: usize) -> Result<Outcome, Errno> {
    let arguments = call.arguments;
    let pick = |index: usize| arguments.get(index).copied().unwrap_or(0);
    let room = match memory::read::<u32>(pick(len)) {
        Ok(room) => room as usize,
        Err(_) => return unchanged(call),
    };
    let (at, len_at) = (pick(address), pick(len));
    let mut builder = Builder::new(call);
    if at != 0 && room < FAMILY + PATH && builder.fits(size_of::<Beside>(), Afterwards::Always) {
        let mut beside = [0; BESIDE];
        beside[..2].copy_from_slice(&[ANY, room]);
        let beside = builder.push_words(beside)?;
        let mut arguments = arguments;
        if let Some(pair) = arguments.get_mut(address..=len) {
            pair.copy_from_slice(&[beside + NAME, beside]);
        }
        let note = [Task::Beside as usize, at, len_at, beside];
        return builder.finish(call, call.number as u32, arguments, Afterwards::Always, note);
    }
    let note = [Task::Address as usize, at, len_at, room];
    builder.finish(call, call.number as u32, arguments, Afterwards::Always, note)
}

/// A buffer for an address that the guest's buffer might cut off, because the host's name may be
/// longer: its length, the size of the guest's buffer, and the address.
type Beside = [usize; BESIDE];
/// Its number of words.
const BESIDE: usize = NAME / size_of::<usize>() + ANY / size_of::<usize>();
/// Offset of the address in it, in bytes.
const NAME: usize = 2 * size_of::<usize>();

/// Translates an address received in such a buffer, and copies it to the guest's.
fn hand_on(at: usize, len_at: usize, beside: usize) -> Result<(), Errno> {
    let [_, room, ..] = memory::read::<Beside>(beside)?;
    let len = memory::read::<u32>(beside)? as usize;
    let len = shown_len(beside + NAME, len, ANY)?.unwrap_or(len);
    let mut bytes = [0u8; ANY];
    let bytes = bytes.get_mut(..len.min(room).min(ANY)).unwrap_or(&mut []);
    memory::read_bytes(beside + NAME, bytes)?;
    memory::write_bytes(at, bytes)?;
    memory::write(len_at, &(len as u32))
}

/// Runs recvmsg(2).
pub fn recvmsg(call: &mut Trapped<'_>) -> Outcome {
    recvmsg_inner(call).unwrap_or_else(Outcome::from)
}

fn recvmsg_inner(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    let [_, message, ..] = call.arguments;
    let header = memory::read::<[usize; 2]>(message)?;
    if header[0] == 0 && !session().has(Flags::FAKE_ROOT) {
        return unchanged(call);
    }
    let note = [Task::Message as usize, message, header[1] as u32 as usize, 0];
    let arguments = call.arguments;
    Builder::new(call).finish(call, raw::__NR_recvmsg, arguments, Afterwards::Always, note)
}

/// Runs recvmmsg(2).
pub fn recvmmsg(call: &mut Trapped<'_>) -> Outcome {
    recvmmsg_inner(call).unwrap_or_else(Outcome::from)
}

/// The kernel overwrites the sizes of the buffers for names, so they are kept, in a byte each.
fn recvmmsg_inner(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    /// The kernel's limit of messages (UIO_MAXIOV).
    const MOST: usize = 1024;
    const STEP: usize = MULTI * size_of::<usize>();
    let [_, messages, count, ..] = call.arguments;
    let mut rooms = [0u8; MOST];
    let mut known = 0;
    for (index, room) in rooms.iter_mut().enumerate().take(count as u32 as usize) {
        let Ok([name, len]) = memory::read::<[usize; 2]>(messages + index * STEP) else { break };
        if name != 0 {
            *room = (len as u32).min(u8::MAX.into()) as u8;
            known = index + 1;
        }
    }
    let mut builder = Builder::new(call);
    let rooms = rooms.get(..known).unwrap_or(&[]);
    let at = if builder.fits(known, Afterwards::Always) { builder.push(rooms)? } else { 0 };
    let note = [Task::Messages as usize, messages, at, if at == 0 { 0 } else { known }];
    let arguments = call.arguments;
    builder.finish(call, raw::__NR_recvmmsg, arguments, Afterwards::Always, note)
}

fn show_message(message: usize, room: Option<usize>) -> Result<(), Errno> {
    if let Some(policy) = session().policy {
        (policy.show_received)(message)?;
    }
    let header = memory::read::<[usize; 2]>(message)?;
    let len = header[1] as u32 as usize;
    if header[0] == 0 || len == 0 {
        return Ok(());
    }
    if let Some(shown) = shown_len(header[0], len, room.unwrap_or(len))? {
        memory::write(message + size_of::<usize>(), &(shown as u32))?;
    }
    Ok(())
}

/// Handles a call of this file that slept and comes back.
pub fn came_back(call: &mut Trapped<'_>, result: isize, note: [usize; 4]) -> Outcome {
    let [task, a, b, c] = note;
    if task == Task::Beside as usize {
        if result >= 0
            && let Err(error) = hand_on(a, b, c)
        {
            // The kernel does the same with a connection whose address it can't write.
            if matches!(call.number as u32, raw::__NR_accept | raw::__NR_accept4) {
                drop(Descriptor::from_number(result as i32));
            }
            return error.into();
        }
        return Outcome::Done(result);
    }
    // An address that can't be translated stays as the kernel wrote it.
    let _ = if task == Task::Close as usize {
        drop(Descriptor::from_number(a as i32));
        Ok(())
    } else if task == Task::Sent as usize {
        if c != 0 {
            drop(Descriptor::from_number(c as i32 - 1));
        }
        const SENT: usize = MESSAGE * size_of::<usize>();
        const STEP: usize = MULTI * size_of::<usize>();
        (0..result.max(0) as usize).try_for_each(|index| {
            let sent = memory::read::<u32>(a + index * STEP + SENT)?;
            memory::write(b + index * STEP + SENT, &sent)
        })
    } else if result < 0 {
        Ok(())
    } else if task == Task::Address as usize {
        show_address(a, b, c)
    } else if task == Task::Message as usize {
        show_message(a, Some(b))
    } else if task == Task::Messages as usize {
        (0..result as usize).try_for_each(|index| {
            let room = if index < c { memory::read::<u8>(b + index).ok() } else { None };
            show_message(a + index * MULTI * size_of::<usize>(), room.map(usize::from))
        })
    } else {
        Ok(())
    };
    Outcome::Done(result)
}
