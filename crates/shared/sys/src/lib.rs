//! The shim's interface to the kernel: the [`gate`] for its own system calls, the [`table`] of
//! system calls, and the seccomp [`filter`] that is generated from the table.
//!
//! [`guard`] adapts the guest's own seccomp filters to a process that contains the shim, and
//! [`bpf`] interprets filters. The module [`arch`] holds all code for one CPU: assembly, registers
//! and frame layouts.
//!
//! ```
//! use newroot_abi::plan::Flags;
//! use newroot_sys::{arch, bpf, filter, raw};
//!
//! let shim = filter::Shim { start: 0x7000_0000, end: 0x7001_0000, probe: 0x7000_0102 };
//! let mut program = [bpf::Insn::default(); filter::CAPACITY];
//! let len = filter::build(Flags::default(), false, shim, &mut program).unwrap();
//!
//! // The filter traps an openat of the guest, and allows one of the shim.
//! let openat = |ip| {
//!     let (number, arch) = (raw::__NR_openat, arch::AUDIT_ARCH);
//!     bpf::run(&program[..len], &bpf::Data { number, arch, ip, arguments: [0; 6] })
//! };
//! assert_eq!(openat(0x5555_5555_1234), filter::TRAP | u32::from(filter::MARK));
//! assert_eq!(openat(0x7000_0002), filter::ALLOW);
//! ```

#![no_std]

pub mod arch;
pub mod bpf;
pub mod filter;
pub mod gate;
pub mod guard;
pub mod table;

pub use linux_raw_sys::general as raw;
