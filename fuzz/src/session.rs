//! The session file, to which any process of the session and any program of the same user may
//! write.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use newroot_abi::plan::MountFlags;
use newroot_fakeroot::arena::{self, Announcement, Arena, Block, HEAD_WORDS, IDENTITY, World};
use newroot_fakeroot::session::{
    self, CONTENT_WORDS, FIRST_SIZE, HEADER_WORDS, Header, RECORD_WORDS, RECORDS,
};
use newroot_fakeroot::tree::Change;

use crate::words::words;

/// Reads arbitrary words as a session's header, a record and a change of mounts; uses them as a
/// whole file; and simulates processes on a file as the bytes direct.
///
/// # Panics
/// If a value doesn't survive the round trip, if a block lies outside the file, or if a process
/// loses its identity.
pub fn check(bytes: &[u8]) {
    let words = words(bytes);
    if let Some(header) = words.first_chunk::<HEADER_WORDS>().and_then(session::decode_header) {
        assert_eq!(session::encode_header(&header)[2..session::RESERVED], words[2..session::RESERVED]);
    }
    if let Some(identity) = session::decode_record(&words) {
        let fixed = session::encode_record(&identity);
        assert_eq!(fixed, words[HEAD_WORDS..RECORD_WORDS]);
        assert_eq!(fixed.len(), CONTENT_WORDS);
        assert_eq!(identity.groups, &words[RECORD_WORDS..RECORD_WORDS + identity.groups.len()]);
    }
    if let Some((&first, rest)) = words.split_first() {
        let (kind, steps) = (arena::kind_of(first), arena::words_of(first) / arena::STEP_WORDS);
        assert!(steps == 1 || arena::head(kind, steps) == first);
        let flags = MountFlags(rest.first().copied().unwrap_or(0));
        let (one, two) = bytes.split_at(bytes.len() / 2);
        if let Some(change) = Change::decode(first, flags, [one, two]) {
            let (operation, flags, paths) = change.encode();
            assert_eq!(operation, first);
            assert_eq!(Change::decode(operation, flags, paths), Some(change));
        }
    }
    any_file(&words);
    Model::new().run(bytes);
}

/// Checks that all operations on arbitrary contents terminate and stay inside the file.
fn any_file(words: &[u32]) {
    let file: Vec<AtomicU32> =
        (0..RECORDS / 4).map(|_| 0).chain(words.iter().copied()).map(AtomicU32::new).collect();
    let size = (file.len() * 4) as u32;
    for (index, value) in [(session::USED, size), (session::RESERVED, size), (session::EPOCH, 2)] {
        file[index].store(value, Ordering::SeqCst);
    }
    let arena = Arena::new(&file);
    let limits: Vec<u32> = arena.blocks().map(|block| block.offset as u32).collect();
    assert!(limits.len() <= words.len().div_ceil(arena::STEP_WORDS));
    for _ in 0..2 {
        arena.collect(1, &mut Processes { limits: &limits, alive: &|_| false });
    }
    let _ = arena.take_free(1);
    let _ = arena.append(1);
    let _ = limits.iter().all(|&limit| arena.keep_changes(limit));
}

struct Processes<'a> {
    limits: &'a [u32],
    alive: &'a dyn Fn(u32) -> bool,
}

impl World for Processes<'_> {
    fn is_alive(&mut self, thread: u32) -> bool {
        (self.alive)(thread)
    }

    fn each_record(&mut self, visit: impl FnMut(u32)) -> bool {
        self.limits.iter().copied().for_each(visit);
        true
    }

    fn forget(&mut self, _: Arena<'_>, _: Block) {}
}

/// A process and the identity that it should have.
#[derive(Clone, Copy, Default)]
struct Process {
    /// The identity, and the record to which the limit refers; 0 for none yet.
    who: u32,
    record: u32,
    /// A switch in progress: the announcement, the new identity, and the block that was found or
    /// allocated.
    switching: Option<(Announcement, u32, u32)>,
}

/// A few processes on one file. Each switches its identity in steps. Between the steps other
/// processes act, and a process may be killed.
struct Model {
    file: Vec<AtomicU32>,
    processes: BTreeMap<u32, Process>,
    next: Cell<u32>,
}

impl Model {
    fn new() -> Self {
        let header = session::encode_header(&Header { tag: 1, real_uid: 1, real_gid: 1, namespace: 1 });
        let word = |index: usize| AtomicU32::new(header.get(index).copied().unwrap_or(0));
        let processes = [(1, Process::default())].into_iter().collect();
        Self { file: (0..FIRST_SIZE / 4).map(word).collect(), processes, next: Cell::new(2) }
    }

    fn arena(&self) -> Arena<'_> {
        Arena::new(&self.file)
    }

    fn run(&mut self, bytes: &[u8]) {
        for pair in bytes.as_chunks::<2>().0.iter().take(400) {
            let [what, who] = *pair;
            let numbers: Vec<u32> = self.processes.keys().copied().collect();
            let Some(&number) = numbers.get(usize::from(what >> 3) % numbers.len().max(1)) else { return };
            match what & 7 {
                0 | 1 => self.begin(number, who.into()),
                2 | 3 => self.finish(number),
                4 => self.fork(number),
                5 if numbers.len() > 1 => drop(self.processes.remove(&number)),
                _ => self.collect(number),
            }
            self.check();
        }
    }

    /// Finds or allocates the record of an identity.
    fn begin(&mut self, number: u32, who: u32) {
        if self.processes[&number].switching.is_some() {
            return;
        }
        let arena = self.arena();
        let Some(announcement) = arena.announce(number) else { return };
        let matches =
            |block: &Block| block.kind == IDENTITY && block.live && self.who(block.offset as u32) == who;
        let found = arena.blocks().find(matches).map(|block| block.offset);
        let taken = found.or_else(|| {
            let offset = arena.take_free(1).or_else(|| arena.append(1).ok())?;
            for index in HEAD_WORDS..RECORD_WORDS {
                arena.word(offset / 4 + index).store(0, Ordering::SeqCst);
            }
            arena.word(offset / 4 + HEAD_WORDS + 1).store(who, Ordering::SeqCst);
            arena.publish(offset, IDENTITY);
            Some(offset)
        });
        match taken {
            Some(offset) => {
                let switching = Some((announcement, who, offset as u32));
                self.processes.entry(number).and_modify(|process| process.switching = switching);
            }
            None => arena.withdraw(announcement),
        }
    }

    fn finish(&mut self, number: u32) {
        let Some((announcement, who, record)) = self.processes[&number].switching else { return };
        self.processes.insert(number, Process { who, record, switching: None });
        self.arena().withdraw(announcement);
    }

    fn fork(&mut self, number: u32) {
        if self.processes.len() < 20 {
            let child = Process { switching: None, ..self.processes[&number] };
            self.processes.insert(self.next.replace(self.next.get() + 1), child);
        }
    }

    fn collect(&self, number: u32) {
        let limits: Vec<u32> = self.processes.values().map(|process| process.record).collect();
        let alive = |thread| self.processes.contains_key(&thread);
        self.arena().collect(number, &mut Processes { limits: &limits, alive: &alive });
    }

    fn who(&self, record: u32) -> u32 {
        self.arena().word(record as usize / 4 + HEAD_WORDS + 1).load(Ordering::SeqCst)
    }

    fn check(&self) {
        let arena = self.arena();
        let end = arena.blocks().map(|block| block.offset + block.words * 4).last().unwrap_or(RECORDS);
        assert_eq!(end, arena.used(), "the blocks must cover the used bytes");
        for process in self.processes.values() {
            let named = (process.record != 0).then_some((process.who, process.record));
            let switching = process.switching.map(|(_, who, record)| (who, record));
            for (who, record) in named.into_iter().chain(switching) {
                assert!(arena.block(record, IDENTITY).is_some(), "a block in use was freed");
                assert_eq!(self.who(record), who);
            }
        }
    }
}
