//! The kernel's side of the shim: the gate through which every call of ours goes, the
//! table of system calls, and the seccomp filter that is made from the table.
//!
//! Everything of one CPU is in `arch/`: assembly, registers, frame layouts.

#![no_std]

pub mod arch;
pub mod bpf;
pub mod filter;
pub mod gate;
pub mod guard;
pub mod table;

pub use linux_raw_sys::general as raw;
