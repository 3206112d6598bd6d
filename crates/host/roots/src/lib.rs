//! Making a root filesystem out of the host's own programs.
//!
//! Three entrances: [`init`] makes a root in a directory, [`add`] brings more programs
//! into one, [`default_root`] makes, once for each user, the root that `newroot run`
//! enters when none is named.
//!
//! A program comes with everything the kernel and the loader will want of it: the
//! interpreter of a script, the dynamic loader, the closure of the libraries, each at the
//! path where it will be looked for, and every symlink passed on the way there. python3
//! and perl bring their standard libraries, programs that draw on terminals the common
//! terminal descriptions. What else a program opens while it runs nobody can read off its
//! file: name it, too. A name with a slash may be a directory, which comes whole.
//!
//! Copies keep mode and modification time. Root's copies keep the owner and with it the
//! set-user-ID and set-group-ID bits; anybody else's copies are their own, without those
//! bits. Access control lists, file capabilities and other extended attributes stay behind.
//!
//! Nothing outside the given directory is ever written, whatever symlinks it holds. What
//! fails is undone; only a process that is killed may leave a directory `.newroot-*`
//! behind, never half a root.
//!
//! The way of a request: `search` finds a program, `closure` collects the host paths it
//! needs (by way of `elf`, `script`, `loader` and `data`) into a `manifest`, and `build`
//! writes that through `guest`, the one module that writes. This crate prints nothing and
//! never changes directory; an [`Observer`] follows the work. The readers of what others have
//! written are public, so that they can be fuzzed: [`elf`], [`loader::index`], [`identity`].

mod build;
mod busybox;
mod closure;
mod data;
pub mod elf;
mod error;
mod guest;
mod home;
pub mod identity;
mod library_index;
pub mod loader;
mod manifest;
mod observer;
mod options;
mod probe;
mod script;
mod search;
mod skeleton;
mod tree;
mod usual;

pub use error::{Error, Result};
pub use observer::{Observer, Summary, Warning};
pub use options::Options;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Makes a root in `directory` with `programs` in it.
///
/// `directory` must be empty, or not exist yet while the directory above it does. With no
/// programs named, busybox and its applets come if the host has it, else the shell and
/// the usual small tools. Then there are the mount points, `/tmp`, homes, and the few
/// files of `/etc` that name users and hosts.
///
/// If anything fails, `directory` is as it was.
///
/// # Errors
/// [`Error::NotEmpty`] unless [`Options::force`] is set; else what kept a program from
/// being found, understood or copied.
pub fn init(
    directory: &Path,
    programs: &[OsString],
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let manifest = manifest::Manifest::root(programs, options)?;
    build::init(directory, manifest, options.force, observer)
}

/// Brings `programs` into the root at `directory`.
///
/// What is in the root already, just so, stays untouched: adding twice is adding once.
/// Another file at the place of a program is [`Error::Conflict`]; at the place of what a
/// program needs it is kept, with a [`Warning`]; [`Options::force`] replaces either. If
/// anything fails, the root is as it was.
///
/// # Errors
/// What kept a program from being found, understood or copied.
pub fn add(
    directory: &Path,
    programs: &[OsString],
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let manifest = manifest::Manifest::programs(programs, options)?;
    build::carry_out(manifest, directory, options.force, observer)
}

/// The user's default root, made if it isn't there yet: `$XDG_DATA_HOME/newroot/default`,
/// or else `~/.local/share/newroot/default`.
///
/// It appears whole or not at all; two callers at once both get it. `observer` hears
/// nothing if it was there.
///
/// # Errors
/// [`Error::NoDataDirectory`], or what [`init`] may fail with.
pub fn default_root(options: &Options, observer: &mut dyn Observer) -> Result<PathBuf> {
    let directory = home::default_root_path()?;
    home::ensure(&directory, options, observer)?;
    Ok(directory)
}
