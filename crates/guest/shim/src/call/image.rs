//! The address range of the shim's code.
//!
//! # Safety
//! The linker script defines the symbols. Only their addresses are used.
#![allow(unsafe_code)]

use newroot_sys::arch;
use newroot_sys::filter;

unsafe extern "C" {
    #[link_name = "__executable_start"]
    static IMAGE_START: u8;
    #[link_name = "etext"]
    static TEXT_END: u8;
}

/// Returns the address range of the shim's code.
#[must_use]
pub fn shim_range() -> filter::Shim {
    filter::Shim {
        start: (&raw const IMAGE_START).addr() as u32,
        end: (&raw const TEXT_END).addr() as u32,
        probe: arch::probe() as u32,
    }
}
