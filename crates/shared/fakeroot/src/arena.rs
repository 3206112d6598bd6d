//! Blocks of the session's file, which all of its processes take and give back without waiting for each other.
//!
//! A process may be killed between any two instructions, and nobody learns of it. So nothing is counted and nothing is
//! locked: blocks that nobody needs are found by looking for those that somebody does need ([`Arena::collect`]).
//!
//! A block is some steps of [`STEP_WORDS`] words. Its first three words are its head:
//!
//! | word | is |
//! |---|---|
//! | 0 | its kind and its steps |
//! | 1 | 0, or the epoch in which a collection found that nobody needs it |
//! | 2 | the last epoch in which a collection found that somebody needs it |
//!
//! Word 0 is never zero below the end of what is taken, whoever was killed: it is by writing it, in one step, that a block
//! is taken. So the blocks can be visited one after the other at any time.
//!
//! **When a block is given back.** It is needed if the limit of a process names it, or a block that is needed
//! names it. The first collection that finds it isn't marks it as dead: nobody who looks for a block like it finds it any
//! more. A later one gives it back, if nobody needs it then either, and if whoever may have found it before it was
//! marked has finished. For that, whoever looks for blocks, takes them and names them says so beforehand
//! ([`Arena::announce`]), with the epoch in which it began. A thread that doesn't exist any more has finished, too.
//! What was found before is named by a limit when the announcement is withdrawn, or not used.
//!
//! Visiting the processes takes a while. They are visited in the order of their numbers, and a child has a higher number
//! than its parent, unless the numbers have begun anew meanwhile, in which case the collection is given up. So of processes
//! that hand a block on by fork(2) one is visited that has it.

use core::sync::atomic::{AtomicU32, Ordering, fence};

use crate::session::{
    CHANGER_SLOTS, CHANGERS, COLLECTOR, EPOCH, FREED, MAX_SIZE, PEER_SLOTS, PEERS, PLACE, RECORDS, RESERVED,
    SENDER_SLOTS, SENDERS, THRESHOLD, USED,
};
use crate::tree;

/// Words that the length of a block is a multiple of.
pub const STEP_WORDS: usize = 32;
/// Words of a block's head.
pub const HEAD_WORDS: usize = 3;

/// Nobody's block.
pub const FREE: u32 = 1;
/// A block that somebody has taken and not filled yet.
pub const PENDING: u32 = 2;
/// An identity ([`encode_record`](crate::session::encode_record)).
pub const IDENTITY: u32 = 3;
/// A launch ([`encode_session`](crate::session::encode_session)).
pub const SESSION: u32 = 4;
/// A root's path ([`tree`]).
pub const ROOT: u32 = 5;
/// A mount namespace.
pub const NAMESPACE: u32 = 6;
/// A change of mounts.
pub const CHANGE: u32 = 7;
/// A namespace of host and domain names.
pub const UTS: u32 = 8;

const WORD: usize = size_of::<u32>();
const STATE: usize = 1;
const MARK: usize = 2;
const LIVE: u32 = 0;
/// The state of a block that is being given back: an epoch before all others.
const GOING: u32 = 1;
/// Bytes that are taken between two collections, at least.
const PAUSE: usize = 64 * STEP_WORDS * WORD;

/// A block's first word.
#[must_use]
pub const fn head(kind: u32, steps: usize) -> u32 {
    kind << 24 | steps as u32 & 0xff_ffff
}

/// The kind that a block's first word tells.
#[must_use]
pub const fn kind_of(head: u32) -> u32 {
    head >> 24
}

/// Words of the block that begins with `head`.
#[must_use]
pub const fn words_of(head: u32) -> usize {
    let steps = (head & 0xff_ffff) as usize;
    (if steps == 0 { 1 } else { steps }) * STEP_WORDS
}

/// Steps that so many words take, the head's among them.
#[must_use]
pub const fn steps(words: usize) -> usize {
    words.div_ceil(STEP_WORDS)
}

/// A block that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Where it begins, in bytes.
    pub offset: usize,
    /// What it is.
    pub kind: u32,
    /// Its length, in words.
    pub words: usize,
    /// Whether it may be used by who looks for one like it.
    pub live: bool,
}

/// What a collection asks about processes.
pub trait World {
    /// Whether a thread is there.
    fn is_alive(&mut self, thread: u32) -> bool;

    /// Visits the record of each process on this file, in the order of the processes' numbers. False if some may have
    /// been missed.
    fn each_record(&mut self, visit: impl FnMut(u32)) -> bool;

    /// Gives back what belongs to a block that nobody needs, just before the block.
    fn forget(&mut self, arena: Arena<'_>, block: Block);
}

/// What is to be had by [growing](Arena::append) the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// How many bytes of it would be taken.
    pub end: usize,
}

/// The announcement of a thread that looks for blocks, takes them or names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announcement(usize);

/// The file's words, as far as they are mapped.
#[derive(Clone, Copy, Debug)]
pub struct Arena<'a>(&'a [AtomicU32]);

static NOTHING: AtomicU32 = AtomicU32::new(0);

impl<'a> Arena<'a> {
    /// The arena in the words of a file, from its beginning.
    #[must_use]
    pub const fn new(words: &'a [AtomicU32]) -> Self {
        Self(words)
    }

    /// A word by its index: one of the header's, for example.
    #[must_use]
    pub fn word(self, index: usize) -> &'a AtomicU32 {
        self.0.get(index).unwrap_or(&NOTHING)
    }

    fn load(self, index: usize) -> u32 {
        self.word(index).load(Ordering::SeqCst)
    }

    /// Bytes that are taken.
    #[must_use]
    pub fn used(self) -> usize {
        self.load(USED) as usize
    }

    /// All blocks.
    pub fn blocks(self) -> impl Iterator<Item = Block> {
        self.blocks_from(RECORDS)
    }

    fn at(self, offset: usize) -> Block {
        let head = self.load(offset / WORD);
        let live = self.load(offset / WORD + STATE) == LIVE;
        Block { offset, kind: kind_of(head), words: words_of(head), live }
    }

    /// The block of a kind at an offset; `None` if there is none.
    #[must_use]
    pub fn block(self, offset: u32, kind: u32) -> Option<Block> {
        let offset = offset as usize;
        let possible = offset.is_multiple_of(STEP_WORDS * WORD) && (RECORDS..self.used()).contains(&offset);
        let block = possible.then(|| self.at(offset)).filter(|block| block.kind == kind)?;
        (offset / WORD + block.words <= self.0.len()).then_some(block)
    }

    /// Says that a thread begins to look for blocks, to take them or to name them. `None` where too many do.
    #[must_use]
    pub fn announce(self, thread: u32) -> Option<Announcement> {
        for index in 0..CHANGER_SLOTS {
            let at = Self::changer((thread as usize + index) % CHANGER_SLOTS);
            if self.word(at).compare_exchange(0, thread, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                // Until then it has the epoch of whoever had it before, which is an earlier one.
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

    /// Withdraws all announcements of threads that `is_gone` says aren't there.
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

    /// Takes a block that was given back: its offset.
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

    /// Takes a block behind all others.
    ///
    /// # Errors
    /// [`Full`] where the file has to grow first.
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
            let mine = head(PENDING, steps);
            let word = self.word(at);
            let found = word.compare_exchange(0, mine, Ordering::SeqCst, Ordering::SeqCst);
            // Whoever took it may have been killed before they said so.
            let taken = offset + words_of(found.err().unwrap_or(mine)) * WORD;
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

    /// Makes a block that was taken and filled what it is to be.
    pub fn publish(self, offset: usize, kind: u32) {
        let at = offset / WORD;
        let steps = words_of(self.load(at)) / STEP_WORDS;
        self.word(at + STATE).store(LIVE, Ordering::SeqCst);
        self.word(at).store(head(kind, steps), Ordering::SeqCst);
    }

    /// Whether it is worth the time to collect before another block is appended.
    #[must_use]
    pub fn is_full(self, steps: usize) -> bool {
        self.used() + steps * STEP_WORDS * WORD > self.load(THRESHOLD) as usize
    }

    /// Makes all changes of a generation count as needed, for whoever is about to name it by another way than before: a
    /// collection may have passed that way already. False if one of them is being given back, because the generation
    /// isn't its namespace's any more.
    #[must_use]
    pub fn keep_changes(self, generation: u32) -> bool {
        let freed = self.load(FREED);
        let mut next = generation;
        for _ in 0..self.most() {
            if next == 0 {
                return self.load(FREED) == freed;
            }
            let Some(block) = self.block(next, CHANGE) else { return false };
            let at = block.offset / WORD;
            let keep = |state| (state != GOING).then_some(LIVE);
            let state = self.word(at + STATE);
            if state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, keep).is_err() {
                return false;
            }
            next = self.load(at + tree::BEFORE);
        }
        false
    }

    /// One more than there can be blocks.
    fn most(self) -> usize {
        self.used().div_ceil(STEP_WORDS * WORD) + 1
    }

    /// Gives back what nobody needs, and marks as dead what a later collection may give back. False if nothing was
    /// done, because another thread does it or not all processes can be seen.
    pub fn collect<W: World>(self, thread: u32, world: &mut W) -> bool {
        let seat = self.word(COLLECTOR);
        let holder = seat.load(Ordering::SeqCst);
        let done = (holder == 0 || holder == thread || !world.is_alive(holder))
            && seat.compare_exchange(holder, thread, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            && {
                let done = self.collect_alone(world);
                seat.store(0, Ordering::SeqCst);
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
        // What is noted of processes is who they were, not where.
        let notes = [(PEERS, PEER_SLOTS), (SENDERS, SENDER_SLOTS)];
        for (start, count) in notes {
            for pair in 0..count {
                // The lower half is the record's offset; the other may look like one.
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
        let [session, namespace, root, names] = [0, 1, 2, 3].map(|index| self.load(at + PLACE + index));
        self.mark(session, SESSION, epoch);
        self.mark(root, ROOT, epoch);
        self.mark(names, UTS, epoch);
        if let Some(namespace) = self.mark(namespace, NAMESPACE, epoch) {
            let mut next = self.load(namespace + tree::HEAD);
            for _ in 0..self.most() {
                let Some(change) = self.mark(next, CHANGE, epoch) else { break };
                next = self.load(change + tree::BEFORE);
            }
        }
    }

    /// `first` is the epoch in which the first of those began who haven't finished.
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
            let becomes =
                |new| state.compare_exchange(found, new, Ordering::SeqCst, Ordering::SeqCst).is_ok();
            if self.load(at + MARK) == epoch {
                live += block.words * WORD;
                if found != LIVE {
                    becomes(LIVE);
                }
            } else if found == LIVE {
                becomes(epoch);
                dead += block.words * WORD;
            } else if found >= first {
                dead += block.words * WORD;
            } else {
                if !freed {
                    self.word(FREED).store(epoch, Ordering::SeqCst);
                    freed = true;
                }
                world.forget(self, block);
                if becomes(GOING) {
                    let steps = block.words / STEP_WORDS;
                    self.word(at).store(head(PENDING, steps), Ordering::SeqCst);
                    state.store(LIVE, Ordering::SeqCst);
                    self.word(at).store(head(FREE, steps), Ordering::SeqCst);
                }
            }
        }
        self.word(EPOCH).store(epoch.wrapping_add(1), Ordering::SeqCst);
        // What is dead is given back soon; else as much is taken as is worth the time that all this takes.
        self.pause(if dead > 0 { PAUSE } else { PAUSE.max(live / 2) });
    }

    /// Makes one block of free ones that follow each other. As somebody may be standing between two of them, it is taken
    /// for dead until they have finished. The result is where it ends.
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
