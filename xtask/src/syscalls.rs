//! docs/syscalls.md, made from the table that filter and dispatcher are made from.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use newroot_sys::table::{ROWS, Root, Row, Session, Support, Trap};

use crate::Outcome;

/// Writes the page; with `--check` only says whether it is what it should be.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let page = page();
    if arguments.iter().any(|argument| argument == "--check") {
        return match fs::read_to_string(path())? == page {
            true => Ok(()),
            false => Err("docs/syscalls.md isn't what the table says: run `cargo xtask syscalls`".into()),
        };
    }
    Ok(fs::write(path(), page)?)
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/syscalls.md")
}

fn page() -> String {
    let mut page = String::from(
        "# System calls\n\n\
         Made from `crates/shared/sys/src/table.rs` by `cargo xtask syscalls`; don't edit it here.\n\n\
         These are the system calls that newroot has something to do with. Every other one goes to the\n\
         kernel untouched, those that are newer than this table included (`-v` reports them).\n\n\
         The last column is for sessions with fake root (`newroot run --root`), and for who is root in them:\n\
         *done* as the kernel does it for root, by the identities, owners and modes that newroot remembers;\n\
         *faked*: it seems to succeed; *refused* as in a container without further capabilities. Who has become\n\
         somebody else is refused what the kernel would refuse them. Where it is empty, fake root changes nothing.\n\n\
         | call | number on x86-64 | taken from the kernel | works | note | under fake root |\n\
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
    let always = matches!(row.trap, Trap::Always);
    let also = if row.faked && !always { "under fake root" } else { "" };
    match (row.trap, also) {
        (_, "") => ordinarily(row.trap),
        (Trap::Never, also) => also.to_owned(),
        (trap, also) => format!("{}; {also}", ordinarily(trap)),
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
        Trap::InSession(Session::Aliased) => "if a directory is seen at two places".to_owned(),
        Trap::InSession(Session::Unlisted) => {
            "if a binding's name isn't in its parent directory, the root has a store, or hard links are newroot's own"
                .to_owned()
        }
        Trap::InSession(Session::Links) => "if hard links are newroot's own".to_owned(),
        Trap::InSession(Session::ReadOnly) => "if a binding is read-only".to_owned(),
        Trap::InSession(Session::Release) => "if another kernel release is shown".to_owned(),
        Trap::RefuseAllUnderRoot(..) => {
            "answered by the filter under fake root, if the arguments are those that the note names"
                .to_owned()
        }
        Trap::IfBits(index, bits, 0) => format!("if argument {} has a bit of {bits:#x}", index + 1),
        Trap::IfBits(index, bits, more) => {
            let all = bits | more;
            format!("if argument {} has a bit of {bits:#x}, under fake root of {all:#x}", index + 1)
        }
        Trap::Refuse(_) => "answered by the filter".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_docs_is_what_the_table_says() {
        super::run(vec!["--check".into()]).expect("current");
    }
}
