//! mount(2), umount2(2) and pivot_root(2), as far as a binding gives their effect: a host's file or directory is seen at
//! a guest path. They change the calling process's mount namespace (`newroot_fakeroot::tree`), for all of its processes at
//! once.
//!
//! A change is made of what was seen when the trap began, and holds only if nothing else has changed meanwhile: else the
//! call begins again.

mod below;
mod file_systems;
mod memory_file;
mod spot;
mod unmount;

use newroot_abi::plan::{Mount, MountFlags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_fakeroot::Capabilities;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::tree::Change;
use newroot_paths::{GuestBuf, HostBuf, Last, is_under, strip_prefix};
use newroot_sys::raw;

use crate::calls::read_path;
use crate::host::mounts::MountList;
use crate::host::{self, AT_FDCWD};
use crate::memory;
use crate::outlook;
use crate::owner::chain;
use crate::owner::process::Changing;
use crate::resolve;
use crate::session::session;
use crate::slots::{Operand, Scratch};
use crate::trap::Trapped;
use spot::Spot;

const READ_ONLY: u32 = raw::MS_RDONLY;
const PROPAGATION: u32 = raw::MS_SHARED | raw::MS_PRIVATE | raw::MS_SLAVE | raw::MS_UNBINDABLE;
/// What is inherited by what is bound from a mount.
const INHERITED: MountFlags = MountFlags::READ_ONLY.with(MountFlags::OURS).with(MountFlags::MEMORY);

/// Runs one of the three.
pub(super) fn run(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    number: u32,
    scratch: &mut Scratch,
) -> Result<usize, Errno> {
    const TRIES: usize = 10_000;
    let changing = &Changing::begin()?;
    // What was seen when the trap began may have been given back before that.
    outlook::enter(call.slot)?;
    for _ in 0..TRIES {
        let before = session().generation;
        let after = match number {
            raw::__NR_mount => mount(changing, call, me, scratch, before),
            raw::__NR_umount2 => unmount::unmount(changing, call, me, &mut scratch.first, before),
            _ => pivot(changing, call, me, scratch, before),
        }?;
        if before == after || chain::set_generation(changing, me.place.namespace, before, after) {
            if number == raw::__NR_umount2 {
                unmount::forget_memory(changing, me);
            }
            return Ok(0);
        }
        outlook::enter(call.slot)?;
    }
    // Others keep mounting, or there is no memory to see what they have mounted.
    Err(Errno::NOMEM)
}

pub(in crate::owner) use unmount::forget_memory_of;

/// EPERM for who may not.
fn may_mount(me: &Identity<'_>) -> Result<(), Errno> {
    if me.credentials.effective.has(Capabilities::SYS_ADMIN) { Ok(()) } else { Err(Errno::PERM) }
}

/// Each of these answers what the namespace's latest change is to be.
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
        // There is but one namespace that sees them: nothing is propagated.
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

/// Appends to a file system's type what procfs shows as its source (see [`chain::label`]).
fn write_label(source: usize, name: &mut GuestBuf) -> Result<(), Errno> {
    let mut text = GuestBuf::new();
    if source == 0 {
        text.assign(b"none")?;
    } else {
        memory::read_path(source, &mut text)?;
    }
    if !text.is_empty() {
        name.extend(b"\0")?;
        // The longest sources are told as far as they fit.
        let room = PATH_MAX - 1 - name.len();
        name.extend(text.bytes().get(..room).unwrap_or(text.bytes()))?;
    }
    Ok(())
}

/// Whether the operand's path, which was looked up in vain, is the working directory in an old root that a pivot put upon
/// the new one. It is forgotten already, and container runtimes unmount it from within.
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

/// MS_REMOUNT, of one mount or of a file system: only whether it is read-only makes a difference.
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
    }
    if switches == known {
        return Ok(before);
    }
    chain::provide_change(changing, before, &Change::Remount { guest: place.path(operand), flags: switches })
}

/// EINVAL for procfs's link to a running program. Container runtimes bind it, make that read-only, and execute a descriptor
/// of it that outlasts the mount: by the read-only mount they know the copy of themselves. A faked mount has an end with its
/// path, so that they would execute themselves for ever. Where the mount is refused, they copy themselves to memory.
fn refuse_program_link(operand: &mut Operand) -> Result<(), Errno> {
    let found = resolve::walk_text(operand, AT_FDCWD, Last::Keep);
    let host = operand.walk.host.bytes();
    let is_link = found.is_ok() && host.starts_with(b"/proc/") && host.ends_with(b"/exe");
    if is_link { Err(Errno::INVAL) } else { Ok(()) }
}

/// MS_BIND, with what is mounted below it for MS_REC. What the guest isn't to find is carried along in any case.
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
    let found = resolve::walk_text(second, AT_FDCWD, Last::Follow)?;
    let object = resolve::open_found(found, &mut second.walk.host, raw::O_PATH)?;
    let directory = host::FileType::of(&host::fstat(object.number())?) == host::FileType::Directory;
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
    let mut switches = MountFlags(session().mounts.get(index).flags.0 & INHERITED.0);
    if directory {
        switches = switches.with(MountFlags::DIRECTORY);
    }
    let target = place.path(first);
    let change = Change::Mount { guest: target, host, flags: switches };
    let after = chain::provide_labelled(changing, before, &change, label_of(index))?;
    let carried = if flags & raw::MS_REC != 0 { Carried::All } else { Carried::Hidden };
    carry_along(changing, source, target, carried, after)
}

/// What procfs shows of the file system that one of the session's mounts shows.
fn label_of(index: usize) -> &'static [u8] {
    let made = outlook::change_of(session().number_of(index));
    made.map_or(&[], |number| chain::label_of(session().generation, number))
}

/// Which of the mounts below a path are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// What the guest isn't to find.
    Hidden,
    /// The session's and the host's.
    All,
    /// The host's, which become mounts of the session's at their own place.
    Hosts,
}

/// Binds what is mounted below a guest path below another one, or at its own place.
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
    // Shorter paths first: what is mounted later covers.
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

/// The name below a new root for an old one that lies upon it.
const UPON: &[u8] = b"/\x01";

/// pivot_root(2).
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
    // A chroot's directory is no mount that could be put elsewhere.
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
        // The old root would lie upon the new one, where only umount2(2) reaches it, to take it away.
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
        // Who is in the old root comes along.
        host::chdir(host::Path::new(first.walk.host.with_nul()))?;
    }
    Ok(after)
}
