//! Queries about the mappings of a process: PROCMAP_QUERY of `/proc/PID/maps` (Linux 6.11,
//! fs/proc/task_mmu.c).
//!
//! A few queries take a small part of the time that it takes to read a list of many mappings.
#![allow(unsafe_code)]

use newroot_abi::{Errno, PATH_MAX};
use newroot_procfs::Mapping;
use newroot_sys::raw::{self, procmap_query};
use newroot_sys::syscall;

use crate::kernel::Descriptor;

/// `_IOWR('f', 17, struct procmap_query)` of linux/fs.h.
const PROCMAP_QUERY: usize = 0xc068_6611;
const _: () = assert!(size_of::<procmap_query>() == 0x68);

const READABLE: u64 = raw::procmap_query_flags::PROCMAP_QUERY_VMA_READABLE as u64;
const WRITABLE: u64 = raw::procmap_query_flags::PROCMAP_QUERY_VMA_WRITABLE as u64;
const EXECUTABLE: u64 = raw::procmap_query_flags::PROCMAP_QUERY_VMA_EXECUTABLE as u64;
const SHARED: u64 = raw::procmap_query_flags::PROCMAP_QUERY_VMA_SHARED as u64;
const OR_NEXT: u64 = raw::procmap_query_flags::PROCMAP_QUERY_COVERING_OR_NEXT_VMA as u64;

/// An open `maps` file that takes queries.
pub struct MapQuery {
    file: Descriptor,
    name: [u8; PATH_MAX],
    rights: [u8; 4],
}

impl MapQuery {
    /// Makes one from a `maps` file that was just opened.
    #[must_use]
    pub fn new(file: Descriptor) -> Self {
        Self { file, name: [0; PATH_MAX], rights: *b"----" }
    }

    /// Returns the file, which can then be read.
    #[must_use]
    pub fn into_file(self) -> Descriptor {
        self.file
    }

    /// Returns the mapping that contains an address; `None` if there is none.
    ///
    /// # Errors
    /// ENOTTY if the kernel doesn't know the query.
    pub fn at(&mut self, address: usize) -> Result<Option<Mapping<'_>>, Errno> {
        let name_size = self.name.len() as u32;
        let Some(found) = self.ask(address, 0, name_size)? else { return Ok(None) };
        let sign = |flag, sign| if found.vma_flags & flag != 0 { sign } else { b'-' };
        let kind = if found.vma_flags & SHARED != 0 { b's' } else { b'p' };
        self.rights = [sign(READABLE, b'r'), sign(WRITABLE, b'w'), sign(EXECUTABLE, b'x'), kind];
        // The name's size includes its NUL.
        let name = self.name.get(..(found.vma_name_size as usize).saturating_sub(1)).unwrap_or(&[]);
        Ok(Some(Mapping { start: found.vma_start, end: found.vma_end, rights: &self.rights, name }))
    }

    /// Returns the start and end of the mapping that contains an address, or else of the next one
    /// behind it. The end is exclusive.
    ///
    /// # Errors
    /// ENOTTY if the kernel doesn't know the query.
    pub fn range_from(&mut self, address: usize) -> Result<Option<(usize, usize)>, Errno> {
        let found = self.ask(address, OR_NEXT, 0)?;
        Ok(found.map(|found| (found.vma_start as usize, found.vma_end as usize)))
    }

    fn ask(&mut self, address: usize, flags: u64, name_size: u32) -> Result<Option<procmap_query>, Errno> {
        let mut query = procmap_query {
            size: size_of::<procmap_query>() as u64,
            query_flags: flags,
            query_addr: address as u64,
            vma_start: 0,
            vma_end: 0,
            vma_flags: 0,
            vma_page_size: 0,
            vma_offset: 0,
            inode: 0,
            dev_major: 0,
            dev_minor: 0,
            vma_name_size: name_size,
            build_id_size: 0,
            vma_name_addr: if name_size == 0 { 0 } else { self.name.as_mut_ptr() as u64 },
            build_id_addr: 0,
        };
        // SAFETY: the kernel writes only to the structure and to `self.name`, and not more bytes of
        // the name than `vma_name_size`, which is at most the size of that buffer. Both live until
        // the call returns.
        match unsafe { syscall!(raw::__NR_ioctl, self.file.number(), PROCMAP_QUERY, &raw mut query) } {
            Ok(_) => Ok(Some(query)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
