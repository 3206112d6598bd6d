//! The files and bindings of generated cases.

use super::{Generator, Kind};
use crate::oracle::paths;

/// Limit of bindings.
const BINDINGS: usize = 5;

impl Generator {
    pub(super) fn tree(&mut self) {
        self.grow("root", Some(""), 0);
        if self.random.chance(15) {
            self.chain_of_links();
        }
        if self.random.chance(15) {
            self.deep();
        }
    }

    /// Fills a directory. `host` is its path in the tree, `guest` its guest path, if it is known.
    fn grow(&mut self, host: &str, guest: Option<&str>, depth: usize) {
        let entries = if depth == 0 { 4 + self.random.below(5) } else { self.random.below(5) };
        for _ in 0..entries {
            let name = paths::name(&mut self.random);
            let place = format!("{host}/{name}");
            let path = guest.map(|guest| format!("{guest}/{name}"));
            match self.random.below(20) {
                0..=7 if depth < 4 => {
                    let mode =
                        self.random.one_of(&["755", "755", "755", "755", "700", "2755", "1777", "555", "0"]);
                    self.entry(format!("d {place} {mode}"), path.as_deref(), Kind::Directory);
                    if mode == "0" {
                        self.locked.extend(path.clone());
                    }
                    self.grow(&place, path.as_deref(), depth + 1);
                }
                8 => self.entry(format!("p {place} 644"), path.as_deref(), Kind::File),
                9..=14 => {
                    let target = self.link_target();
                    self.entry(format!("l {place} {target}"), path.as_deref(), Kind::Link);
                }
                _ => {
                    let (mode, text) = self.random.one_of(&[
                        ("644", "text"),
                        ("644", "more\\x0atext"),
                        ("600", "''"),
                        ("444", "read"),
                        ("0", "locked"),
                        ("755", "#!/bin/guest\\x0a"),
                        ("755", "#!/a\\x0a"),
                        ("4755", "x"),
                        ("666", "\\(300:long)"),
                    ]);
                    self.entry(format!("f {place} {mode} {text}"), path.as_deref(), Kind::File);
                }
            }
        }
    }

    fn entry(&mut self, line: String, guest: Option<&str>, kind: Kind) {
        self.lines.push(line);
        if let Some(guest) = guest {
            self.add(guest, kind);
        }
    }

    /// Chooses the target of a symlink.
    pub(super) fn link_target(&mut self) -> String {
        match self.random.below(20) {
            0..=5 => paths::name(&mut self.random),
            6..=9 => self.known(None),
            // No target ends in a slash: the errno of a creation through such a link differs when
            // two are possible.
            10 => format!("{}/.", self.known(None)),
            11 => format!("../{}", paths::name(&mut self.random)),
            12 => {
                self.random.one_of(&["..", ".", "/", "../..", "../../../../../..", "./.", "/.."]).to_owned()
            }
            13 => format!("{}/{}", paths::name(&mut self.random), paths::name(&mut self.random)),
            14 => format!("/{}/../{}", paths::name(&mut self.random), paths::name(&mut self.random)),
            15 => "/nowhere/at/all".to_owned(),
            16 => self
                .random
                .one_of(&[
                    "/proc/self/cwd",
                    "/proc/self/fd/0",
                    "/proc/self/root/a",
                    "/proc/self/cwd/..",
                    "/proc",
                ])
                .to_owned(),
            17 => "\\(2040:./)a".to_owned(),
            18 => format!("../{}/../{}", paths::name(&mut self.random), paths::name(&mut self.random)),
            _ => "a/b/c".to_owned(),
        }
    }

    /// Makes a chain of more symlinks than the kernel follows. No chain is just as long as the
    /// limit: the kernel sometimes restarts a lookup, for instance when another process mounts
    /// something, and goes on counting.
    fn chain_of_links(&mut self) {
        let directory = self.known(Some(Kind::Directory));
        let directory = directory.trim_end_matches('/');
        for link in 0..43 {
            self.lines.push(format!("l root{directory}/l{link} l{}", link + 1));
        }
        self.lines.push(format!("d root{directory}/l43 755"));
        for link in [0, 1, 2, 26, 30, 40] {
            self.add(&format!("{directory}/l{link}"), Kind::Link);
        }
    }

    /// Makes a long path. A path of twice the length still fits into PATH_MAX, because there are
    /// fewer ways to find a file whose path doesn't (docs/limits.md).
    fn deep(&mut self) {
        let name = self.random.one_of(&["\\(255:n)", "d", "\\(120:d)"]);
        let depth = if name == "d" { 60 } else { 6 };
        let mut path = String::new();
        for level in 0..depth {
            path = format!("{path}/{name}");
            self.lines.push(format!("d root{path} 755"));
            if level % 5 == 4 || level + 1 == depth {
                self.add(&path, Kind::Directory);
            }
        }
    }

    /// Chooses bindings. A host file is bound once, and none within another, because a descriptor
    /// doesn't show through which of two bindings it was opened (docs/limits.md).
    pub(super) fn bindings(&mut self) {
        for number in 0..self.random.below(BINDINGS + 1) {
            let host = format!("h{number}");
            let is_file = self.random.chance(25);
            let place = match self.random.below(4) {
                0 | 1 if !is_file => self.known(Some(Kind::Directory)),
                0 | 1 => self.known(Some(Kind::File)),
                _ => self.new_path(),
            };
            // Nothing is bound on the root, on a symlink, on a file of another kind, or on a path
            // that the user can't reach.
            if place == "/" || !self.may_be_bound_on(&place, is_file) {
                continue;
            }
            if is_file {
                self.entry(format!("f {host} 644 bound"), Some(&place), Kind::File);
            } else {
                let mode = self.random.one_of(&["755", "755", "755", "700", "1777"]);
                self.entry(format!("d {host} {mode}"), Some(&place), Kind::Directory);
                self.grow(&host, Some(&place), 2);
            }
            let read_only = if self.random.chance(30) { " ro" } else { "" };
            self.lines.push(format!("bind {host} {place}{read_only}"));
        }
    }

    fn may_be_bound_on(&self, place: &str, is_file: bool) -> bool {
        if self.locked.iter().any(|locked| format!("{place}/").starts_with(&format!("{locked}/"))) {
            return false;
        }
        self.known.iter().all(|known| {
            let on_the_way = place.strip_prefix(&known.path).is_some_and(|rest| rest.starts_with('/'));
            let same = known.path == place;
            match known.kind {
                Kind::Directory => !same || !is_file,
                Kind::File => !on_the_way && (!same || is_file),
                Kind::Link => !on_the_way && !same,
            }
        })
    }
}
