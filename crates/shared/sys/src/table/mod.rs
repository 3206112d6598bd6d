//! The one table of system calls: every fact about a call stands in its row.
//!
//! The filter, the dispatcher, the fast path, fake root, the names in traces and docs/syscalls.md
//! derive from it. The kernel runs a call that has no row, or whose row says [`Trap::Never`].
//!
//! `row.rs` and `path.rs` say which facts there are, `builder.rs` has the methods that write them,
//! and `rows/` has the rows.
//!
//! To add a call, write its row in the file of its group. If no code in the shim fits, add a
//! variant to [`Call`]: the compiler then asks for its arm in the dispatcher. The tests below say
//! which facts must agree. `cargo xtask syscalls` writes the page.

mod builder;
mod path;
mod row;
mod rows;

pub use path::{Empty, Follow, From, Intent, Operation, PathCall};
pub use row::{
    Call, Fast, Interrupted, Opens, Patch, PathArgument, Root, RootCall, Row, Session, Support, Traced, Trap,
};

use crate::raw;

/// SIGSYS, by which the kernel gives a trapped call to the shim.
pub const SIGSYS: u32 = 31;

/// PR_SET_SYSCALL_USER_DISPATCH (include/uapi/linux/prctl.h).
pub const PR_SET_SYSCALL_USER_DISPATCH: u32 = 59;

/// The highest number of a system call that existed when the table was made.
pub const LAST_KNOWN: u32 = raw::__NR_file_setattr;

/// Every call that newroot traps, refuses or documents, in no particular order.
pub static ROWS: &[Row] = &{
    let mut all = [rows::GROUPS[0][0]; COUNT];
    let mut at = 0;
    let mut group = 0;
    while group < rows::GROUPS.len() {
        let mut index = 0;
        while index < rows::GROUPS[group].len() {
            all[at] = rows::GROUPS[group][index];
            at += 1;
            index += 1;
        }
        group += 1;
    }
    all
};

const COUNT: usize = {
    let mut count = 0;
    let mut group = 0;
    while group < rows::GROUPS.len() {
        count += rows::GROUPS[group].len();
        group += 1;
    }
    count
};

const SLOTS: usize = LAST_KNOWN as usize + 1;

/// Index into [`ROWS`] by number, plus one; 0 where there is no row.
static BY_NUMBER: [u8; SLOTS] = {
    assert!(COUNT < 253, "an index must fit into a byte");
    let mut index = [0u8; SLOTS];
    let mut i = 0;
    while i < ROWS.len() {
        let number = ROWS[i].number as usize;
        assert!(index[number] == 0, "a system call has two rows");
        index[number] = i as u8 + 1;
        i += 1;
    }
    index
};

/// Returns the row of the call with this number, if it has one.
#[must_use]
#[inline]
pub fn row_of(number: usize) -> Option<&'static Row> {
    let index = *BY_NUMBER.get(number)?;
    ROWS.get(usize::from(index).checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text of the rows.
    const GROUPS: [&str; 10] = [
        include_str!("rows/attributes.rs"),
        include_str!("rows/files.rs"),
        include_str!("rows/filters.rs"),
        include_str!("rows/identity.rs"),
        include_str!("rows/legacy.rs"),
        include_str!("rows/machine.rs"),
        include_str!("rows/mounts.rs"),
        include_str!("rows/processes.rs"),
        include_str!("rows/signals.rs"),
        include_str!("rows/sockets.rs"),
    ];

    #[test]
    fn every_row_is_found_by_its_number() {
        for row in ROWS {
            assert_eq!(row_of(row.number as usize).map(|found| found.name), Some(row.name));
        }
    }

    #[test]
    fn a_name_stands_once() {
        for row in ROWS {
            assert_eq!(ROWS.iter().filter(|other| other.name == row.name).count(), 1, "{}", row.name);
        }
    }

    #[test]
    fn a_name_and_its_number_are_of_the_same_call() {
        let mut rows = 0;
        for line in GROUPS.iter().flat_map(|text| text.lines()) {
            // NAME", raw::__NR_NAME
            let Some((name, number)) = line.split_once("(\"").and_then(|(_, rest)| rest.split_once("\", "))
            else {
                continue;
            };
            let Some(of) =
                ["raw::__NR_", "legacy::__NR_"].iter().find_map(|prefix| number.strip_prefix(prefix))
            else {
                continue;
            };
            let end = of.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
            assert_eq!(&of[..end.unwrap_or(of.len())], name);
            rows += 1;
        }
        assert_eq!(rows, ROWS.len());
    }

    #[test]
    fn a_refused_call_says_so() {
        for row in ROWS {
            let refused = matches!(row.trap, Trap::Refuse(_));
            assert_eq!(refused, row.support == Support::Refused, "{}", row.name);
            assert_eq!(row.support != Support::Full, !row.note.is_empty(), "{}", row.name);
        }
    }

    #[test]
    fn a_trapped_call_has_code_and_no_other_has() {
        for row in ROWS {
            let trapped = match row.trap {
                Trap::Never | Trap::Refuse(_) | Trap::RefuseAllUnderRoot(..) => false,
                Trap::Always
                | Trap::IfArgument(_)
                | Trap::IfZero(..)
                | Trap::IfEqual(..)
                | Trap::IfOneOf(..)
                | Trap::IfBits(..)
                | Trap::InSession(_) => true,
            };
            assert_eq!(trapped, !matches!(row.call, Call::Kernel | Call::Faked(_)), "{}", row.name);
            let runs = trapped || row.faked;
            assert!(runs || row.fast == Fast::Never, "{}", row.name);
            assert!(runs || row.interrupted == Interrupted::Restart, "{}", row.name);
            assert_eq!(row.patch == Patch::Always, row.call == Call::ReadAgain, "{}", row.name);
        }
    }

    #[test]
    fn a_faked_call_says_what_root_gets() {
        for row in ROWS {
            assert!(!row.faked || row.root != Root::Same, "{}", row.name);
            let only_faked = matches!(row.call, Call::Faked(_));
            assert!(!only_faked || row.faked, "{}", row.name);
            // Trapped under fake root alone, and then not answered at once: there must be code.
            let needs_code = row.faked && row.call == Call::Kernel;
            assert!(!needs_code || row.errno_as_root != 0, "{}", row.name);
            let traps = row.faked || row.trap == Trap::Always;
            let refused = matches!(row.root, Root::Refused(_));
            assert!(row.errno_as_root == 0 || traps && refused, "{}", row.name);
        }
    }

    #[test]
    fn a_path_call_is_consistent() {
        for row in ROWS {
            let Call::Path(call) = row.call else {
                assert_ne!(row.fast, Fast::Name, "{}", row.name);
                continue;
            };
            let PathArgument { directory, path } = row.paths[0].expect(row.name);
            assert_eq!((directory, path), (call.directory, call.path), "{}", row.name);
            assert_eq!(row.trap, Trap::Always, "{}", row.name);
            assert_ne!(row.fast, Fast::Never, "{}", row.name);
            let count = |from| call.arguments.iter().filter(|&&argument| argument == from).count();
            assert_eq!(count(From::Path), 1, "{}", row.name);
            assert!(count(From::Directory) <= 1, "{}", row.name);
            // A call that names a name doesn't follow a symlink there; any other can be made to.
            let names = matches!(call.intent(), Intent::Create | Intent::Remove);
            let can_follow = call.follow != Follow::Never
                || call.reissue_followed != call.reissue
                || count(From::NO_FOLLOW) == 1;
            assert_eq!(names, !can_follow, "{}", row.name);
            // All AT_* flags are in one argument.
            let empty = match call.empty {
                Empty::Error | Empty::Null => None,
                Empty::Flag(index) | Empty::NullOrFlag(index) | Empty::NullWithFlag(index) => Some(index),
            };
            assert!(empty.is_none() || empty == call.flags(), "{}", row.name);
            assert!(empty.is_none() || directory.is_some(), "{}", row.name);
        }
    }

    #[test]
    fn a_call_that_names_or_opens_a_file_concerns_files() {
        for row in ROWS {
            let names = row.paths[0].is_some() || row.address || row.opens != Opens::Nothing;
            assert!(!names || row.files, "{}", row.name);
            assert!(row.paths[1].is_none() || row.paths[0].is_some(), "{}", row.name);
            assert!(row.opens != Opens::ByPath || row.paths[0].is_some(), "{}", row.name);
            for argument in row.paths.into_iter().flatten() {
                assert!(
                    argument.path < 6 && argument.directory.is_none_or(|index| index < 6),
                    "{}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn calls_that_came_late_may_be_missing() {
        for row in ROWS {
            // Linux 5.8; statx(2) is older, but policies are that didn't know it.
            let late = row.number >= raw::__NR_faccessat2 || row.number == raw::__NR_statx;
            assert_eq!(row.may_be_missing, late, "{}", row.name);
        }
    }

    #[test]
    fn a_row_stays_small() {
        // The table is in the image of each process.
        assert!(size_of::<Row>() <= 160, "{}", size_of::<Row>());
    }
}
