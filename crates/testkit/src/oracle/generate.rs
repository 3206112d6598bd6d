//! Cases out of a seed.

mod operations;
mod trees;

use super::case::Case;
use super::paths::{self, SLOTS};
use super::random::Random;

/// The case that `seed` stands for, with so many operations.
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

/// What was once at a guest path, and may still be.
#[derive(Clone)]
struct Known {
    path: String,
    kind: Kind,
}

/// What is guessed of a process. Where the guess is wrong, the operation is another one, but still one.
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
    /// Directories that can't be entered.
    locked: Vec<String>,
}

impl Generator {
    fn known(&mut self, kind: Option<Kind>) -> String {
        // Some tries find the kind; anything is good enough.
        let mut found = self.random.one_of(&self.known);
        for _ in 0..20 {
            if kind.is_none_or(|kind| kind == found.kind) {
                break;
            }
            found = self.random.one_of(&self.known);
        }
        found.path
    }

    /// A guest path where something may be.
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

    /// A guest path where nothing may be.
    fn new_path(&mut self) -> String {
        let directory = self.known(Some(Kind::Directory));
        let name = paths::name(&mut self.random);
        if directory == "/" { format!("/{name}") } else { format!("{directory}/{name}") }
    }

    /// The words for a path: relative to what, and how it is written.
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

    /// The word for a path, for a process in directory `from`.
    fn written(&mut self, target: &str, from: &str) -> String {
        if self.random.chance(8) {
            return paths::odd(&mut self.random);
        }
        let path = if self.random.chance(45) { target.to_owned() } else { paths::relative(from, target) };
        paths::decorate(&mut self.random, path)
    }

    /// The same, relative to the working directory.
    fn path(&mut self, target: &str) -> String {
        let from = self.processes[self.turn].cwd.clone();
        self.written(target, &from)
    }

    fn add(&mut self, path: &str, kind: Kind) {
        // Deeper and deeper paths would be known by nobody else.
        if path.len() < 200 && self.known.len() < 400 {
            self.known.push(Known { path: path.to_owned(), kind });
        }
    }
}
