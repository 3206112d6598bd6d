//! Cases as text, and their words.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::engine::Engine;

/// A case: files, bindings and operations, one line each:
///
/// | line | meaning |
/// |---|---|
/// | `d PATH MODE` | a directory; PATH begins with `root`, or is beside it (`h0/a`) to be bound |
/// | `f PATH MODE TEXT` | a file |
/// | `l PATH TARGET` | a symlink |
/// | `p PATH MODE` | a FIFO |
/// | `bind HOST PLACE [ro]` | binds a file beside the root at a guest path |
/// | `0 OPERATION [WORD]...`, `1 …` | an operation of the first or the second process |
///
/// In a word, `\xHH` is a byte, and `\(N:TEXT)` is TEXT repeated N times.
/// `tests/oracle/interpreter.h` describes the other words of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// All lines. Those of operations are in order.
    pub lines: Vec<String>,
}

/// A host file at a guest path.
pub(super) struct Bound {
    pub(super) host: PathBuf,
    pub(super) guest: PathBuf,
    pub(super) read_only: bool,
}

impl Case {
    /// Parses the text of a case. Empty lines and lines that begin with `#` mean nothing.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { lines: lines.map(str::to_owned).collect() }
    }

    /// Returns the text of the case.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Returns the operations in order.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str).filter(|line| line.starts_with(['0', '1']))
    }

    /// Returns the words of each line that makes a file.
    pub(super) fn entries(&self) -> impl Iterator<Item = Vec<&str>> {
        let entries = self.lines.iter().filter(|line| line.starts_with(['d', 'f', 'l', 'p']));
        entries.map(|line| line.split(' ').collect())
    }

    /// Returns the case as `engine` runs it, and the kernel beside it.
    #[must_use]
    pub fn for_engine(&self, engine: Engine) -> Cow<'_, Self> {
        if engine.fake_root { Cow::Owned(self.for_fake_root()) } else { Cow::Borrowed(self) }
    }

    /// Returns the case for fake root, without the operations that are meant to differ from real
    /// root's: in bindings the host's rights count and no devices can be made; a written file loses
    /// its set-user-ID bit, and a removed file that has no attributes its sticky bit; only files
    /// that can have attributes have `trusted.*`.
    fn for_fake_root(&self) -> Self {
        let lines = self.lines.iter().filter(|line| !line.contains(" trusted."));
        Self { lines: lines.map(|line| for_fake_root(line)).collect() }
    }

    pub(super) fn bindings(&self) -> Vec<Bound> {
        let mut bindings = Vec::new();
        for line in self.lines.iter().filter_map(|line| line.strip_prefix("bind ")) {
            let words: Vec<&str> = line.split(' ').collect();
            if let [host, guest, rest @ ..] = &words[..] {
                bindings.push(Bound {
                    host: path_of(host),
                    guest: path_of(guest),
                    read_only: rest.contains(&"ro"),
                });
            }
        }
        bindings
    }
}

fn for_fake_root(line: &str) -> String {
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let operation = line.split(' ').nth(1).unwrap_or_default();
    let mode = match (words[0].as_str(), operation) {
        ("d" | "f", _) => 2,
        ("0" | "1", "fchmod") => 3,
        ("0" | "1", "mkdir" | "mknod" | "creat" | "chmod") => 4,
        ("0" | "1", "open" | "openat2") => 6,
        _ => return line.to_owned(),
    };
    if let Some(word) = words.get_mut(mode) {
        let (kind, number) =
            word.rsplit_once('|').map_or(("", word.as_str()), |(kind, number)| (kind, number));
        // openat2(2) refuses a mode where no file is made.
        let makes = operation != "openat2" || line.contains("O_CREAT") || line.contains("O_TMPFILE");
        if let Some(mode) = u32::from_str_radix(number, 8).ok().filter(|mode| *mode != 0 || makes) {
            let kept = if operation == "mkdir" || line.starts_with('d') { 0o1777 } else { 0o777 };
            let mode = format!("{:o}", mode & kept | 0o700);
            let kind = kind.replace("S_IFCHR", "S_IFIFO");
            *word = if kind.is_empty() { mode } else { format!("{kind}|{mode}") };
        }
    }
    words.join(" ")
}

/// Returns the path that a word means.
pub(super) fn path_of(word: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    PathBuf::from(std::ffi::OsString::from_vec(bytes_of(word)))
}

/// Returns the bytes that a word means.
pub(super) fn bytes_of(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = if word == "''" { "" } else { word };
    while let Some(first) = rest.bytes().next() {
        if let Some(hex) = rest.strip_prefix("\\x")
            && let Some(byte) = hex.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            bytes.push(byte);
            rest = &hex[2..];
        } else if let Some((repeat, after)) = rest.strip_prefix("\\(").and_then(|it| it.split_once(')'))
            && let Some((times, text)) = repeat.split_once(':')
        {
            bytes.extend(text.repeat(times.parse().unwrap_or(0)).bytes());
            rest = after;
        } else {
            bytes.push(first);
            rest = &rest[1..];
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{Case, bytes_of};

    #[test]
    fn words_stand_for_bytes() {
        assert_eq!(bytes_of("a\\xff\\(3:xy)/b"), b"a\xffxyxyxy/b");
        assert_eq!(bytes_of("''"), b"");
    }

    #[test]
    fn fake_roots_modes_let_the_real_user_in() {
        let case = "d h0 0\nf root/a 4644 x\nl root/b 0\n0 mkdir cwd a 1005\n1 openat2 s1 cwd a O_RDONLY 0 0\n\
                    0 openat2 s1 cwd a O_CREAT 0 0\n0 mknod - a S_IFCHR|644\n0 setxattr f s0 trusted.a x 0\n";
        let expected = "d h0 700\nf root/a 744 x\nl root/b 0\n0 mkdir cwd a 1705\n1 openat2 s1 cwd a O_RDONLY 0 0\n\
                        0 openat2 s1 cwd a O_CREAT 700 0\n0 mknod - a S_IFIFO|744\n";
        assert_eq!(Case::parse(case).for_fake_root().text(), expected);
    }

    #[test]
    fn text_is_read_as_it_was_written() {
        let case = Case::parse("# why\n\nd root/a 755\nbind h0 /a ro\n0 stat cwd a 0\n");
        assert_eq!(Case::parse(&case.text()), case);
        assert_eq!(case.operations().count(), 1);
        assert_eq!(case.entries().count(), 1);
        assert!(case.bindings()[0].read_only);
    }
}
