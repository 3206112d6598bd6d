//! Operations of random identities on random files: predicted, tried, and compared with the result.

use std::path::Path;

use newroot_abi::Errno;
use newroot_fakeroot::permission::{
    Rename, change_acl, change_mode, change_owner, loses_capabilities, may, may_as_real, may_delete,
    may_link, may_rename, may_set_times, mode_after_write, new_file,
};
use newroot_fakeroot::{Want, Who, acl};

use crate::child::{in_child, outcome};
use crate::files::{ACCESS, Facts, Kinds, Pair, c_path, random_list};
use crate::identity::{State, assume_random_identity};
use crate::random::Random;

const ACCESSES: u64 = 1500;
const OPERATIONS: u64 = 5000;
const RENAMES: u64 = 2000;

pub(crate) const SEARCH: Want = Want::EXECUTE;
const CREATE: Want = Want(3);

pub(crate) type Result<T> = std::result::Result<T, Errno>;

/// Returns a result as the kernel does: zero or a negative error number.
pub(crate) fn number(result: Result<()>) -> i64 {
    result.map_or_else(|errno| -i64::from(errno.number()), |()| 0)
}

/// Runs `operation` in a child with a random identity. Returns the identity and the resulting
/// numbers.
pub(crate) fn with_random_identity(
    random: &mut Random,
    operation: impl FnOnce() -> Vec<i64>,
) -> (State, Vec<i64>) {
    let mut same = random.clone();
    let state = assume_random_identity(random, false);
    let report = in_child(|_| {
        assume_random_identity(&mut same, true);
        operation().into_iter().flat_map(i64::to_le_bytes).collect()
    });
    let (numbers, _) = report.as_chunks::<8>();
    (state, numbers.iter().copied().map(i64::from_le_bytes).collect())
}

/// Compares access(2), faccessat2(2) with `AT_EACCESS`, and open(2).
pub(crate) fn accesses(scratch: &Path) -> u64 {
    let mut count = 0;
    for seed in 0..ACCESSES {
        let mut random = Random::new(seed ^ 0x1f << 40);
        let pair = Pair::make(&mut random, scratch, Kinds::All);
        let path = c_path(&pair.path);
        let openable = matches!(pair.file.mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR);
        let (state, results) = with_random_identity(&mut random, || {
            let mut results = Vec::new();
            for want in 0..8_i32 {
                for (call, flags) in [(libc::SYS_faccessat, 0), (libc::SYS_faccessat2, libc::AT_EACCESS)] {
                    // SAFETY: the path ends with NUL.
                    let result = unsafe { libc::syscall(call, libc::AT_FDCWD, path.as_ptr(), want, flags) };
                    results.push(outcome(result));
                }
            }
            for flags in [libc::O_RDONLY, libc::O_WRONLY, libc::O_RDWR] {
                if openable {
                    // SAFETY: the path ends with NUL, and nothing uses the descriptor.
                    let result = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
                    results.push(outcome(i64::from(result)).min(0));
                }
            }
            results
        });

        let (who, file, directory) = (state.who(), pair.file.owned(), pair.directory.owned());
        let mut expected = Vec::new();
        for want in (0..8).map(Want) {
            let check = |may: fn(&Who<'_>, &newroot_fakeroot::Owned<'_>, Want) -> Result<()>| {
                may(&who, &directory, SEARCH)?;
                if want == Want::NOTHING { Ok(()) } else { may(&who, &file, want) }
            };
            expected.push(number(check(may_as_real)));
            expected.push(number(check(may)));
        }
        for want in [Want::READ, Want::WRITE, Want::READ.with(Want::WRITE)] {
            if openable {
                expected.push(number(may(&who, &directory, SEARCH).and_then(|()| {
                    if pair.file.mode & libc::S_IFMT == libc::S_IFDIR && want.has(Want::WRITE) {
                        return Err(Errno::ISDIR);
                    }
                    may(&who, &file, want)
                })));
            }
        }
        assert_eq!(results, expected, "seed {seed}: {pair:#?} {state:#?}");
        count += results.len() as u64;
    }
    count
}

/// An operation on a file.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Unlink,
    Rmdir,
    Chmod(u32),
    Chown(u32, u32),
    TouchNow,
    TouchThen,
    Write,
    Truncate,
    Link,
    Create(u32),
    MakeDirectory(u32),
    MakeFifo(u32),
    MakeLink,
    SetList,
    RemoveList,
}

fn choose(random: &mut Random) -> (Operation, Kinds) {
    let mode = (random.next() & 0o7777) as u32;
    let mut id = || random.of(&[0, 1000, 1001, 1002, u32::MAX, u32::MAX]);
    let (uid, gid) = (id(), id());
    match random.below(16) {
        0 => (Operation::Unlink, Kinds::All),
        1 => (Operation::Rmdir, Kinds::All),
        2 | 3 => (Operation::Chmod(mode), Kinds::All),
        4 | 5 => (Operation::Chown(uid, gid), Kinds::All),
        6 => (Operation::TouchNow, Kinds::All),
        7 => (Operation::TouchThen, Kinds::All),
        8 => (Operation::Write, Kinds::Regular),
        9 => (Operation::Truncate, Kinds::Regular),
        10 => (Operation::Link, Kinds::All),
        11 => (Operation::Create(mode), Kinds::Regular),
        12 => (Operation::MakeDirectory(mode), Kinds::Regular),
        13 => (Operation::MakeFifo(mode), Kinds::Regular),
        14 => (Operation::SetList, Kinds::All),
        _ => (random.of(&[Operation::MakeLink, Operation::RemoveList]), Kinds::Regular),
    }
}

/// Compares all operations that change something.
pub(crate) fn operations(scratch: &Path) -> u64 {
    let protected = std::fs::read("/proc/sys/fs/protected_hardlinks").is_ok_and(|text| text == b"1\n");
    let mut done = 0;
    for seed in 0..OPERATIONS {
        let mut random = Random::new(seed ^ 0x2f << 40);
        let (operation, kinds) = choose(&mut random);
        let pair = Pair::make(&mut random, scratch, kinds);
        let list = random_list(&mut random);
        let umask = random.of(&[0, 0o22, 0o77, 0o10, 0o777]);
        let other_path = pair.directory_path.join("other");

        let (state, results) = perform(&mut random, operation, &pair, &list, umask, &other_path);
        let mut expected = pair.file.clone();
        let mut new = None;
        let result = model(operation, &state, &pair, &list, umask, protected, &mut expected, &mut new);
        let gone = result.is_ok() && matches!(operation, Operation::Unlink | Operation::Rmdir);
        let context = format!("seed {seed}: {operation:?} umask {umask:o} {list:?} {pair:#?} {state:#?}");
        assert_eq!(results, [number(result)], "{context}");
        assert_eq!(Facts::of(&pair.path), (!gone).then_some(expected), "{context}");
        assert_eq!(Facts::of(&other_path), new, "{context}");
        done += u64::from(result.is_ok());
    }
    println!("{done} of {OPERATIONS} operations were allowed");
    OPERATIONS
}

fn perform(
    random: &mut Random,
    operation: Operation,
    pair: &Pair,
    list: &[u8],
    umask: u32,
    other_path: &Path,
) -> (State, Vec<i64>) {
    let (path, other) = (c_path(&pair.path), c_path(other_path));
    let (path, other) = (path.as_ptr(), other.as_ptr());
    let open = if matches!(operation, Operation::Write | Operation::Truncate) {
        // SAFETY: the path ends with NUL. The descriptor is closed below.
        unsafe { libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC) }
    } else {
        -1
    };
    let performed = with_random_identity(random, || {
        let times = [libc::timespec { tv_sec: 1, tv_nsec: 0 }; 2];
        // SAFETY: all paths end with NUL, and all other data outlives the calls.
        let result = unsafe {
            libc::umask(umask);
            match operation {
                Operation::Unlink => libc::unlink(path),
                Operation::Rmdir => libc::rmdir(path),
                Operation::Chmod(mode) => libc::chmod(path, mode),
                Operation::Chown(uid, gid) => libc::chown(path, uid, gid),
                Operation::TouchNow => libc::utimensat(libc::AT_FDCWD, path, std::ptr::null(), 0),
                Operation::TouchThen => libc::utimensat(libc::AT_FDCWD, path, times.as_ptr(), 0),
                Operation::Write => libc::write(open, c"y".as_ptr().cast(), 1).min(0) as i32,
                Operation::Truncate => libc::ftruncate(open, 0),
                Operation::Link => libc::link(path, other),
                Operation::Create(mode) => {
                    libc::open(other, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY, mode).min(0)
                }
                Operation::MakeDirectory(mode) => libc::mkdir(other, mode),
                Operation::MakeFifo(mode) => libc::mkfifo(other, mode),
                Operation::MakeLink => libc::symlink(c"/nowhere".as_ptr(), other),
                Operation::SetList => {
                    libc::setxattr(path, ACCESS.as_ptr(), list.as_ptr().cast(), list.len(), 0)
                }
                Operation::RemoveList => libc::removexattr(path, ACCESS.as_ptr()),
            }
        };
        vec![outcome(i64::from(result))]
    });
    if open >= 0 {
        // SAFETY: the descriptor was opened above.
        unsafe { libc::close(open) };
    }
    performed
}

/// Returns the model's result, and updates `after` and `new` to the expected metadata of the file
/// and of a new file.
#[expect(clippy::too_many_arguments, reason = "one table for all operations")]
fn model(
    operation: Operation,
    state: &State,
    pair: &Pair,
    list: &[u8],
    umask: u32,
    protected: bool,
    after: &mut Facts,
    new: &mut Option<Facts>,
) -> Result<()> {
    let who = state.who();
    let (file, directory) = (pair.file.owned(), pair.directory.owned());
    let mut buffer = [0; 4096];
    if !matches!(operation, Operation::Write | Operation::Truncate) {
        may(&who, &directory, SEARCH)?;
    }
    match operation {
        Operation::Unlink => may_delete(&who, &directory, &file, false)?,
        Operation::Rmdir => may_delete(&who, &directory, &file, true)?,
        Operation::Chmod(mode) => {
            after.mode = change_mode(&who, &file, mode)?;
            if let Some(before) = file.acl {
                let len = acl::after_chmod(before, after.mode, &mut buffer)?;
                after.access = Some(buffer[..len].to_vec());
            }
        }
        Operation::Chown(uid, gid) => {
            let owned = change_owner(&who, &file, uid, gid)?;
            (after.uid, after.gid, after.mode) = (owned.uid, owned.gid, owned.mode);
            after.capability &= !loses_capabilities(&file);
        }
        Operation::TouchNow => may_set_times(&who, &file, true)?,
        Operation::TouchThen => may_set_times(&who, &file, false)?,
        Operation::Write | Operation::Truncate => {
            after.mode = mode_after_write(&who, &file);
            after.capability = false;
        }
        Operation::Link => {
            may_link(&who, &file, protected)?;
            may(&who, &directory, CREATE)?;
            if file.mode & libc::S_IFMT == libc::S_IFDIR {
                return Err(Errno::PERM);
            }
            *new = Some(after.clone());
        }
        Operation::Create(mode) => *new = Some(make(state, pair, libc::S_IFREG | mode, umask)?),
        Operation::MakeDirectory(mode) => {
            *new = Some(make(state, pair, libc::S_IFDIR | mode & 0o1777, umask)?);
        }
        Operation::MakeFifo(mode) => *new = Some(make(state, pair, libc::S_IFIFO | mode, umask)?),
        Operation::MakeLink => *new = Some(make(state, pair, libc::S_IFLNK | 0o777, umask)?),
        Operation::SetList => {
            let (mode, kept) = change_acl(&who, &file, list)?;
            after.mode = mode;
            let len = acl::normal(list, &mut buffer)?;
            after.access = kept.then(|| buffer[..len].to_vec());
        }
        Operation::RemoveList => {
            (after.mode, _) = change_acl(&who, &file, b"")?;
            after.access = None;
        }
    }
    Ok(())
}

fn make(state: &State, pair: &Pair, mode: u32, umask: u32) -> Result<Facts> {
    let who = state.who();
    let directory = pair.directory.owned();
    may(&who, &directory, CREATE)?;
    let new = new_file(&who, &directory, mode);
    let default = pair.directory.default.as_deref();
    let mut buffer = [0; 4096];
    let begin = acl::on_creation(default, new.mode, umask, &mut buffer)?;
    Ok(Facts {
        uid: new.uid,
        gid: new.gid,
        mode: begin.mode,
        access: begin.access.map(|len| buffer[..len].to_vec()),
        default: default.filter(|_| begin.inherits_default).map(<[u8]>::to_vec),
        capability: false,
    })
}

/// Compares renameat2(2) between two directories or within one, with and without a file at the new
/// name, and as an exchange.
pub(crate) fn renames(scratch: &Path) -> u64 {
    let mut done = 0;
    for seed in 0..RENAMES {
        let mut random = Random::new(seed ^ 0x8f << 40);
        let [one, two] = [scratch.join("one"), scratch.join("two")];
        for scratch in [&one, &two] {
            let _ = std::fs::create_dir(scratch);
        }
        let from = Pair::make(&mut random, &one, Kinds::All);
        let other = Pair::make(&mut random, &two, Kinds::All);
        let within = random.once_in(3);
        let replaces = random.once_in(2);
        let exchange = replaces && random.once_in(2);
        let new_path = if within {
            let path = from.directory_path.join("other");
            if replaces {
                std::fs::rename(&other.path, &path).expect("a rename");
            }
            path
        } else {
            if !replaces {
                std::fs::rename(&other.path, two.join("away")).expect("a rename");
            }
            other.path.clone()
        };
        let (old, new) = (c_path(&from.path), c_path(&new_path));
        let flags = if exchange { libc::RENAME_EXCHANGE } else { 0 };
        let (state, results) = with_random_identity(&mut random, || {
            // SAFETY: both paths end with NUL.
            let result =
                unsafe { libc::renameat2(libc::AT_FDCWD, old.as_ptr(), libc::AT_FDCWD, new.as_ptr(), flags) };
            vec![outcome(i64::from(result))]
        });

        let who = state.who();
        let to = if within { &from } else { &other };
        let search = may(&who, &from.directory.owned(), SEARCH)
            .and_then(|()| may(&who, &to.directory.owned(), SEARCH));
        let expected = search.and_then(|()| {
            let rename = Rename {
                from: from.directory.owned(),
                file: from.file.owned(),
                to: to.directory.owned(),
                within,
                other: replaces.then(|| other.file.owned()),
                exchange,
            };
            may_rename(&who, &rename)
        });
        let context = format!("seed {seed}: {within} {replaces} {exchange} {from:#?} {other:#?} {state:#?}");
        assert_eq!(results, [number(expected)], "{context}");
        done += u64::from(expected.is_ok());
        let _ = std::fs::remove_dir_all(two.join("away"));
        let _ = std::fs::remove_file(two.join("away"));
    }
    println!("{done} of {RENAMES} renames were allowed");
    RENAMES
}
