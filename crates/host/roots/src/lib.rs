//! Makes a root filesystem from the host's own programs.
//!
//! | function | does |
//! |---|---|
//! | [`init`] | makes a root in a directory |
//! | [`add`] | brings more programs into a root |
//! | [`default_root`] | makes, once for each user, the root of a `newroot run` that names none |
//!
//! A program comes with everything that the kernel and the loader need: the interpreter of a
//! script, the dynamic loader, all libraries, each at the path where it will be looked for, and
//! every symlink on the way there. A list (`data/needs.list`) has the files that programs open by
//! names of their own: the standard libraries of python3 and perl, gcc's own programs, headers and
//! start files, git's templates, terminal descriptions, certificates. The user has to name other
//! files that a program opens. A name with a slash may be a directory, which is brought whole.
//!
//! Copies keep mode and modification time. Root's copies keep the owner, and with it the
//! set-user-ID and set-group-ID bits. Other users own their copies, without those bits. Access
//! control lists, file capabilities and other extended attributes aren't copied.
//!
//! No symlink in a directory makes this crate write outside of it. A failed call is undone. A
//! process that is killed can leave a directory `.newroot-*`, but never half a root.
//!
//! `search` finds a program. `closure` collects the host paths that it needs (with `elf`, `script`,
//! `loader` and `data`) into a `manifest`. `build` writes the manifest through `guest`, the one
//! module that writes. This crate prints nothing and never changes the working directory. An
//! [`Observer`] follows its progress. The parsers of untrusted files are public, so that they can
//! be fuzzed: [`elf`], [`loader::index`], [`identity`].
//!
//! ```
//! use newroot_roots::elf::{Kind, parse};
//! use std::io::Cursor;
//!
//! // A shell script is no ELF file.
//! assert_eq!(parse(Cursor::new(b"#!/bin/sh\necho hello\n")), Kind::Other);
//! ```

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
pub use observer::{Note, Observer, Summary, Warning};
pub use options::Options;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Makes a root in `directory`, with `programs` in it.
///
/// `directory` must be empty, or not exist in an existing parent. Without programs, the root gets
/// the host's busybox and its applets, or else a shell and the usual small tools. Every root gets
/// mount points, `/tmp`, homes, and the few files of `/etc` that name users and hosts.
///
/// If the call fails, `directory` is as it was.
///
/// # Errors
/// [`Error::NotEmpty`] unless [`Options::force`] is set. Otherwise the error that kept a program
/// from being found, parsed or copied.
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
/// Files that the root has already, with the same contents, aren't touched: adding twice is the
/// same as adding once. A different file at the place of a program is [`Error::Conflict`]. A
/// different file at the place of something that a program needs is kept, with a [`Warning`].
/// [`Options::force`] replaces both. If the call fails, the root is as it was.
///
/// # Errors
/// [`Error`] if a program can't be found, parsed or copied.
pub fn add(
    directory: &Path,
    programs: &[OsString],
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let manifest = manifest::Manifest::programs(programs, options)?;
    build::carry_out(manifest, directory, options.force, observer)
}

/// Returns the user's default root, and makes it if it doesn't exist:
/// `$XDG_DATA_HOME/newroot/default` or `~/.local/share/newroot/default`.
///
/// The root appears complete or not at all. Two callers at once both get it. The observer is only
/// called if the root is made.
///
/// # Errors
/// [`Error::NoDataDirectory`], or the errors of [`init`].
pub fn default_root(options: &Options, observer: &mut dyn Observer) -> Result<PathBuf> {
    let directory = home::default_root_path()?;
    home::ensure(&directory, options, observer)?;
    Ok(directory)
}
