//! docs/syscalls.md, made from the table from which filter and dispatcher derive, and
//! docs/guest-tests.md, made from the `// syscalls:` lines of guest tests.

use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use newroot_sys::table::{ROWS, Root, Row, Session, Support, Trap};
use newroot_testkit::{Guest, discover};

use crate::Outcome;

/// Writes the pages. With `--check` only checks that they are up to date.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let guests = discover(&sources().join("tests/guests"));
    let pages = [("syscalls.md", page()), ("guest-tests.md", guest_tests(&guests)?)];
    let only_check = arguments.iter().any(|argument| argument == "--check");
    for (name, page) in pages {
        let path = sources().join("docs").join(name);
        if !only_check {
            fs::write(path, page)?;
        } else if fs::read_to_string(path).unwrap_or_default() != page {
            return Err(format!("docs/{name} isn't up to date: run `cargo xtask syscalls`").into());
        }
    }
    Ok(())
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// System calls that guest tests are about and that newroot leaves to the kernel: the table has no
/// row for them.
const UNTOUCHED: [&str; 39] = [
    "brk",
    "clock_nanosleep",
    "close",
    "close_range",
    "copy_file_range",
    "dup2",
    "exit_group",
    "fallocate",
    "fcntl",
    "flock",
    "ftruncate",
    "inotify_rm_watch",
    "ioctl",
    "landlock_create_ruleset",
    "madvise",
    "mincore",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munmap",
    "pause",
    "poll",
    "pwrite64",
    "pwritev2",
    "read",
    "sendfile",
    "setpgid",
    "setsid",
    "sigaltstack",
    "signalfd4",
    "splice",
    "sysinfo",
    "timer_create",
    "timer_settime",
    "umask",
    "vfork",
    "write",
    "writev",
];

/// Returns the index of guest tests by system call.
///
/// # Errors
/// If a test names no system call, or an unknown one.
fn guest_tests(guests: &[Guest]) -> Result<String, Box<dyn Error>> {
    let mut index: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for guest in guests {
        if guest.syscalls.is_empty() {
            return Err(format!("{} doesn't say which system calls it is about: {HOW}", guest.name).into());
        }
        for call in &guest.syscalls {
            if !ROWS.iter().any(|row| row.name == call) && !UNTOUCHED.contains(&&**call) {
                return Err(format!("{} names '{call}', which is no known call: {HOW}", guest.name).into());
            }
            index.entry(call).or_default().push(&guest.name);
        }
    }
    let mut page = String::from(
        "# Guest tests by system call\n\n\
         Made from the `// syscalls:` lines in `tests/guests` by `cargo xtask syscalls`; don't edit it here.\n\n\
         The names are the kernel's: stat(3) and lstat(3) are `newfstatat`, open(3) is `openat`, fork(3) is\n\
         `clone`. `fs::hard_links` is `tests/guests/fs/hard_links.c`, and\n\
         `cargo test -p newroot --test guests -- fs::hard_links` runs it on each engine.\n\n\
         | call | tests |\n\
         |---|---|\n",
    );
    for (call, tests) in index {
        let _ = writeln!(page, "| {call} | {} |", tests.join(", "));
    }
    Ok(page)
}

/// Hint for a missing or wrong line.
const HOW: &str = "its first lines need one like `// syscalls: openat rename`, with the kernel's names (a call that \
                   newroot leaves alone is in UNTOUCHED in xtask/src/syscalls.rs)";

fn page() -> String {
    let mut page = String::from(
        "# System calls\n\n\
         Made from the table in `crates/shared/sys/src/table/` by `cargo xtask syscalls`; don't edit it here.\n\n\
         newroot handles these system calls. The kernel runs every other call directly, also those that are\n\
         newer than this table (`-v` reports them).\n\n\
         The column *trapped* says when the kernel gives a call to newroot. The last column is for processes\n\
         that are root in a session with fake root (`newroot run --root`):\n\n\
         - *done*: as the kernel does it for root, by the identities, owners and modes that newroot records;\n\
         - *faked*: the call seems to succeed;\n\
         - *refused*: as in a container without further capabilities;\n\
         - empty: fake root changes nothing.\n\n\
         A process that has become another user is refused what the kernel would refuse to that user.\n\n\
         | call | number on x86-64 | trapped | works | note | under fake root |\n\
         |---|---|---|---|---|---|\n",
    );
    let mut rows: Vec<&Row> = ROWS.iter().collect();
    rows.sort_by_key(|row| row.name);
    for row in rows {
        let support = match row.support {
            Support::Full => "yes",
            Support::Partial => "in part",
            Support::Refused => "no",
        };
        let when = when(row);
        // Writing to a string doesn't fail.
        let _ = writeln!(
            page,
            "| {} | {} | {when} | {support} | {} | {} |",
            row.name,
            row.number,
            row.note,
            under_root(row.root)
        );
    }
    page
}

fn under_root(root: Root) -> String {
    let with =
        |word: &str, note: &str| if note.is_empty() { word.to_owned() } else { format!("{word}: {note}") };
    match root {
        Root::Same => String::new(),
        Root::Done => "done".to_owned(),
        Root::Faked(note) => with("faked", note),
        Root::Refused(note) => with("refused", note),
    }
}

fn when(row: &Row) -> String {
    match row.trap {
        Trap::Never if row.faked => "under fake root".to_owned(),
        Trap::Always => ordinarily(row.trap),
        trap if row.faked => format!("{}; always under fake root", ordinarily(trap)),
        trap => ordinarily(trap),
    }
}

fn ordinarily(trap: Trap) -> String {
    match trap {
        Trap::Never => "never".to_owned(),
        Trap::Always => "always".to_owned(),
        Trap::IfArgument(index) => format!("if argument {} is given", index + 1),
        Trap::IfZero(a, b) if a == b => format!("if argument {} is 0", a + 1),
        Trap::IfZero(a, b) => format!("if arguments {} and {} are 0", a + 1, b + 1),
        Trap::IfEqual(index, value) => format!("if argument {} is {value}", index + 1),
        Trap::IfOneOf(index, values) => {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            format!("if argument {} is one of {}", index + 1, values.join(", "))
        }
        Trap::InSession(Session::Aliased) => "if a directory is visible at two paths".to_owned(),
        Trap::InSession(Session::Unlisted) => {
            "if a binding's name is missing in its parent directory, the root has hidden files, or there are hard links of newroot's own"
                .to_owned()
        }
        Trap::InSession(Session::Links) => "if there are hard links of newroot's own".to_owned(),
        Trap::InSession(Session::ReadOnly) => "if a binding is read-only".to_owned(),
        Trap::InSession(Session::Release) => "if another kernel release is shown".to_owned(),
        Trap::RefuseAllUnderRoot(..) => {
            "never; under fake root the filter answers for the arguments that the note names"
                .to_owned()
        }
        Trap::IfBits(index, bits, 0) => format!("if argument {} has a bit of {bits:#x}", index + 1),
        Trap::IfBits(index, bits, more) => {
            let all = bits | more;
            format!("if argument {} has a bit of {bits:#x}, under fake root of {all:#x}", index + 1)
        }
        Trap::Refuse(_) => "never: the filter answers".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_is_what_the_table_says() {
        run(vec!["--check".into()]).expect("current");
    }

    #[test]
    fn every_guest_test_names_its_calls() {
        let mut guests = discover(&sources().join("tests/guests"));
        guests.truncate(1);
        assert!(guest_tests(&guests).is_ok());
        guests[0].syscalls.push("opne".to_owned());
        assert!(guest_tests(&guests).expect_err("no such call").to_string().contains("'opne'"));
        guests[0].syscalls.clear();
        assert!(guest_tests(&guests).is_err());
    }
}
