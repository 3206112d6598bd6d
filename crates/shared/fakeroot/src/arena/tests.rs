extern crate std;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::vec::Vec;
use std::{thread, vec};

use super::*;
use crate::session::{FIRST_SIZE, Header, encode_header};

fn file(bytes: usize) -> Vec<AtomicU32> {
    let header = encode_header(&Header { tag: 1, real_uid: 2, real_gid: 3, namespace: 4 });
    let words: Vec<AtomicU32> =
        (0..bytes / WORD).map(|index| AtomicU32::new(header.get(index).copied().unwrap_or(0))).collect();
    words[RESERVED].store(bytes as u32, Ordering::SeqCst);
    words
}

/// Processes by their numbers, with the records to which their limits refer.
#[derive(Default)]
struct Processes {
    limits: Mutex<BTreeMap<u32, u32>>,
    forgotten: usize,
}

impl World for &mut Processes {
    fn is_alive(&mut self, thread: u32) -> bool {
        self.limits.lock().expect("the lock isn't poisoned").contains_key(&thread)
    }

    fn each_record(&mut self, visit: impl FnMut(u32)) -> bool {
        self.limits.lock().expect("the lock isn't poisoned").values().copied().for_each(visit);
        true
    }

    fn forget(&mut self, _: Arena<'_>, _: Block) {
        self.forgotten += 1;
    }
}

fn take(arena: Arena<'_>, kind: u32, words: usize) -> u32 {
    let offset = arena.take_free(steps(words)).unwrap_or_else(|| arena.append(steps(words)).expect("space"));
    for index in HEAD_WORDS..words {
        arena.word(offset / WORD + index).store(0, Ordering::SeqCst);
    }
    arena.publish(offset, kind);
    offset as u32
}

fn set(arena: Arena<'_>, block: u32, index: usize, value: u32) {
    arena.word(block as usize / WORD + index).store(value, Ordering::SeqCst);
}

fn kinds(arena: Arena<'_>) -> Vec<u32> {
    arena.blocks().map(|block| block.kind).collect()
}

#[test]
fn blocks_reachable_from_a_limit_stay_and_others_are_freed() {
    let words = file(FIRST_SIZE);
    let arena = Arena::new(&words);
    let [session, root, namespace] =
        [(SESSION, 40), (ROOT, 10), (NAMESPACE, 4)].map(|(kind, words)| take(arena, kind, words));
    let changes = [take(arena, CHANGE, 20), take(arena, CHANGE, 20), take(arena, CHANGE, 20)];
    let [first, second, undone] = changes;
    set(arena, second, tree::BEFORE, first);
    set(arena, undone, tree::BEFORE, second);
    set(arena, namespace, tree::HEAD, second);
    let me = take(arena, IDENTITY, FS_CONTEXT + 3);
    let other = take(arena, IDENTITY, FS_CONTEXT + 3);
    for (index, value) in [session, namespace, root].into_iter().enumerate() {
        set(arena, me, FS_CONTEXT + index, value);
    }
    let mut world = Processes::default();
    world.limits.get_mut().expect("the lock isn't poisoned").insert(10, me);
    assert!(arena.collect(10, &mut &mut world));
    assert!(arena.blocks().all(|block| block.kind != FREE), "a thread may have found each just before");
    assert!(arena.collect(10, &mut &mut world));
    let gone: Vec<u32> =
        arena.blocks().filter(|block| block.kind == FREE).map(|block| block.offset as u32).collect();
    assert_eq!(gone, [undone, other]);
    assert_eq!(world.forgotten, 2);
    // No process is left: all blocks are freed and merged into one.
    world.limits.get_mut().expect("the lock isn't poisoned").clear();
    for _ in 0..4 {
        assert!(arena.collect(10, &mut &mut world));
    }
    assert_eq!(kinds(arena), [FREE]);
}

#[test]
fn a_block_stays_until_threads_that_may_have_found_it_finish() {
    let words = file(FIRST_SIZE);
    let arena = Arena::new(&words);
    let mut world = Processes::default();
    for number in [10, 11] {
        world.limits.get_mut().expect("the lock isn't poisoned").insert(number, 0);
    }
    let announcement = arena.announce(11).expect("a free slot");
    let found = take(arena, IDENTITY, FS_CONTEXT + 3);
    for _ in 0..3 {
        assert!(arena.collect(10, &mut &mut world));
    }
    assert_eq!(kinds(arena), [IDENTITY]);
    // A limit refers to the block before the thread finishes, so the block is used and can be found
    // again.
    world.limits.get_mut().expect("the lock isn't poisoned").insert(11, found);
    arena.withdraw(announcement);
    assert!(arena.collect(10, &mut &mut world));
    assert!(arena.blocks().next().expect("the block").live);
    // A thread that was killed counts as finished.
    world.limits.get_mut().expect("the lock isn't poisoned").insert(11, 0);
    let _ = arena.announce(11).expect("a free slot");
    world.limits.get_mut().expect("the lock isn't poisoned").remove(&11);
    for _ in 0..2 {
        assert!(arena.collect(10, &mut &mut world));
    }
    assert_eq!(kinds(arena), [FREE]);
}

#[test]
fn a_block_whose_allocator_was_killed_is_skipped_and_freed() {
    let words = file(FIRST_SIZE);
    let arena = Arena::new(&words);
    // The process was killed directly after the step that allocates a block.
    arena.word(RECORDS / WORD).store(head(PENDING, 3), Ordering::SeqCst);
    let next = take(arena, ROOT, 5);
    assert_eq!(next as usize, RECORDS + 3 * STEP_WORDS * WORD);
    assert_eq!(kinds(arena), [PENDING, ROOT]);
    let mut world = Processes::default();
    for _ in 0..2 {
        assert!(arena.collect(10, &mut &mut world));
    }
    assert_eq!(kinds(arena), [FREE, FREE]);
    assert_eq!(take(arena, ROOT, 40) as usize, RECORDS, "a part of the free block");
    assert_eq!(kinds(arena), [ROOT, FREE, FREE]);
}

#[test]
fn generations_are_kept_unless_they_are_being_freed() {
    let words = file(FIRST_SIZE);
    let arena = Arena::new(&words);
    let [first, second] = [take(arena, CHANGE, 20), take(arena, CHANGE, 20)];
    set(arena, second, tree::BEFORE, first);
    let mut world = Processes::default();
    assert!(arena.collect(10, &mut &mut world));
    assert!(arena.keep_changes(second));
    assert!(arena.blocks().all(|block| block.live));
    for _ in 0..2 {
        assert!(arena.collect(10, &mut &mut world));
    }
    assert!(!arena.keep_changes(second));
}

/// Threads switch identities, as processes do, while one of them collects. The record to which a
/// limit refers must keep its contents.
#[test]
fn identities_survive_concurrent_changes() {
    const THREADS: u32 = 4;
    const ROUNDS: u32 = 3000;
    struct Shared<'a>(&'a [AtomicU32]);
    impl World for Shared<'_> {
        fn is_alive(&mut self, _: u32) -> bool {
            true
        }

        fn each_record(&mut self, visit: impl FnMut(u32)) -> bool {
            self.0.iter().map(|limit| limit.load(Ordering::SeqCst)).for_each(visit);
            true
        }

        fn forget(&mut self, _: Arena<'_>, _: Block) {}
    }
    let words = file(2 << 20);
    let limits: Vec<AtomicU32> = (0..THREADS).map(|_| AtomicU32::new(0)).collect();
    let switch_identity = |me: u32, user: u32| {
        let arena = Arena::new(&words);
        let announcement = arena.announce(me + 1).expect("a free slot");
        let is_wanted = |block: &Block| {
            block.kind == IDENTITY
                && block.live
                && arena.word(block.offset / WORD + HEAD_WORDS).load(Ordering::SeqCst) == user
        };
        let found = arena.blocks().find(is_wanted).map(|block| block.offset as u32);
        let record = found.unwrap_or_else(|| {
            if arena.is_full(1) {
                arena.collect(me + 1, &mut Shared(&limits));
            }
            let offset = arena.take_free(1).unwrap_or_else(|| arena.append(1).expect("space")) as u32;
            for index in HEAD_WORDS..STEP_WORDS {
                set(arena, offset, index, if index < FS_CONTEXT { user } else { 0 });
            }
            arena.publish(offset as usize, IDENTITY);
            offset
        });
        limits[me as usize].store(record, Ordering::SeqCst);
        arena.withdraw(announcement);
        for _ in 0..3 {
            assert_eq!(arena.block(record, IDENTITY).map(|block| block.words), Some(STEP_WORDS));
            let read: Vec<u32> = (HEAD_WORDS..FS_CONTEXT)
                .map(|i| arena.word(record as usize / WORD + i).load(Ordering::SeqCst))
                .collect();
            assert_eq!(read, vec![user; FS_CONTEXT - HEAD_WORDS]);
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        for me in 0..THREADS {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // Some identities are shared, the others are new.
                    switch_identity(me, if round % 3 == 0 { 7 } else { (round << 3) + me + 1 });
                }
            });
        }
    });
    let arena = Arena::new(&words);
    // About 8000 identities were new. A thread that isn't scheduled for a while keeps blocks from
    // being freed.
    let (used, epoch) = (arena.used(), arena.load(EPOCH));
    assert!(used < 4000 * STEP_WORDS * WORD && epoch > 5, "{used} bytes, {epoch} epochs");
}
