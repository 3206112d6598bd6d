//! Blocks of the session file, which all of its processes allocate and free without waiting for
//! each other.
//!
//! A process may be killed between any two instructions, and nobody learns of it. The arena
//! therefore uses no counters and no locks. To find unused blocks, it looks for those that are in
//! use ([`Arena::collect`]).
//!
//! The size of a block is a multiple of [`STEP_WORDS`] words, called steps. Its first three words
//! are its head:
//!
//! | word | meaning |
//! |---|---|
//! | 0 | its kind and its number of steps |
//! | 1 | 0, or the epoch in which a collection found it unused |
//! | 2 | the last epoch in which a collection found it used |
//!
//! Word 0 is never zero below the end of the used area, even after a kill: writing it, in one step,
//! is what allocates a block. The blocks can therefore be visited one after the other at any time.
//!
//! **When a block is freed.** A block is used if the limit of a process refers to it, or if a used
//! block does. The first collection that finds it unused marks it as dead: from then on, no search
//! for a block with the same contents returns it. A later collection frees it if it is still
//! unused, and if every thread that may have found it before it was marked has finished. For this
//! purpose a thread announces itself, with the current epoch, before it searches, allocates or
//! refers to blocks ([`Arena::announce`]). A thread that no longer exists counts as finished. By
//! the time a thread withdraws its announcement, a limit refers to the block that it found, or the
//! thread no longer uses the block.
//!
//! Visiting the processes takes a while. They are visited in the order of their numbers. A child
//! has a higher number than its parent unless the numbers have wrapped around meanwhile, in which
//! case the collection is abandoned. So if processes hand on a reference by fork(2), the collection
//! visits one that has it.

use core::sync::atomic::{AtomicU32, Ordering, fence};

use crate::session::{
    CHANGER_SLOTS, CHANGERS, COLLECTOR, EPOCH, FREED, FS_CONTEXT, MAX_SIZE, PEER_SLOTS, PEERS, RECORDS,
    RESERVED, SENDER_SLOTS, SENDERS, THRESHOLD, USED,
};
use crate::tree;

/// The length of a block is a multiple of this number of words.
pub const STEP_WORDS: usize = 32;
/// Words of a block's head.
pub const HEAD_WORDS: usize = 3;

/// Kind of a free block.
pub const FREE: u32 = 1;
/// Kind of a block that is allocated but not filled yet.
pub const PENDING: u32 = 2;
/// Kind of an identity ([`encode_record`](crate::session::encode_record)).
pub const IDENTITY: u32 = 3;
/// Kind of a launch ([`encode_session`](crate::session::encode_session)).
pub const SESSION: u32 = 4;
/// Kind of a root's path ([`tree`]).
pub const ROOT: u32 = 5;
/// Kind of a mount namespace.
pub const NAMESPACE: u32 = 6;
/// Kind of a change of mounts.
pub const CHANGE: u32 = 7;
/// Kind of a namespace of host and domain names.
pub const UTS: u32 = 8;

const WORD: usize = size_of::<u32>();
const STATE: usize = 1;
const MARK: usize = 2;
const LIVE: u32 = 0;
/// State of a block that is being freed: an epoch before all others.
const FREEING: u32 = 1;
/// Minimum number of bytes that are allocated between two collections.
const PAUSE: usize = 64 * STEP_WORDS * WORD;

/// Returns a block's first word.
#[must_use]
pub const fn head(kind: u32, steps: usize) -> u32 {
    kind << 24 | steps as u32 & 0xff_ffff
}

/// Returns the kind in a block's first word.
#[must_use]
pub const fn kind_of(head: u32) -> u32 {
    head >> 24
}

/// Returns the number of words of the block whose first word is `head`.
#[must_use]
pub const fn words_of(head: u32) -> usize {
    let steps = (head & 0xff_ffff) as usize;
    (if steps == 0 { 1 } else { steps }) * STEP_WORDS
}

/// Returns the number of steps that hold this number of words, including the head.
#[must_use]
pub const fn steps(words: usize) -> usize {
    words.div_ceil(STEP_WORDS)
}

/// A block of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Position of the block in bytes.
    pub offset: usize,
    /// Kind of the block.
    pub kind: u32,
    /// Length of the block in words.
    pub words: usize,
    /// Whether a search for a block with the same contents may return it.
    pub live: bool,
}

/// The facts about processes that a collection needs.
pub trait World {
    /// Checks whether a thread exists.
    fn is_alive(&mut self, thread: u32) -> bool;

    /// Visits the record of each process on this file, in the order of the processes' numbers.
    /// Returns false if it may have missed some.
    fn each_record(&mut self, visit: impl FnMut(u32)) -> bool;

    /// Releases the resources of an unused block, directly before the block is freed.
    fn forget(&mut self, arena: Arena<'_>, block: Block);
}

/// The file must [grow](Arena::append) first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Number of bytes that would then be in use.
    pub end: usize,
}

/// The announcement of a thread that searches, allocates or refers to blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement(usize);

/// The mapped words of the file.
#[derive(Clone, Copy, Debug)]
pub struct Arena<'a>(&'a [AtomicU32]);

static NOTHING: AtomicU32 = AtomicU32::new(0);

impl<'a> Arena<'a> {
    /// Creates the arena in the words of a file, from its beginning.
    #[must_use]
    pub const fn new(words: &'a [AtomicU32]) -> Self {
        Self(words)
    }

    /// Returns a word by its index, for example a word of the header.
    #[must_use]
    pub fn word(self, index: usize) -> &'a AtomicU32 {
        self.0.get(index).unwrap_or(&NOTHING)
    }

    fn load(self, index: usize) -> u32 {
        self.word(index).load(Ordering::SeqCst)
    }

    /// Returns the number of bytes in use.
    #[must_use]
    pub fn used(self) -> usize {
        self.load(USED) as usize
    }

    /// Returns all blocks.
    pub fn blocks(self) -> impl Iterator<Item = Block> {
        self.blocks_from(RECORDS)
    }

    fn at(self, offset: usize) -> Block {
        let head = self.load(offset / WORD);
        let live = self.load(offset / WORD + STATE) == LIVE;
        Block { offset, kind: kind_of(head), words: words_of(head), live }
    }

    /// Returns the block of a kind at an offset, or `None` if there is none.
    #[must_use]
    pub fn block(self, offset: u32, kind: u32) -> Option<Block> {
        let offset = offset as usize;
        let possible = offset.is_multiple_of(STEP_WORDS * WORD) && (RECORDS..self.used()).contains(&offset);
        let block = possible.then(|| self.at(offset)).filter(|block| block.kind == kind)?;
        (offset / WORD + block.words <= self.0.len()).then_some(block)
    }

    /// Announces that a thread begins to search, allocate or refer to blocks. Returns `None` if too
    /// many threads do so.
    #[must_use]
    pub fn announce(self, thread: u32) -> Option<Announcement> {
        for index in 0..CHANGER_SLOTS {
            let at = Self::changer((thread as usize + index) % CHANGER_SLOTS);
            if self.word(at).compare_exchange(0, thread, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                // Until this store, the slot holds the epoch of its previous user, which is earlier
                // and therefore safe.
                self.word(at + 1).store(self.load(EPOCH), Ordering::SeqCst);
                fence(Ordering::SeqCst);
                return Some(Announcement(at));
            }
        }
        None
    }

    /// Withdraws an announcement.
    pub fn withdraw(self, announcement: Announcement) {
        self.word(announcement.0).store(0, Ordering::SeqCst);
    }

    /// Withdraws the announcements of all threads for which `is_gone` returns true.
    pub fn withdraw_those(self, mut is_gone: impl FnMut(u32) -> bool) {
        for at in (0..CHANGER_SLOTS).map(Self::changer) {
            let thread = self.load(at);
            if thread != 0 && is_gone(thread) {
                let _ = self.word(at).compare_exchange(thread, 0, Ordering::SeqCst, Ordering::SeqCst);
            }
        }
    }

    const fn changer(index: usize) -> usize {
        CHANGERS / WORD + 2 * index
    }

    /// Allocates a block from those that were freed. Returns its offset.
    #[must_use]
    pub fn take_free(self, steps: usize) -> Option<usize> {
        let fits = |block: &Block| block.kind == FREE && block.words >= steps * STEP_WORDS;
        self.blocks().filter(fits).find_map(|block| {
            let at = block.offset / WORD;
            let all = block.words / STEP_WORDS;
            let word = self.word(at);
            let (free, taken) = (head(FREE, all), head(PENDING, all));
            word.compare_exchange(free, taken, Ordering::SeqCst, Ordering::SeqCst).ok()?;
            self.take(at);
            if all > steps {
                let rest = at + steps * STEP_WORDS;
                self.word(rest + STATE).store(LIVE, Ordering::SeqCst);
                self.word(rest).store(head(FREE, all - steps), Ordering::SeqCst);
                word.store(head(PENDING, steps), Ordering::SeqCst);
            }
            Some(block.offset)
        })
    }

    /// Allocates a block behind all others. Returns its offset.
    ///
    /// # Errors
    /// [`Full`] if the file must grow first.
    pub fn append(self, steps: usize) -> Result<usize, Full> {
        loop {
            let used = self.load(USED);
            let offset = used as usize;
            let end = offset.saturating_add(steps * STEP_WORDS * WORD);
            let reserved = (self.load(RESERVED) as usize).min(size_of_val(self.0));
            if end > reserved || end > MAX_SIZE {
                return Err(Full { end });
            }
            let at = offset / WORD;
            let ours = head(PENDING, steps);
            let word = self.word(at);
            let found = word.compare_exchange(0, ours, Ordering::SeqCst, Ordering::SeqCst);
            // The process that allocated the block may have been killed before it advanced `USED`.
            let taken = offset + words_of(found.err().unwrap_or(ours)) * WORD;
            let _ = self.word(USED).compare_exchange(used, taken as u32, Ordering::SeqCst, Ordering::SeqCst);
            if found.is_ok() {
                self.take(at);
                return Ok(offset);
            }
        }
    }

    fn take(self, at: usize) {
        self.word(at + MARK).store(0, Ordering::SeqCst);
        self.word(at + STATE).store(LIVE, Ordering::SeqCst);
    }

    /// Gives a block, which was allocated and filled, its final kind.
    pub fn publish(self, offset: usize, kind: u32) {
        let at = offset / WORD;
        let steps = words_of(self.load(at)) / STEP_WORDS;
        self.word(at + STATE).store(LIVE, Ordering::SeqCst);
        self.word(at).store(head(kind, steps), Ordering::SeqCst);
    }

    /// Checks whether a collection is worth its time before another block is appended.
    #[must_use]
    pub fn is_full(self, steps: usize) -> bool {
        self.used() + steps * STEP_WORDS * WORD > self.load(THRESHOLD) as usize
    }

    /// Marks all changes of a generation as used, for a thread that is about to refer to them
    /// through another block, which a collection may have passed already. Returns false if one of
    /// the changes is being freed because its namespace no longer has this generation.
    #[must_use]
    pub fn keep_changes(self, generation: u32) -> bool {
        let freed = self.load(FREED);
        let mut next = generation;
        for _ in 0..self.max_blocks() {
            if next == 0 {
                return self.load(FREED) == freed;
            }
            let Some(block) = self.block(next, CHANGE) else { return false };
            let at = block.offset / WORD;
            let keep = |state| (state != FREEING).then_some(LIVE);
            let state = self.word(at + STATE);
            if state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, keep).is_err() {
                return false;
            }
            next = self.load(at + tree::BEFORE);
        }
        false
    }

    /// Returns the maximum number of blocks plus one.
    fn max_blocks(self) -> usize {
        self.used().div_ceil(STEP_WORDS * WORD) + 1
    }

    /// Frees unused blocks, and marks those as dead that a later collection may free. Returns false
    /// if it did nothing, because another thread is collecting or not all processes are visible.
    pub fn collect<W: World>(self, thread: u32, world: &mut W) -> bool {
        let collector = self.word(COLLECTOR);
        let holder = collector.load(Ordering::SeqCst);
        let done = (holder == 0 || holder == thread || !world.is_alive(holder))
            && collector.compare_exchange(holder, thread, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            && {
                let done = self.collect_alone(world);
                collector.store(0, Ordering::SeqCst);
                done
            };
        if !done {
            self.pause(PAUSE);
        }
        done
    }

    fn pause(self, bytes: usize) {
        let next = (self.used() + bytes).min(MAX_SIZE);
        self.word(THRESHOLD).store(next as u32, Ordering::SeqCst);
    }

    fn collect_alone<W: World>(self, world: &mut W) -> bool {
        let epoch = self.load(EPOCH);
        self.withdraw_those(|thread| !world.is_alive(thread));
        let begun = (0..CHANGER_SLOTS).map(Self::changer).filter(|&at| self.load(at) != 0);
        let first = begun.map(|at| self.load(at + 1)).min().unwrap_or(u32::MAX);
        if !world.each_record(|offset| self.mark_identity(offset, epoch)) {
            return false;
        }
        // These tables keep identities for their credentials, so only the identities themselves are
        // marked.
        let notes = [(PEERS, PEER_SLOTS), (SENDERS, SENDER_SLOTS)];
        for (start, count) in notes {
            for pair in 0..count {
                // The lower half is the record's offset; the upper half may look like one.
                for half in 0..2 {
                    self.mark(self.load(start / WORD + 2 * pair + half), IDENTITY, epoch);
                }
            }
        }
        self.sweep(world, epoch, first);
        true
    }

    fn mark(self, offset: u32, kind: u32, epoch: u32) -> Option<usize> {
        let at = self.block(offset, kind)?.offset / WORD;
        self.word(at + MARK).store(epoch, Ordering::SeqCst);
        Some(at)
    }

    fn mark_identity(self, offset: u32, epoch: u32) {
        let Some(at) = self.mark(offset, IDENTITY, epoch) else { return };
        let [session, namespace, root, names] = [0, 1, 2, 3].map(|index| self.load(at + FS_CONTEXT + index));
        self.mark(session, SESSION, epoch);
        self.mark(root, ROOT, epoch);
        self.mark(names, UTS, epoch);
        if let Some(namespace) = self.mark(namespace, NAMESPACE, epoch) {
            let mut next = self.load(namespace + tree::HEAD);
            for _ in 0..self.max_blocks() {
                let Some(change) = self.mark(next, CHANGE, epoch) else { break };
                next = self.load(change + tree::BEFORE);
            }
        }
    }

    /// Frees or marks unused blocks. `first` is the earliest epoch in which a thread began that
    /// hasn't finished.
    fn sweep<W: World>(self, world: &mut W, epoch: u32, first: u32) {
        let (mut live, mut dead) = (0, 0);
        let mut freed = false;
        let mut skip = 0;
        for block in self.blocks() {
            let at = block.offset / WORD;
            if block.offset < skip {
                continue;
            }
            if block.kind == FREE {
                skip = self.merge(block, epoch);
                continue;
            }
            let state = self.word(at + STATE);
            let found = state.load(Ordering::SeqCst);
            let set_state =
                |new| state.compare_exchange(found, new, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if self.load(at + MARK) == epoch {
                live += block.words * WORD;
                if found != LIVE {
                    set_state(LIVE);
                }
            } else if found == LIVE {
                set_state(epoch);
                dead += block.words * WORD;
            } else if found >= first {
                dead += block.words * WORD;
            } else {
                if !freed {
                    self.word(FREED).store(epoch, Ordering::SeqCst);
                    freed = true;
                }
                world.forget(self, block);
                if set_state(FREEING) {
                    let steps = block.words / STEP_WORDS;
                    self.word(at).store(head(PENDING, steps), Ordering::SeqCst);
                    state.store(LIVE, Ordering::SeqCst);
                    self.word(at).store(head(FREE, steps), Ordering::SeqCst);
                }
            }
        }
        self.word(EPOCH).store(epoch.wrapping_add(1), Ordering::SeqCst);
        // Dead blocks can be freed soon. Otherwise, allow as much allocation as is worth the time
        // of a collection.
        self.pause(if dead > 0 { PAUSE } else { PAUSE.max(live / 2) });
    }

    /// Merges consecutive free blocks into one. Another thread may be visiting one of them, so the
    /// merged block counts as dead until all such threads have finished. Returns the position
    /// behind it.
    fn merge(self, first: Block, epoch: u32) -> usize {
        let take = |block: &Block| {
            let steps = block.words / STEP_WORDS;
            let word = self.word(block.offset / WORD);
            let (free, taken) = (head(FREE, steps), head(PENDING, steps));
            word.compare_exchange(free, taken, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        let end = first.offset + first.words * WORD;
        let mut followers = self.blocks_from(end).take_while(|block| block.kind == FREE).peekable();
        if followers.peek().is_none() || !take(&first) {
            return end;
        }
        let end = followers.take_while(take).last().map_or(end, |block| block.offset + block.words * WORD);
        let at = first.offset / WORD;
        self.word(at + STATE).store(epoch, Ordering::SeqCst);
        self.word(at + MARK).store(0, Ordering::SeqCst);
        let steps = (end - first.offset) / (STEP_WORDS * WORD);
        self.word(at).store(head(PENDING, steps), Ordering::SeqCst);
        end
    }

    fn blocks_from(self, start: usize) -> impl Iterator<Item = Block> {
        let end = self.used().min(size_of_val(self.0));
        let mut offset = start;
        core::iter::from_fn(move || {
            let block = (offset < end).then(|| self.at(offset))?;
            offset += block.words * WORD;
            Some(block)
        })
    }
}

#[cfg(test)]
mod tests;
