//! Where the code lies that sites are in, and where there is room for stubs.
//!
//! The kernel is asked about the sites' addresses; one that can't be asked (before Linux 6.11) shows its whole map.

use core::ops::Range;

use newroot_abi::Errno;
use newroot_procfs::Mapping;
use newroot_sys::arch::site::{REACH, WINDOW};
use newroot_sys::raw;

use super::{note_main_stack, sites, stubs};
use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::resolve::procfs::map_query::MapQuery;
use crate::resolve::procfs::maps::Maps;
use crate::session::session;

/// Code of a file, with sites in it.
#[derive(Debug)]
pub(super) struct Code {
    /// First address of the code, which may lie in mappings in front: patched pages are mappings of their own.
    pub(super) start: usize,
    /// The mapping.
    pub(super) range: Range<usize>,
    /// Whether it is a C library's, which runs on no stack that is too small.
    pub(super) any_stack: bool,
    /// Where an area for stubs may end.
    pub(super) free: usize,
}

/// Hands out the code that has sites which trapped at least so often.
///
/// # Errors
/// What `patch` gives; the map's own.
pub(super) fn each(least: u32, mut patch: impl FnMut(Code) -> Result<(), Errno>) -> Result<(), Errno> {
    let file = host::openat(AT_FDCWD, Path::new(b"/proc/self/maps\0"), raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
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

/// By questions about each site.
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
        // What is moved may begin in front of the mapping.
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

/// The first gap below an address that is in reach of all code near it.
fn gap_below(query: &mut MapQuery, address: usize) -> Result<Gap, Errno> {
    /// How many mappings are looked at.
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

/// By the whole map.
// Its room for a piece of the map is not to be every round's.
#[inline(never)]
fn read(
    file: Descriptor,
    least: u32,
    patch: &mut impl FnMut(Code) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut gap = Gap::default();
    let mut end_of_last = 0;
    // Where the code begins that a mapping goes on with.
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

/// A private mapping that is run and not written, of a file.
fn is_code_of_a_file(mapping: &Mapping<'_>) -> bool {
    mapping.rights == b"r-xp" && mapping.name.first() == Some(&b'/')
}

/// Whether a file is a C library or its loader, by the names that glibc and musl give them.
fn is_c_library(path: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [b"libc.so", b"libc-", b"libc.musl-", b"libpthread", b"ld-linux", b"ld-musl-"];
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    NAMES.iter().any(|known| name.starts_with(known))
}

/// The last range of addresses, of those seen, that nothing is mapped to and that is large enough.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    end: usize,
}

impl Gap {
    fn offer(&mut self, start: usize, end: usize) {
        // What lies right above a mapping is left to it, in case it is a heap that grows.
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
