//! mount(2), umount2(2) and pivot_root(2), as far as a binding has their effect: a host file or
//! directory shows at a guest path. They change the calling process's mount namespace
//! (`newroot_fakeroot::tree`), for all of its processes at once.
//!
//! A change is made from what the process saw when the trap began, and only holds if nothing else
//! has changed meanwhile. Otherwise the call starts again.

mod below;
mod file_systems;
mod spot;
mod unmount;

use newroot_abi::plan::{Mount, MountFlags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_fakeroot::Capabilities;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::tree::Change;
use newroot_paths::{GuestBuf, HostBuf, Last, is_under, strip_prefix};
use newroot_sys::raw;

use crate::call::{Trapped, read_path};
use crate::host_path::mounts::MountList;
use crate::identity::process::Changing;
use crate::identity::{chain, memory_file};
use crate::kernel::{self, AT_FDCWD};
use crate::memory;
use crate::mount_view;
use crate::resolve;
use crate::session::session;
use crate::slots::{Operand, Scratch};
use spot::Spot;

const READ_ONLY: u32 = raw::MS_RDONLY;
const PROPAGATION: u32 = raw::MS_SHARED | raw::MS_PRIVATE | raw::MS_SLAVE | raw::MS_UNBINDABLE;
/// Flags that a binding inherits from the mount of its source.
const INHERITED: MountFlags = MountFlags::INHERITED.with(MountFlags::MEMORY);

/// Runs one of the three calls.
pub(super) fn run(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    number: u32,
    scratch: &mut Scratch,
) -> Result<usize, Errno> {
    const TRIES: usize = 10_000;
    let changing = &Changing::begin()?;
    // The view of the trap's beginning may have been freed before that.
    mount_view::enter(call.slot)?;
    for _ in 0..TRIES {
        let before = session().generation;
        let after = match number {
            raw::__NR_mount => mount(changing, call, me, scratch, before),
            raw::__NR_umount2 => unmount::unmount(changing, call, me, &mut scratch.first, before),
            _ => pivot(changing, call, me, scratch, before),
        }?;
        if before == after || chain::set_generation(changing, me.fs.namespace, before, after) {
            if number == raw::__NR_umount2 {
                unmount::forget_memory(changing, me);
            }
            return Ok(0);
        }
        mount_view::enter(call.slot)?;
    }
    // Other processes keep mounting, or there is no memory for a view of their mounts.
    Err(Errno::NOMEM)
}

/// EPERM for an identity that may not mount.
fn may_mount(me: &Identity<'_>) -> Result<(), Errno> {
    if me.credentials.effective.has(Capabilities::SYS_ADMIN) { Ok(()) } else { Err(Errno::PERM) }
}

/// Runs mount(2). Like its siblings it returns the namespace's new latest change.
fn mount(
    changing: &Changing,
    call: &Trapped<'_>,
    me: &Identity<'_>,
    scratch: &mut Scratch,
    before: u32,
) -> Result<u32, Errno> {
    const MAGIC: u32 = 0xc0ed_0000;
    let [source, target, kind, flags, data, _] = call.arguments;
    let mut flags = flags as u32;
    if flags & 0xffff_0000 == MAGIC {
        flags &= 0xffff;
    }
    let Scratch { first, second, .. } = scratch;
    let place = match Spot::find(first, target, Last::Follow) {
        Err(Errno::NOENT) if flags & PROPAGATION != 0 && is_pivots_old_root(first, before) => {
            may_mount(me)?;
            return Ok(before);
        }
        other => other?,
    };
    may_mount(me)?;
    if flags & raw::MS_REMOUNT != 0 {
        return remount(changing, first, &place, flags, before);
    }
    if flags & raw::MS_BIND != 0 {
        return bind(changing, first, &place, second, (source, flags), before);
    }
    if flags & PROPAGATION != 0 {
        // Only one namespace sees the mounts, so there is no propagation.
        let is_there = place.is_mount_point() || below::find(&place, first).is_ok();
        return if is_there { Ok(before) } else { Err(Errno::INVAL) };
    }
    if flags & raw::MS_MOVE != 0 {
        return move_mount(changing, first, &place, second, source, before);
    }
    if !place.directory {
        return Err(Errno::NOTDIR);
    }
    place.not_root()?;
    let mut name = GuestBuf::new();
    memory::read_path(kind, &mut name).map_err(|error| if kind == 0 { Errno::INVAL } else { error })?;
    let mut host = HostBuf::new();
    let mut switches = MountFlags::DIRECTORY.with(file_systems::find(name.bytes(), data, &mut host)?);
    if flags & READ_ONLY != 0 {
        switches = switches.with(MountFlags::READ_ONLY);
    }
    let change = Change::Mount { guest: place.path(first), host: host.bytes(), flags: switches };
    write_label(source, &mut name)?;
    chain::provide_labelled(changing, before, &change, name.bytes()).inspect_err(|_| {
        if switches.has(MountFlags::MEMORY) {
            memory_file::remove(host.bytes());
        }
    })
}

/// Appends to a file system's type the source that procfs shows (see [`chain::label`]).
fn write_label(source: usize, name: &mut GuestBuf) -> Result<(), Errno> {
    let mut text = GuestBuf::new();
    if source == 0 {
        text.assign(b"none")?;
    } else {
        memory::read_path(source, &mut text)?;
    }
    if !text.is_empty() {
        name.extend(b"\0")?;
        // A source that is too long is cut off.
        let room = PATH_MAX - 1 - name.len();
        name.extend(text.bytes().get(..room).unwrap_or(text.bytes()))?;
    }
    Ok(())
}

/// Returns whether the operand's path, which doesn't exist, is the working directory in an old root
/// that pivot_root(2) put on top of the new one. It is removed already, and container runtimes
/// unmount it from inside.
fn is_pivots_old_root(operand: &Operand, latest: u32) -> bool {
    let mut here = GuestBuf::new();
    if operand.text.bytes() != b"." || resolve::namespace_path(AT_FDCWD, &mut here) != Err(Errno::NOENT) {
        return false;
    }
    let mut at = latest;
    while let Some((before, change)) = chain::change(at) {
        if matches!(change, Change::Pivot { old, .. } if old.ends_with(UPON)) {
            return true;
        }
        at = before;
    }
    false
}

/// Runs MS_REMOUNT, of one mount or of a file system. Only the read-only flag makes a difference. A
/// mount that the launch made read-only stays so, as a user namespace can't change a mount of the
/// namespace that it came from (can_change_locked_flags() in fs/namespace.c).
fn remount(
    changing: &Changing,
    operand: &mut Operand,
    place: &Spot,
    flags: u32,
    before: u32,
) -> Result<u32, Errno> {
    let (known, before) = match place.mount() {
        Some(mount) => (mount.flags, before),
        None => below::provide(changing, place, operand, before)?,
    };
    let mut switches = known.without(MountFlags::READ_ONLY);
    if flags & READ_ONLY != 0 {
        switches = switches.with(MountFlags::READ_ONLY);
    } else if known.has(MountFlags::LOCKED) {
        return Err(Errno::PERM);
    }
    if switches == known {
        return Ok(before);
    }
    chain::provide_change(changing, before, &Change::Remount { guest: place.path(operand), flags: switches })
}

/// EINVAL for procfs's link to a running program. Container runtimes bind it, make that read-only,
/// and execute a descriptor of it that outlives the mount. They know their own copy by the
/// read-only mount. A mount under fake root ends with its path, so they would execute themselves
/// for ever. If the mount is refused, they copy themselves to memory.
fn refuse_program_link(operand: &mut Operand) -> Result<(), Errno> {
    let Ok(mut walked) = resolve::walk_text(operand, AT_FDCWD, Last::Keep) else { return Ok(()) };
    let host = walked.host().bytes();
    let is_link = host.starts_with(b"/proc/") && host.ends_with(b"/exe");
    if is_link { Err(Errno::INVAL) } else { Ok(()) }
}

/// Runs MS_BIND, with the mounts below the source for MS_REC. Mounts that hide something from the
/// guest always come along.
fn bind(
    changing: &Changing,
    first: &mut Operand,
    place: &Spot,
    second: &mut Operand,
    (source, flags): (usize, u32),
    before: u32,
) -> Result<u32, Errno> {
    read_path(second, source)?;
    refuse_program_link(second)?;
    let mut walked = resolve::walk_text(second, AT_FDCWD, Last::Follow)?;
    let object = walked.open(raw::O_PATH)?;
    let found = walked.found;
    let directory = kernel::FileType::of(&kernel::fstat(object.number())?) == kernel::FileType::Directory;
    if directory != place.directory {
        return Err(Errno::NOTDIR);
    }
    place.not_root()?;
    let mut index = found.mount;
    if found.magic {
        resolve::host_path(object.number(), &mut second.walk.host)?;
        index = resolve::mount_of_directory(object.number())?.ok_or(Errno::INVAL)?;
        session()
            .mounts
            .detranslate(second.walk.host.bytes(), Some(index), &mut second.walk.guest)
            .ok_or(Errno::INVAL)?;
    }
    let host = second.walk.host.bytes();
    let host = host.strip_suffix(b"/").unwrap_or(host);
    let source = second.walk.guest.bytes();
    let mut switches = session().mounts.get(index).flags.only(INHERITED);
    if directory {
        switches = switches.with(MountFlags::DIRECTORY);
    }
    let target = place.path(first);
    let change = Change::Mount { guest: target, host, flags: switches };
    let after = chain::provide_labelled(changing, before, &change, label_of(index))?;
    let carried = if flags & raw::MS_REC != 0 { Carried::All } else { Carried::Hidden };
    carry_along(changing, source, target, carried, after)
}

/// Returns what procfs shows of the file system of one of the session's mounts.
fn label_of(index: usize) -> &'static [u8] {
    let made = mount_view::change_of(session().number_of(index));
    made.map_or(&[], |number| chain::label_of(session().generation, number))
}

/// A choice of the mounts below a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// Those that hide something from the guest.
    Hidden,
    /// Those of the session and of the host.
    All,
    /// Those of the host, which become mounts of the session at their own paths.
    Hosts,
}

/// Binds the mounts below a guest path below another one, or at their own paths.
fn carry_along(
    changing: &Changing,
    source: &[u8],
    target: &[u8],
    which: Carried,
    before: u32,
) -> Result<u32, Errno> {
    let hosts = if which == Carried::Hidden { None } else { MountList::read(b"/proc/self").ok() };
    let of_hosts = if which == Carried::Hosts { MountFlags::HOSTS } else { MountFlags::default() };
    let mut after = before;
    // Shorter paths first, because a later mount covers an earlier one.
    let mut done = source.len();
    loop {
        let mut next = usize::MAX;
        let carried = |mount: &&Mount<'_>| {
            let is_below = mount.guest.len() > done && is_under(mount.guest, source);
            let is_meant = match which {
                Carried::Hidden => mount.flags.has(MountFlags::HIDDEN),
                Carried::All => true,
                Carried::Hosts => false,
            };
            is_below && is_meant
        };
        for mount in session().mounts.mounts().iter().filter(carried) {
            next = next.min(mount.guest.len());
        }
        if let Some(list) = &hosts {
            below::each(list, source, |_, _, guest| {
                next = if guest.len() > done { next.min(guest.len()) } else { next };
                Ok(())
            })?;
        }
        if next == usize::MAX {
            return Ok(after);
        }
        let mut bind = |from: &[u8], host: &[u8], flags: MountFlags, label: &[u8]| {
            let mut guest = GuestBuf::new();
            guest.assign(target)?;
            guest.extend(strip_prefix(from, source).unwrap_or(&[]))?;
            after = chain::provide_labelled(
                changing,
                after,
                &Change::Mount { guest: guest.bytes(), host, flags },
                label,
            )?;
            Ok(())
        };
        for (index, mount) in session().mounts.mounts().iter().enumerate() {
            if carried(&mount) && mount.guest.len() == next {
                let flags = mount.flags.without(MountFlags::UNLISTED.with(MountFlags::HOSTS));
                bind(mount.guest, mount.host, flags, label_of(index))?;
            }
        }
        if let Some(list) = &hosts {
            below::each(list, source, |index, host, guest| {
                if guest.len() == next
                    && let Ok(flags) = below::flags(index, host)
                {
                    bind(guest.bytes(), host.bytes(), flags.with(of_hosts), &[])?;
                }
                Ok(())
            })?;
        }
        done = next;
    }
}

fn move_mount(
    changing: &Changing,
    first: &Operand,
    place: &Spot,
    second: &mut Operand,
    source: usize,
    before: u32,
) -> Result<u32, Errno> {
    let from = Spot::find(second, source, Last::Follow)?;
    let (is_hosts, before) = match from.index() {
        Some(index) => (below::is_provided(index), before),
        None => (true, below::provide(changing, &from, second, before)?.1),
    };
    if from.not_root().is_err() {
        return Err(Errno::INVAL);
    }
    if from.directory != place.directory {
        return Err(Errno::NOTDIR);
    }
    let (path, to) = (from.path(second), place.path(first));
    if is_under(to, path) {
        return Err(Errno::LOOP);
    }
    let after = chain::provide_change(changing, before, &Change::Move { from: path, to })?;
    if is_hosts { below::cover(changing, &from, path, after) } else { Ok(after) }
}

/// Name below a new root of an old root on top of it.
const UPON: &[u8] = b"/\x01";

/// Runs pivot_root(2).
fn pivot(
    changing: &Changing,
    call: &Trapped<'_>,
    me: &Identity<'_>,
    scratch: &mut Scratch,
    before: u32,
) -> Result<u32, Errno> {
    let [new, old, ..] = call.arguments;
    let Scratch { first, second, .. } = scratch;
    may_mount(me)?;
    let root = Spot::find(first, new, Last::Follow)?;
    let put_old = Spot::find(second, old, Last::Follow)?;
    if !root.directory || !put_old.directory {
        return Err(Errno::NOTDIR);
    }
    if root.is_on_root() || put_old.is_on_root() {
        return Err(Errno::BUSY);
    }
    // A chroot's directory is no mount that could move.
    if !session().root.is_empty() || !root.is_mount_point() {
        return Err(Errno::INVAL);
    }
    let at_root = {
        let mut here = GuestBuf::new();
        match resolve::namespace_path(AT_FDCWD, &mut here) {
            Err(error) if error.is_shortage() => return Err(error),
            known => known.is_ok() && here.is_empty(),
        }
    };
    let (path, old) = (root.path(first), put_old.path(second));
    if !is_under(old, path) {
        return Err(Errno::INVAL);
    }
    let after = if old == path {
        // The old root would be on top of the new one, where only umount2(2) reaches it.
        let mut hidden = GuestBuf::new();
        hidden.assign(path)?;
        hidden.extend(UPON)?;
        let after =
            chain::provide_change(changing, before, &Change::Pivot { root: path, old: hidden.bytes() })?;
        chain::provide_change(changing, after, &Change::Unmount { guest: UPON })?
    } else {
        chain::provide_change(changing, before, &Change::Pivot { root: path, old })?
    };
    if at_root {
        // A process whose working directory is the old root moves along.
        kernel::chdir(kernel::Path::new(first.walk.host.with_nul()))?;
    }
    Ok(after)
}
