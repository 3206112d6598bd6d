//! The operations of generated cases.

use super::{Generator, Kind};
use crate::oracle::paths::{self, SLOTS};

/// All operations, with the relative frequency of each.
const WEIGHTS: [(&str, usize); 39] = [
    ("open", 20),
    ("openat2", 8),
    ("creat", 2),
    ("close", 3),
    ("dup", 1),
    ("read", 4),
    ("write", 3),
    ("list", 6),
    ("stat", 14),
    ("fstat", 3),
    ("statx", 5),
    ("access", 6),
    ("readlink", 9),
    ("mkdir", 7),
    ("rmdir", 4),
    ("unlink", 6),
    ("rename", 9),
    ("link", 6),
    ("symlink", 7),
    ("chmod", 3),
    ("fchmod", 1),
    ("chown", 2),
    ("truncate", 3),
    ("times", 3),
    ("chdir", 8),
    ("fchdir", 4),
    ("getcwd", 6),
    ("setxattr", 2),
    ("getxattr", 2),
    ("listxattr", 1),
    ("removexattr", 1),
    ("mknod", 3),
    ("statfs", 2),
    ("fstatfs", 1),
    ("inotify", 2),
    ("bind", 3),
    ("connect", 3),
    ("umask", 1),
    ("exec", 1),
];

impl Generator {
    pub(super) fn operation(&mut self) {
        if self.random.chance(25) {
            self.turn = 1 - self.turn;
        }
        let total: usize = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut left = self.random.below(total);
        let (name, _) = WEIGHTS
            .into_iter()
            .find(|(_, weight)| {
                let found = left < *weight;
                left = left.saturating_sub(*weight);
                found
            })
            .expect("a number below the sum is below one of them");
        let words = self.words(name);
        self.lines.push(format!("{} {name} {words}", self.turn));
    }

    fn words(&mut self, name: &str) -> String {
        let slot = self.random.below(SLOTS);
        match name {
            "open" => self.open(slot),
            "creat" => {
                let target = self.target(None);
                self.opened(slot, &target);
                let path = self.path(&target);
                format!("s{slot} {path} {}", self.mode())
            }
            "openat2" => self.openat2(slot),
            "close" | "read" | "list" | "fstat" | "fchdir" | "fstatfs" => {
                if name == "fchdir"
                    && let Some(directory) = self.processes[self.turn].slots[slot].clone()
                {
                    self.processes[self.turn].cwd = directory;
                }
                self.descriptor(slot)
            }
            "dup" => {
                let from = self.random.below(SLOTS);
                self.processes[self.turn].slots[slot] = self.processes[self.turn].slots[from].clone();
                format!("s{slot} s{from}")
            }
            "write" => format!("s{slot} {}", self.random.one_of(&["w", "write", "\\(100:w)", "''"])),
            "fchmod" => format!("s{slot} {}", self.mode()),
            "umask" => self.random.one_of(&["22", "0", "77", "27"]).to_owned(),
            "getcwd" => self.random.one_of(&["20000", "20000", "20000", "1", "2", "0", "5", "10"]).to_owned(),
            "chdir" => {
                let target = self.target(Some(Kind::Directory));
                let path = self.path(&target);
                self.processes[self.turn].cwd = target;
                path
            }
            "rename" | "link" => self.two_paths(name),
            "symlink" => {
                let leads_to =
                    if self.random.chance(6) { paths::odd(&mut self.random) } else { self.link_target() };
                // Only an operation's own text may name slots. A link's text is read by another
                // operation.
                let leads_to =
                    if leads_to.contains("\\{") { "a".to_owned() } else { without_pointers(leads_to) };
                let target = self.fresh(Kind::Link);
                let (at, path) = self.located(&target);
                format!("{leads_to} {at} {path}")
            }
            "mkdir" => {
                let target = self.fresh(Kind::Directory);
                let (at, path) = self.located(&target);
                format!("{at} {path} {}", self.mode())
            }
            "mknod" => {
                let target = self.fresh(Kind::File);
                let (at, path) = self.located(&target);
                let kind = self
                    .random
                    .one_of(&["S_IFIFO", "S_IFIFO", "S_IFREG", "S_IFSOCK", "S_IFCHR", "0", "S_IFDIR"]);
                format!("{at} {path} {kind}|{}", self.mode())
            }
            "bind" => {
                let target = self.fresh(Kind::File);
                let path = self.path(&target);
                self.processes[self.turn].slots[slot] = None;
                format!("s{slot} {} {}", without_pointers(path), self.socket_type())
            }
            "connect" => {
                let target = self.target(Some(Kind::File));
                let path = self.path(&target);
                format!("{} {}", without_pointers(path), self.socket_type())
            }
            _ => self.one_path(name),
        }
    }

    fn one_path(&mut self, name: &str) -> String {
        let kind = match name {
            "rmdir" => Some(Kind::Directory),
            "readlink" => Some(Kind::Link),
            "exec" | "truncate" => Some(Kind::File),
            _ => None,
        };
        let target = self.target(kind);
        let (at, path) = self.located(&target);
        let numbered_at = if at == "-" { "cwd".to_owned() } else { at.clone() };
        let alone = self.path(&target);
        match name {
            "stat" => format!("{at} {path} {}", self.at_flags()),
            "statx" => format!("{numbered_at} {path} {}", self.at_flags()),
            "access" => {
                let mode = self.random.one_of(&["0", "R_OK", "W_OK", "X_OK", "R_OK|W_OK|X_OK", "10"]);
                let flags = self.random.one_of(&[
                    "-",
                    "-",
                    "0",
                    "AT_EACCESS",
                    "AT_SYMLINK_NOFOLLOW",
                    "AT_EMPTY_PATH",
                    "2",
                ]);
                format!("{at} {path} {mode} {flags}")
            }
            "readlink" => {
                let path = if self.random.chance(3) { "/proc/self/exe".to_owned() } else { path };
                format!(
                    "{at} {path} {}",
                    self.random.one_of(&["10000", "10000", "10000", "1", "3", "0", "-1"])
                )
            }
            "rmdir" => alone,
            "unlink" => {
                let flags = self.random.one_of(&["0", "0", "AT_REMOVEDIR", "AT_REMOVEDIR", "1"]);
                format!("{at} {path} {flags}")
            }
            "chmod" => {
                let flags = self.random.one_of(&["-", "-", "0", "AT_SYMLINK_NOFOLLOW", "AT_EMPTY_PATH"]);
                format!("{at} {path} {} {flags}", self.mode())
            }
            "chown" => format!("{at} {path} {}", self.at_flags()),
            "truncate" => format!("{alone} {}", self.random.one_of(&["0", "2", "100", "3"])),
            "times" => {
                let when = self.random.one_of(&["1000", "2000", "70000"]);
                format!("{at} {path} {when} {}", self.at_flags())
            }
            "getxattr" | "listxattr" | "setxattr" | "removexattr" => self.attribute(name, &alone),
            "statfs" => alone,
            "inotify" => {
                let mask = [
                    "IN_CREATE",
                    "IN_CREATE|IN_ONLYDIR",
                    "IN_CREATE|IN_DONT_FOLLOW",
                    "0",
                    "IN_CREATE|IN_DONT_FOLLOW|IN_ONLYDIR",
                ];
                format!("{alone} {}", self.random.one_of(&mask))
            }
            "exec" => {
                let flags = self.random.one_of(&["0", "0", "AT_SYMLINK_NOFOLLOW", "AT_EMPTY_PATH"]);
                format!("{at} {path} {flags}")
            }
            other => unreachable!("no words for {other}"),
        }
    }

    fn attribute(&mut self, name: &str, path: &str) -> String {
        let form = self.random.one_of(&["-", "-", "l", "f"]);
        let object = if form == "f" { format!("s{}", self.random.below(SLOTS)) } else { path.to_owned() };
        let attribute = self.random.one_of(&["user.a", "user.a", "user.b", "a", "user.", "trusted.a"]);
        match name {
            "getxattr" | "removexattr" => format!("{form} {object} {attribute}"),
            "listxattr" => format!("{form} {object}"),
            _ => {
                let flags = self.random.one_of(&["0", "0", "XATTR_CREATE", "XATTR_REPLACE", "77"]);
                format!("{form} {object} {attribute} value {flags}")
            }
        }
    }

    fn two_paths(&mut self, name: &str) -> String {
        let from = self.target(None);
        let to = if self.random.chance(40) { self.target(None) } else { self.new_path() };
        let (mut from_at, from_path) = self.located(&from);
        let (mut to_at, mut to_path) = self.located(&to);
        // When several things are wrong, the engines may report that procfs can't be written to
        // before or after the other errors.
        if to_path.starts_with("/proc") {
            to_path = to.clone();
        }
        if let Some(kind) = self.known.iter().find(|known| known.path == from).map(|known| known.kind) {
            self.add(&to, kind);
        }
        // The older calls have no directory arguments.
        if from_at == "-" || to_at == "-" {
            (from_at, to_at) = if from_at == to_at || self.random.chance(30) {
                ("-".into(), "-".into())
            } else {
                ("cwd".into(), "cwd".into())
            };
        }
        let flags: &[&str] = if name == "rename" {
            &[
                "-",
                "-",
                "0",
                "RENAME_NOREPLACE",
                "RENAME_EXCHANGE",
                "RENAME_EXCHANGE",
                "RENAME_NOREPLACE|RENAME_EXCHANGE",
                "10",
            ]
        } else {
            &["0", "0", "0", "AT_SYMLINK_FOLLOW", "AT_SYMLINK_FOLLOW", "AT_EMPTY_PATH", "2"]
        };
        let flags = self.random.one_of(flags);
        if flags == "AT_EMPTY_PATH" && from_at == "#0" {
            // A descriptor that a process with other rights opened isn't used as a directory.
            from_at = "cwd".into();
        }
        format!("{from_at} {from_path} {to_at} {to_path} {flags}")
    }

    fn open(&mut self, slot: usize) -> String {
        let directory = self.random.chance(40);
        let target = self.target(directory.then_some(Kind::Directory));
        let (at, path) = self.located(&target);
        self.opened(slot, &target);
        let flags = self.open_flags(directory);
        format!("s{slot} {at} {path} {flags} {}", self.mode())
    }

    fn openat2(&mut self, slot: usize) -> String {
        let directory = self.random.chance(40);
        let target = self.target(directory.then_some(Kind::Directory));
        let (at, path) = self.located(&target);
        let at = if at == "-" { "cwd".to_owned() } else { at };
        self.opened(slot, &target);
        let flags = self.open_flags(directory);
        if flags.contains("O_CREAT") {
            // In a restricted lookup that makes a file, a trailing slash and another mount are
            // checked in another order than the kernel's. No known program does this.
            return format!("s{slot} {at} {path} {flags} {} 0", self.mode());
        }
        // The kernel refuses a mode where no file is made.
        let mode = if flags.contains("O_TMPFILE") { self.mode() } else { "0".to_owned() };
        let resolve = [
            "0",
            "RESOLVE_BENEATH",
            "RESOLVE_IN_ROOT",
            "RESOLVE_NO_SYMLINKS",
            "RESOLVE_NO_MAGICLINKS",
            "RESOLVE_NO_XDEV",
            "RESOLVE_BENEATH|RESOLVE_NO_XDEV",
            "RESOLVE_IN_ROOT|RESOLVE_NO_SYMLINKS",
            "RESOLVE_BENEATH|RESOLVE_IN_ROOT",
            "100",
        ];
        format!("s{slot} {at} {path} {flags} {mode} {}", self.random.one_of(&resolve))
    }

    fn open_flags(&mut self, directory: bool) -> String {
        if directory {
            let flags = [
                "O_RDONLY|O_NONBLOCK",
                "O_DIRECTORY",
                "O_PATH",
                "O_DIRECTORY|O_CLOEXEC",
                "O_PATH|O_DIRECTORY",
                "O_PATH|O_NOFOLLOW",
            ];
            return self.random.one_of(&flags).to_owned()
                + if self.random.chance(20) { "|O_NOFOLLOW" } else { "" };
        }
        if self.random.chance(15) {
            return self
                .random
                .one_of(&["O_PATH", "O_PATH|O_NOFOLLOW", "O_PATH|O_CREAT", "O_PATH|O_NOFOLLOW|O_CLOEXEC"])
                .to_owned();
        }
        // Opening a FIFO that no other process has open must not block.
        let mut flags =
            self.random.one_of(&["O_RDONLY", "O_RDONLY", "O_WRONLY", "O_RDWR", "O_RDWR", "3"]).to_owned()
                + "|O_NONBLOCK";
        let more = [
            ("O_CREAT", 35),
            ("O_EXCL", 12),
            ("O_TRUNC", 12),
            ("O_APPEND", 8),
            ("O_DIRECTORY", 7),
            ("O_NOFOLLOW", 15),
            ("O_TMPFILE", 5),
            ("O_CLOEXEC", 20),
            ("O_NOATIME", 3),
        ];
        for (flag, percent) in more {
            if self.random.chance(percent) {
                flags.push('|');
                flags.push_str(flag);
            }
        }
        flags
    }

    fn at_flags(&mut self) -> &'static str {
        self.random.one_of(&[
            "0",
            "0",
            "0",
            "AT_SYMLINK_NOFOLLOW",
            "AT_SYMLINK_NOFOLLOW",
            "AT_EMPTY_PATH",
            "AT_EMPTY_PATH|AT_SYMLINK_NOFOLLOW",
            "AT_NO_AUTOMOUNT",
            "2",
        ])
    }

    fn mode(&mut self) -> String {
        self.random.one_of(&["755", "755", "644", "777", "700", "600", "1777", "2755", "444", "0"]).to_owned()
    }

    fn socket_type(&mut self) -> &'static str {
        self.random.one_of(&["SOCK_STREAM", "SOCK_STREAM", "SOCK_DGRAM"])
    }

    fn descriptor(&mut self, slot: usize) -> String {
        if self.random.chance(3) { "#999".to_owned() } else { format!("s{slot}") }
    }

    /// Chooses a path at which a file of this kind may be made.
    fn fresh(&mut self, kind: Kind) -> String {
        let target = if self.random.chance(20) { self.target(None) } else { self.new_path() };
        self.add(&target, kind);
        target
    }

    fn opened(&mut self, slot: usize, target: &str) {
        self.processes[self.turn].slots[slot] = Some(target.to_owned());
    }
}

/// Replaces bad pointers. A socket's name is bytes, not a pointer; and no program depends on which
/// of two bad pointers is reported first.
fn without_pointers(path: String) -> String {
    if path == "\\null" || path == "\\bad" { "a".to_owned() } else { path }
}
