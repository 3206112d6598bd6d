//! Writes the first identity of a launch into the session file, in the form of its processes.
//!
//! # Safety
//! The file is mapped as long as its words are used. All access to them is atomic. The file is
//! never truncated.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use newroot_fakeroot::arena::{self, Arena, Full, HEAD_WORDS, IDENTITY, NAMESPACE, SESSION};
use newroot_fakeroot::session::{self, Defaults, FsContext, Identity, MAX_SIZE, RESERVED, SESSION_WORDS};
use newroot_fakeroot::tree::NAMESPACE_WORDS;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::sessions::SessionFile;

/// Records the first identity of a launch, and calls `adopt` to make it a process's own while no
/// collection can take the record for unused.
pub(super) fn record(
    file: &SessionFile,
    identity: &Identity<'_>,
    defaults: &Defaults,
    adopt: impl FnOnce(u32) -> io::Result<()>,
) -> io::Result<()> {
    let mut shared = Shared::map(file)?;
    let thread = u32::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0);
    let announcement = shared.arena().announce(thread).ok_or(rustix::io::Errno::AGAIN)?;
    let result = (|| {
        let session = shared.write(SESSION, SESSION_WORDS, &session::encode_session(defaults))?;
        let namespace = shared.write(NAMESPACE, NAMESPACE_WORDS, &[])?;
        let fs = FsContext { session, namespace, root: 0, names: 0 };
        let first = session::encode_record(&Identity { fs, ..*identity });
        let words: Vec<u32> = first.iter().chain(identity.groups).copied().collect();
        adopt(shared.write(IDENTITY, HEAD_WORDS + words.len(), &words)?)
    })();
    shared.arena().withdraw(announcement);
    result
}

struct Shared<'a> {
    file: &'a SessionFile,
    at: *mut core::ffi::c_void,
    len: usize,
}

impl<'a> Shared<'a> {
    fn map(file: &'a SessionFile) -> io::Result<Self> {
        let len = usize::try_from(file.file.metadata()?.len()).unwrap_or(0).min(MAX_SIZE);
        let protection = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses a free address.
        let at = unsafe { mmap(std::ptr::null_mut(), len, protection, MapFlags::SHARED, &file.file, 0)? };
        Ok(Self { file, at, len })
    }

    fn arena(&self) -> Arena<'_> {
        // SAFETY: this many words are mapped as long as `self` lives.
        Arena::new(unsafe { std::slice::from_raw_parts(self.at.cast::<AtomicU32>(), self.len / 4) })
    }

    /// Takes a block and fills it. Returns its offset.
    fn write(&mut self, kind: u32, len: usize, words: &[u32]) -> io::Result<u32> {
        let steps = arena::steps(len);
        let offset = match self.arena().take_free(steps) {
            Some(offset) => offset,
            None => loop {
                match self.arena().append(steps) {
                    Ok(offset) => break offset,
                    Err(Full { end }) => self.grow(end)?,
                }
            },
        };
        let arena = self.arena();
        for index in HEAD_WORDS..steps * arena::STEP_WORDS {
            let word = words.get(index - HEAD_WORDS).copied().unwrap_or(0);
            arena.word(offset / 4 + index).store(word, Ordering::Relaxed);
        }
        arena.publish(offset, kind);
        Ok(offset as u32)
    }

    fn grow(&mut self, end: usize) -> io::Result<()> {
        if end > MAX_SIZE {
            return Err(rustix::io::Errno::AGAIN.into());
        }
        let size = end.next_power_of_two();
        self.file.grow(size)?;
        self.arena().word(RESERVED).fetch_max(size as u32, Ordering::Release);
        *self = Self::map(self.file)?;
        Ok(())
    }
}

impl Drop for Shared<'_> {
    fn drop(&mut self) {
        // SAFETY: no reference to the mapping is left.
        let _ = unsafe { munmap(self.at, self.len) };
    }
}
