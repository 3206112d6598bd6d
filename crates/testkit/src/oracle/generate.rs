//! Generates cases from a seed.

mod operations;
mod trees;

use super::case::Case;
use super::paths::{self, SLOTS};
use super::random::Random;

/// Generates the case of `seed`, with this number of operations.
#[must_use]
pub fn generate(seed: u64, operations: usize) -> Case {
    let mut generator = Generator {
        random: Random::new(seed),
        lines: Vec::new(),
        known: vec![Known { path: "/".to_owned(), kind: Kind::Directory }],
        processes: Default::default(),
        turn: 0,
        locked: Vec::new(),
    };
    generator.tree();
    generator.bindings();
    for _ in 0..operations {
        generator.operation();
    }
    Case { lines: generator.lines }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Directory,
    File,
    Link,
}

/// A file that once was at a guest path, and may still be there.
#[derive(Clone)]
struct Known {
    path: String,
    kind: Kind,
}

/// The assumed state of a process. A wrong assumption gives another operation, but a valid one.
struct Process {
    cwd: String,
    slots: [Option<String>; SLOTS],
}

impl Default for Process {
    fn default() -> Self {
        Self { cwd: "/".to_owned(), slots: Default::default() }
    }
}

struct Generator {
    random: Random,
    lines: Vec<String>,
    known: Vec<Known>,
    processes: [Process; 2],
    turn: usize,
    /// Directories that the user can't enter.
    locked: Vec<String>,
}

impl Generator {
    fn known(&mut self, kind: Option<Kind>) -> String {
        // A few attempts to find this kind; after that any kind will do.
        let mut found = self.random.one_of(&self.known);
        for _ in 0..20 {
            if kind.is_none_or(|kind| kind == found.kind) {
                break;
            }
            found = self.random.one_of(&self.known);
        }
        found.path
    }

    /// Chooses a guest path that may exist.
    fn target(&mut self, kind: Option<Kind>) -> String {
        match self.random.below(20) {
            0..=12 => self.known(kind),
            13..=16 => self.new_path(),
            _ => {
                let depth = 1 + self.random.below(4);
                let names: Vec<String> = (0..depth).map(|_| paths::name(&mut self.random)).collect();
                format!("/{}", names.join("/"))
            }
        }
    }

    /// Chooses a guest path that may not exist.
    fn new_path(&mut self) -> String {
        let directory = self.known(Some(Kind::Directory));
        let name = paths::name(&mut self.random);
        if directory == "/" { format!("/{name}") } else { format!("{directory}/{name}") }
    }

    /// Returns the two words of a path: its directory, and the path in it.
    fn located(&mut self, target: &str) -> (String, String) {
        let process = &self.processes[self.turn];
        let slot = self.random.below(SLOTS);
        let (at, from) = match self.random.below(20) {
            0..=8 => ("cwd".to_owned(), process.cwd.clone()),
            9..=12 => ("-".to_owned(), process.cwd.clone()),
            13..=18 => {
                (format!("s{slot}"), process.slots[slot].clone().unwrap_or_else(|| process.cwd.clone()))
            }
            _ => (self.random.one_of(&["#999", "#-5", "#0"]).to_owned(), process.cwd.clone()),
        };
        (at, self.written(target, &from))
    }

    /// Returns a word for a path, for a process in directory `from`.
    fn written(&mut self, target: &str, from: &str) -> String {
        if self.random.chance(8) {
            return paths::odd(&mut self.random);
        }
        let path = if self.random.chance(45) { target.to_owned() } else { paths::relative(from, target) };
        paths::decorate(&mut self.random, path)
    }

    /// Returns a word for a path, relative to the working directory.
    fn path(&mut self, target: &str) -> String {
        let from = self.processes[self.turn].cwd.clone();
        self.written(target, &from)
    }

    fn add(&mut self, path: &str, kind: Kind) {
        // Paths that get ever deeper would hardly be used by another operation.
        if path.len() < 200 && self.known.len() < 400 {
            self.known.push(Known { path: path.to_owned(), kind });
        }
    }
}
