//! UNIX sockets, whose addresses are paths (unix(7)).
//!
//! An address has room for 108 bytes. A translated path that outgrows them is reached through the
//! descriptor of its directory, `/proc/self/fd/N/name`, and bound by a short name that peers can reply
//! to ([`short_names`]). Whatever may sleep is made on the guest's stack; addresses that come back are
//! put in guest terms afterwards.

mod short_names;

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf, Last};
use newroot_sys::raw;

use self::short_names::Name;
use super::forward;
use super::path::new_entry;
use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::memory;
use crate::owner;
use crate::resolve::{self, procfs};
use crate::session::session;
use crate::slots::Operand;
use crate::trap::resume::{Afterwards, Builder};
use crate::trap::{Outcome, Trapped};

const EADDRINUSE: Errno = Errno::from_number(98);
const AF_UNIX: u16 = 1;
/// Bytes of the family in front of the path.
const FAMILY: usize = 2;
/// `sun_path`'s size.
const PATH: usize = 108;
/// `struct sockaddr_storage`: no address is longer.
const ANY: usize = 128;
/// The longest path that has a NUL behind it, which every kernel likes better.
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

/// Reads the path out of the guest's address into `out`; false if the address is none with a
/// path: of another family, unnamed, or abstract.
///
/// # Errors
/// EFAULT, EINVAL.
pub(crate) fn read_address(address: usize, len: usize, out: &mut GuestBuf) -> Result<bool, Errno> {
    // What is longer the kernel refuses in its own words.
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

/// Reads the path of bind(2)'s or connect(2)'s address; false if it has none.
///
/// # Errors
/// EFAULT, EINVAL.
pub(crate) fn read_unix_path(call: &Trapped<'_>, operand: &mut Operand) -> Result<bool, Errno> {
    let [_, address, len, ..] = call.arguments;
    read_address(address, len, &mut operand.text)
}

/// bind(2).
pub fn bind(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    bind_inner(call, operand).into()
}

fn bind_inner(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    let [socket, address, len, ..] = call.arguments;
    if !read_address(address, len, &mut operand.text)? {
        return forward(raw::__NR_bind, call.arguments);
    }
    let entry = new_entry(operand, AT_FDCWD, EADDRINUSE, false)?;
    // A relative name that means the same to the host's kernel is bound as it is, so that it is what
    // everybody is told.
    if operand.text.bytes().first() != Some(&b'/') && same_directory(operand, entry.directory()) {
        return forward(raw::__NR_bind, call.arguments);
    }
    let whole = operand.name.bytes().first() == Some(&b'/');
    if entry.directory() == AT_FDCWD && !whole {
        return forward(raw::__NR_bind, call.arguments);
    }
    let bind = |path: &[u8]| {
        let address = Address::new(path, None)?;
        forward(raw::__NR_bind, [socket, address.bytes.as_ptr() as usize, address.len, 0, 0, 0])
    };
    if whole {
        // No descriptor was to be had: it must do as it is.
        return bind(operand.name.bytes());
    }
    // The host path, where it fits, for it is what getsockname(2) will tell.
    let mut path = Buffer::<Host, 256>::new();
    resolve::host_path(entry.directory(), &mut operand.walk.host)?;
    let fits = path.extend(operand.walk.host.bytes()).and_then(|()| path.extend(b"/"));
    // With the dots and symlinks that were given, if those lead the host's kernel to the same directory.
    let mut given = Buffer::<Host, 256>::new();
    let translated = session().mounts.translate(operand.text.bytes(), &mut given).is_ok();
    if translated
        && given.len() <= LONGEST
        && !is_in(given.bytes(), operand.walk.host.bytes())
        && parent_is(given.bytes(), entry.directory(), &mut operand.normal)
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
    let is_named = short_names::of_directory(entry.directory(), place, &mut short);
    let fits = is_named && short.extend(b"/").and_then(|()| short.extend(name.bytes())).is_ok();
    let fits = fits && short.len() <= LONGEST;
    if fits && let Ok(value) = bind(short.bytes()) {
        return Ok(value);
    }
    let mut own_name = Buffer::<Host, 256>::new();
    own_name.assign(name.bytes())?;
    resolve::through_procfs(entry.directory(), name)?;
    // By its descriptor the directory is there whatever its path leads to: what is wrong is said of that.
    if name.len() <= LONGEST && (fits || !is_named) {
        return bind(name.bytes());
    }
    bind_and_rename(bind, place, own_name.bytes(), name)
}

/// Binds a socket whose name alone is too long: by a short one beside it, which is renamed. `path` is
/// the name behind the directory's descriptor in procfs, `place` the directory's host path.
fn bind_and_rename(
    bind: impl Fn(&[u8]) -> Result<usize, Errno>,
    place: &[u8],
    name: &[u8],
    path: &mut HostBuf,
) -> Result<usize, Errno> {
    // If there is a file already, nothing may come of it: the socket could be bound to no other name afterwards.
    if host::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW).is_ok() {
        return Err(EADDRINUSE);
    }
    let mut first = Buffer::<Host, 64>::new();
    first.extend(b".newroot-")?;
    // Of one length whatever the number, so that what getsockname tells is of one length too.
    first.extend(newroot_procfs::Decimal::new(0x1_0000_0000 + u64::from(crate::host::gettid())).bytes())?;
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
    match host::rename((AT_FDCWD, Path::new(first_path.with_nul())), to, NO_REPLACE) {
        Ok(()) => {
            if let Some(renamed) = renamed {
                renamed.settle(place, name, first.bytes());
            }
            Ok(0)
        }
        Err(error) => {
            let _ = host::unlinkat(AT_FDCWD, Path::new(first_path.with_nul()), 0);
            if let Some(renamed) = renamed {
                renamed.remove();
            }
            Err(if error == Errno::EXIST { EADDRINUSE } else { error })
        }
    }
}

/// Whether the host's kernel finds the same directory by the guest's relative path.
fn same_directory(operand: &mut Operand, directory: i32) -> bool {
    let Operand { text, normal, .. } = operand;
    parent_is(text.bytes(), directory, normal)
}

/// Whether the host's kernel finds this directory by what stands in front of a path's last component.
fn parent_is(path: &[u8], directory: i32, room: &mut GuestBuf) -> bool {
    let (parent, _) = newroot_paths::split_last(path);
    if room.assign(if parent.is_empty() { b"." } else { parent }).is_err() {
        return false;
    }
    let parent = Path::new(room.with_nul());
    match (host::fstatat(AT_FDCWD, parent, 0), host::fstat(directory)) {
        (Ok(theirs), Ok(ours)) => (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino),
        _ => false,
    }
}

/// Whether a path is a directory's with one name behind it.
fn is_in(path: &[u8], directory: &[u8]) -> bool {
    let name = path.strip_prefix(directory).and_then(|rest| rest.strip_prefix(b"/"));
    name.is_some_and(|name| !name.contains(&b'/'))
}

/// Translates the address of a socket that exists.
fn destination(operand: &mut Operand) -> Result<Address, Errno> {
    // Walked rather than opened: a path that fits needs no descriptor over a call that sleeps.
    let found = resolve::walk_text(operand, AT_FDCWD, Last::Follow)?;
    if operand.walk.host.len() <= LONGEST {
        return Address::new(operand.walk.host.bytes(), None);
    }
    let object = resolve::open_found(found, &mut operand.walk.host, raw::O_PATH)?;
    let mut path = Buffer::<Host, 64>::new();
    procfs::name_descriptor(object.number(), &mut path)?;
    Address::new(path.bytes(), Some(object))
}

/// Makes the guest's call on its own stack, unchanged.
fn unchanged(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    let arguments = call.arguments;
    Builder::new(call).finish(call, call.number as u32, arguments, Afterwards::Never, [0; 4])
}

/// What a call that comes back has to do.
#[derive(Clone, Copy)]
#[repr(usize)]
enum Task {
    /// Close the descriptor in the note.
    Close = 1,
    /// Put the address at (address, length's address, room) in guest terms.
    Address,
    /// Hand on the address received at the note's third address to (address, length's address).
    Beside,
    /// Put the name of the message at the note's address, with this room, in guest terms.
    Message,
    /// The same for all messages received.
    Messages,
    /// Copy the lengths sent from our copies of messages to the guest's.
    Sent,
}

fn close_note(address: Option<Descriptor>) -> (Afterwards, [usize; 4]) {
    match address {
        Some(through) => (Afterwards::Always, [Task::Close as usize, through.into_number() as usize, 0, 0]),
        None => (Afterwards::Never, [0; 4]),
    }
}

/// connect(2).
pub fn connect(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    addressed(call, operand, 1).unwrap_or_else(Outcome::from)
}

/// sendto(2).
pub fn sendto(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    addressed(call, operand, 4).unwrap_or_else(Outcome::from)
}

/// A call whose arguments `index` and `index + 1` are an address and its length.
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

/// Words of `struct msghdr`.
const MESSAGE: usize = 7;
/// Words of `struct mmsghdr`.
const MULTI: usize = 8;

/// sendmsg(2).
pub fn sendmsg(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    sendmsg_inner(call, operand).unwrap_or_else(Outcome::from)
}

fn sendmsg_inner(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<Outcome, Errno> {
    let [socket, message, flags, ..] = call.arguments;
    let mut header = memory::read::<[usize; MESSAGE]>(message)?;
    let addressed = read_address(header[0], header[1] as u32 as usize, &mut operand.text)?;
    let mut builder = Builder::new(call);
    let control = owner::push_control(&mut builder, &header)?;
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

/// sendmmsg(2). It may send fewer messages than asked, and callers go on from there: so a batch
/// is no longer than fits the guest's stack.
pub fn sendmmsg(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    sendmmsg_inner(call, operand).unwrap_or_else(Outcome::from)
}

/// Messages translated in one go.
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
            if let Some(control) = owner::push_control(&mut builder, header)? {
                header[4] = control;
                translated = true;
            }
            if !read_address(header[0], header[1] as u32 as usize, &mut operand.text)? {
                return Ok(true);
            }
            let address = destination(operand)?;
            if address.through.is_some() && index > 0 {
                return Ok(false); // alone, the next time
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
        // Up to what couldn't be read, the kernel may say it itself.
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

/// getsockname(2), getpeername(2).
pub fn name(call: &mut Trapped<'_>) -> Outcome {
    name_inner(call).into()
}

fn name_inner(call: &mut Trapped<'_>) -> Result<usize, Errno> {
    let [socket, out, len_at, ..] = call.arguments;
    let room: u32 = memory::read(len_at)?;
    if (room as i32) < 0 || out == 0 && room > 0 {
        return forward(call.number as u32, call.arguments);
    }
    // Into memory of ours first: the guest's may have room for less than the host's path.
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

/// Puts an address that the kernel wrote in guest terms. `room` is how much it may have written.
fn show_address(at: usize, len_at: usize, room: usize) -> Result<(), Errno> {
    let len = memory::read::<u32>(len_at)? as usize;
    if let Some(shown) = shown_len(at, len, room)? {
        memory::write(len_at, &(shown as u32))?;
    }
    Ok(())
}

/// Puts the path that a socket was bound by in guest terms; false, and nothing that counts written, if the
/// guest doesn't see it.
pub(crate) fn show_name(path: &mut GuestBuf) -> bool {
    short_names::show(path);
    procfs::detranslate(None, path)
}

/// Rewrites an address in place; the result is its new length, `None` if nothing changed.
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

/// accept(2), accept4(2).
pub fn accept(call: &mut Trapped<'_>) -> Outcome {
    returning(call, 1, 2).unwrap_or_else(Outcome::from)
}

/// recvfrom(2).
pub fn recvfrom(call: &mut Trapped<'_>) -> Outcome {
    returning(call, 4, 5).unwrap_or_else(Outcome::from)
}

/// A call that writes an address to one argument and its length to another.
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

/// Where an address is received that the guest's buffer might cut off: its length, how much the guest's
/// buffer holds, and the address. The host's name may be longer than the guest's.
type Beside = [usize; BESIDE];
/// Words of it.
const BESIDE: usize = NAME / size_of::<usize>() + ANY / size_of::<usize>();
/// Where in it the address begins.
const NAME: usize = 2 * size_of::<usize>();

/// Hands on, in guest terms, what was received beside the guest's buffer.
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

/// recvmsg(2).
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

/// recvmmsg(2).
pub fn recvmmsg(call: &mut Trapped<'_>) -> Outcome {
    recvmmsg_inner(call).unwrap_or_else(Outcome::from)
}

/// The kernel writes over the sizes of the buffers for names, so that they are kept: each is worth a byte.
fn recvmmsg_inner(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    /// What the kernel takes at most (UIO_MAXIOV).
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
    if session().has(Flags::FAKE_ROOT) {
        owner::show_received(message)?;
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

/// A call of this file's that slept comes back.
pub fn came_back(call: &mut Trapped<'_>, result: isize, note: [usize; 4]) -> Outcome {
    let [task, a, b, c] = note;
    if task == Task::Beside as usize {
        if result >= 0
            && let Err(error) = hand_on(a, b, c)
        {
            // So the kernel does with a connection whose address it can't write.
            if matches!(call.number as u32, raw::__NR_accept | raw::__NR_accept4) {
                drop(Descriptor::from_number(result as i32));
            }
            return error.into();
        }
        return Outcome::Done(result);
    }
    // What can't be put in guest terms stays as the kernel wrote it.
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
