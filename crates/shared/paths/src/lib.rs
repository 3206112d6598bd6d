//! Guest paths, host paths, and the way between them.
//!
//! A *guest path* is what the guest process says and hears; a *host path* is where the
//! kernel finds the file. They are two types ([`GuestBuf`], [`HostBuf`]) over bytes, so
//! that one can't be taken for the other. A canonical path here is absolute, has neither
//! `.`, `..`, doubled slash nor symlink in it, and is *empty* for the root itself.
//!
//! - [`MountTable`]: which tree owns a guest path; translation and back.
//! - [`index`]: finds a mount among thousands.
//! - [`lexical()`]: translation of a path whose text alone says enough.
//! - [`walk()`]: the component walk, for symlinks, `..` and bindings on the way.
//!
//! This crate never touches a file system: it asks a [`Fs`].

#![no_std]
#![forbid(unsafe_code)]

mod buffer;
mod components;
mod glance;
pub mod index;
mod lexical;
mod mounts;
mod walk;

pub use buffer::{Buffer, Guest, GuestBuf, Host, HostBuf, PendingBuf};
pub use components::{first_component, is_under, split_last, strip_prefix};
pub use glance::Glance;
pub use lexical::{Lexical, is_canonical, lexical};
pub use mounts::{MountTable, Mounts, component_filter};
pub use walk::{Found, Fs, Last, Link, Rules, WalkScratch, walk, walk_within};
