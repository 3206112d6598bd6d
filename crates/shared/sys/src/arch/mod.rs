//! Code for one CPU. There is one module for each architecture; only this file chooses it.

#[cfg(target_arch = "x86_64")]
mod x86_64;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

#[cfg(not(target_arch = "x86_64"))]
compile_error!("newroot's trap engine knows x86_64 only; a new CPU needs a file beside this one");
