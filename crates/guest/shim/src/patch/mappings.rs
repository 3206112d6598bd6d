//! Finds the code that contains call sites, and free memory for stubs near it.
//!
//! Since Linux 6.11 the kernel answers questions about single addresses. On older kernels the shim
//! reads the whole memory map.

use core::ops::Range;

use newroot_abi::Errno;
use newroot_procfs::Mapping;
use newroot_sys::arch::site::{REACH, WINDOW};
use newroot_sys::raw;

use super::{note_main_stack, sites, stubs};
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::resolve::procfs::map_query::MapQuery;
use crate::resolve::procfs::maps::Maps;
use crate::session::session;

/// Code of a file, with call sites in it.
#[derive(Debug)]
pub(super) struct Code {
    /// First address of the code, which can lie in the previous mapping: patched pages are mappings
    /// of their own.
    pub(super) start: usize,
    /// The mapping.
    pub(super) range: Range<usize>,
    /// Whether it is the code of a C library, which never runs on a stack that is too small.
    pub(super) any_stack: bool,
    /// Address where an area for stubs may end.
    pub(super) free: usize,
}

/// Calls `patch` with each piece of code that has sites with at least `least` traps.
///
/// # Errors
/// The errnos of `patch`; those of open(2) and read(2) on the memory map.
pub(super) fn each(least: u32, mut patch: impl FnMut(Code) -> Result<(), Errno>) -> Result<(), Errno> {
    let file = kernel::openat(AT_FDCWD, Path::new(b"/proc/self/maps\0"), raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
    let mut query = MapQuery::new(file);
    match query.at(session().name_on_stack) {
        Err(Errno::NOTTY) => read(query.into_file(), least, &mut patch),
        Err(error) => Err(error),
        Ok(stack) => {
            stack.iter().for_each(note_stack);
            ask(&mut query, least, &mut patch)
        }
    }
}

/// Asks the kernel about the address of each site.
fn ask(
    query: &mut MapQuery,
    least: u32,
    patch: &mut impl FnMut(Code) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut last = 0..0;
    for site in sites::due(least) {
        let address = site.address();
        if last.contains(&address) {
            continue;
        }
        let Some(mapping) = query.at(address)?.filter(is_code_of_a_file) else { continue };
        let any_stack = is_c_library(mapping.name);
        last = mapping.start as usize..mapping.end as usize;
        let mut start = last.start;
        // The instruction to be moved can begin in the previous mapping.
        if sites::any_within(start..start + WINDOW, least)
            && let Some(before) = query.at(start - 1)?.filter(is_code_of_a_file)
        {
            start = before.start as usize;
        }
        let free = gap_below(query, address)?.end;
        patch(Code { start, range: last.clone(), any_stack, free })?;
    }
    Ok(())
}

/// Finds the first gap below an address that is within reach of all code near it.
fn gap_below(query: &mut MapQuery, address: usize) -> Result<Gap, Errno> {
    /// Largest number of mappings to search.
    const MANY: usize = 256;
    let mut gap = Gap::default();
    let mut end_of_last = address.saturating_sub(REACH / 2);
    for _ in 0..MANY {
        let Some((start, end)) = query.range_from(end_of_last)? else { break };
        gap.offer(end_of_last, start);
        if gap.end != 0 || start > address {
            break;
        }
        end_of_last = end;
    }
    Ok(gap)
}

/// Reads the whole map.
// Out of line: keeps the buffer for a piece of the map off the stack of the other rounds.
#[inline(never)]
fn read(
    file: Descriptor,
    least: u32,
    patch: &mut impl FnMut(Code) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut gap = Gap::default();
    let mut end_of_last = 0;
    // First address of the code that the mapping continues.
    let mut code = 0;
    let mut maps = Maps::new(file);
    while let Some(mapping) = maps.next_mapping()? {
        let (start, end) = (mapping.start as usize, mapping.end as usize);
        gap.offer(end_of_last, start);
        let is_code = is_code_of_a_file(&mapping);
        if !is_code || start != end_of_last || code == 0 {
            code = if is_code { start } else { 0 };
        }
        end_of_last = end;
        note_stack(&mapping);
        if is_code && sites::any_within(start..end, least) {
            let any_stack = is_c_library(mapping.name);
            patch(Code { start: code, range: start..end, any_stack, free: gap.end })?;
        }
    }
    Ok(())
}

fn note_stack(mapping: &Mapping<'_>) {
    if mapping.name == b"[stack]" {
        note_main_stack(mapping.end as usize);
    }
}

/// Returns whether a mapping is private, executable, not writable, and backed by a file.
fn is_code_of_a_file(mapping: &Mapping<'_>) -> bool {
    mapping.rights == b"r-xp" && mapping.name.first() == Some(&b'/')
}

/// Returns whether a file is a C library or its loader, by the names that glibc and musl give them.
fn is_c_library(path: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"libc.so", b"libc-", b"libc.musl-", b"libpthread", b"ld-linux", b"ld-musl-"];
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    NAMES.iter().any(|known| name.starts_with(known))
}

/// The last unmapped range of addresses so far that is large enough.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    end: usize,
}

impl Gap {
    fn offer(&mut self, start: usize, end: usize) {
        // The addresses right above a mapping stay free, in case the mapping is a heap that grows.
        const DISTANCE: usize = 1 << 20;
        if end.saturating_sub(start) >= DISTANCE + stubs::AREA {
            self.end = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_c_library;

    #[test]
    fn c_libraries_are_known_by_name() {
        for path in
            ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/lib/ld-musl-x86_64.so.1", "/lib64/ld-linux-x86-64.so.2"]
        {
            assert!(is_c_library(path.as_bytes()), "{path}");
        }
        for path in ["/usr/bin/go", "/usr/lib/libcrypt.so.1", "/libc.so.6/program", "/usr/lib/libgo.so"] {
            assert!(!is_c_library(path.as_bytes()), "{path}");
        }
    }
}
