//! What lives in every guest process: an ELF loader, and the handler of SIGSYS.
//!
//! # The rules of code that runs in a guest process
//! - No libc, no allocator, no thread-local storage: all of these are the guest's.
//! - No lock, no panic path, no floating point between a trap and its return.
//! - No descriptor is kept: the guest may close any, or count them. One that is opened on
//!   the way is closed before the handler returns, or lives in a sleeping call's frame.
//! - A pointer of the guest's is touched only through [`memory`], which answers EFAULT.
//! - Big buffers live in the [slot](slots), never on a stack of the guest's.
//! - After [`start`], the [session](session) doesn't change. What a process can change is in
//!   [`state`], which knows that a vfork child shares its parent's memory.
//!
//! # Flow
//! `start` reads the plan, loads the guest's program and leaves for it. From then on every
//! call the filter traps enters `trap`, whose dispatcher finds the row of the table and
//! the code in `calls`; `resolve` finds the file a guest path means; an exec begins anew
//! at `start`, in a fresh image of the shim.
#![no_std]

pub mod calls;
pub mod fast;
pub mod handlers;
pub mod host;
pub mod limits;
pub mod links;
pub mod loader;
pub mod memory;
pub mod outlook;
pub mod owner;
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
