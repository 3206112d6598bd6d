//! The shim, which lives in every guest process: an ELF loader, and the handler of SIGSYS.
//!
//! ```
//! use newroot_shim::call::Outcome;
//!
//! // Dispatch returns an outcome for each call. A negative value is an errno, as in the kernel.
//! assert_eq!(Outcome::Done(3).result(), Ok(3));
//! assert_eq!(Outcome::Done(-2).result(), Err(newroot_abi::Errno::NOENT));
//! ```
//!
//! # Rules for code that runs in a guest process
//! - No libc, no allocator, no thread-local storage: all of these belong to the guest.
//! - No lock, no panic path, no floating point between a trap and its return.
//! - No descriptor is kept, because the guest may close or count them. A descriptor that the shim
//!   opens is closed before the handler returns, or lives in a sleeping call's frame.
//! - Only [`memory`] follows a pointer of the guest. It answers EFAULT for a bad one.
//! - Big buffers are in the [slot](slots), never on a stack of the guest.
//! - After [`start`], the [`session`] doesn't change. The state that a process can change is
//!   in [`state`], which knows that a vfork child shares its parent's memory.
//!
//! # Flow
//! `start` reads the plan, loads the guest's program and jumps to it. From then on every call that
//! the filter traps enters `trap`. Its dispatcher finds the row of the table, and the code in
//! `calls`. `resolve` finds the file that a guest path means. An exec begins again at `start`, in a
//! new image of the shim.
//!
//! # Layers
//! A module imports only from its own layer and from those below it. `tests/layers.rs` lists the
//! layers and checks every import.
#![no_std]

pub mod call;
pub mod calls;
pub mod fakeroot;
pub mod fast;
pub mod handlers;
pub mod hardlinks;
pub mod host_path;
pub mod identity;
pub mod kernel;
pub mod limits;
pub mod loader;
pub mod memory;
pub mod mount_view;
pub mod patch;
pub mod program;
pub mod report;
pub mod resolve;
pub mod session;
pub mod slots;
pub mod start;
pub mod state;
pub mod tracing;
pub mod trap;
