//! What random people can do to random files: asked, tried, and looked at afterwards.

use std::path::Path;

use newroot_abi::Errno;
use newroot_fakeroot::permission::{
    Rename, change_acl, change_mode, change_owner, loses_capabilities, may, may_as_real, may_delete,
    may_link, may_rename, may_set_times, mode_after_write, new_file,
};
use newroot_fakeroot::{Want, Who, acl};

use crate::child::{in_child, outcome};
use crate::files::{ACCESS, Facts, Kinds, Pair, c_path, random_list};
use crate::identity::{State, become_somebody};
use crate::random::Random;

const LOOKS: u64 = 1500;
const DEEDS: u64 = 5000;
const RENAMES: u64 = 2000;

pub(crate) const SEARCH: Want = Want::EXECUTE;
const MAKE: Want = Want(3);

pub(crate) type Result<T> = std::result::Result<T, Errno>;

/// The kernel's way to say how it went.
pub(crate) fn number(result: Result<()>) -> i64 {
    result.map_or_else(|errno| -i64::from(errno.number()), |()| 0)
}

/// Has somebody do something in a child; returns who it was and the numbers that came of it.
pub(crate) fn somebody(random: &mut Random, deed: impl FnOnce() -> Vec<i64>) -> (State, Vec<i64>) {
    let mut same = random.clone();
    let state = become_somebody(random, false);
    let told = in_child(|_| {
        become_somebody(&mut same, true);
        deed().into_iter().flat_map(i64::to_le_bytes).collect()
    });
    let (numbers, _) = told.as_chunks::<8>();
    (state, numbers.iter().copied().map(i64::from_le_bytes).collect())
}

/// access(2), faccessat2(2) with `AT_EACCESS`, and open(2).
pub(crate) fn looks(scratch: &Path) -> u64 {
    let mut count = 0;
    for seed in 0..LOOKS {
        let mut random = Random::new(seed ^ 0x1f << 40);
        let pair = Pair::make(&mut random, scratch, Kinds::All);
        let path = c_path(&pair.path);
        let openable = matches!(pair.file.mode & libc::S_IFMT, libc::S_IFREG | libc::S_IFDIR);
        let (state, results) = somebody(&mut random, || {
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
                    // SAFETY: the path ends with NUL; the descriptor isn't used.
                    let result = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
                    results.push(outcome(i64::from(result)).min(0));
                }
            }
            results
        });

        let (who, file, directory) = (state.who(), pair.file.owned(), pair.directory.owned());
        let mut expected = Vec::new();
        for want in (0..8).map(Want) {
            let look = |may: fn(&Who<'_>, &newroot_fakeroot::Owned<'_>, Want) -> Result<()>| {
                may(&who, &directory, SEARCH)?;
                if want == Want::NOTHING { Ok(()) } else { may(&who, &file, want) }
            };
            expected.push(number(look(may_as_real)));
            expected.push(number(look(may)));
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

/// Something to do to a file.
#[derive(Clone, Copy, Debug)]
enum Deed {
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

fn choose(random: &mut Random) -> (Deed, Kinds) {
    let mode = (random.next() & 0o7777) as u32;
    let mut id = || random.of(&[0, 1000, 1001, 1002, u32::MAX, u32::MAX]);
    let (uid, gid) = (id(), id());
    match random.below(16) {
        0 => (Deed::Unlink, Kinds::All),
        1 => (Deed::Rmdir, Kinds::All),
        2 | 3 => (Deed::Chmod(mode), Kinds::All),
        4 | 5 => (Deed::Chown(uid, gid), Kinds::All),
        6 => (Deed::TouchNow, Kinds::All),
        7 => (Deed::TouchThen, Kinds::All),
        8 => (Deed::Write, Kinds::Regular),
        9 => (Deed::Truncate, Kinds::Regular),
        10 => (Deed::Link, Kinds::All),
        11 => (Deed::Create(mode), Kinds::Regular),
        12 => (Deed::MakeDirectory(mode), Kinds::Regular),
        13 => (Deed::MakeFifo(mode), Kinds::Regular),
        14 => (Deed::SetList, Kinds::All),
        _ => (random.of(&[Deed::MakeLink, Deed::RemoveList]), Kinds::Regular),
    }
}

/// Everything that changes something.
pub(crate) fn deeds(scratch: &Path) -> u64 {
    let protected = std::fs::read("/proc/sys/fs/protected_hardlinks").is_ok_and(|told| told == b"1\n");
    let mut done = 0;
    for seed in 0..DEEDS {
        let mut random = Random::new(seed ^ 0x2f << 40);
        let (deed, kinds) = choose(&mut random);
        let pair = Pair::make(&mut random, scratch, kinds);
        let list = random_list(&mut random);
        let umask = random.of(&[0, 0o22, 0o77, 0o10, 0o777]);
        let other_path = pair.directory_path.join("other");

        let (state, results) = somebody_does(&mut random, deed, &pair, &list, umask, &other_path);
        let mut expected = pair.file.clone();
        let mut new = None;
        let result = model(deed, &state, &pair, &list, umask, protected, &mut expected, &mut new);
        let gone = result.is_ok() && matches!(deed, Deed::Unlink | Deed::Rmdir);
        let told = format!("seed {seed}: {deed:?} umask {umask:o} {list:?} {pair:#?} {state:#?}");
        assert_eq!(results, [number(result)], "{told}");
        assert_eq!(Facts::of(&pair.path), (!gone).then_some(expected), "{told}");
        assert_eq!(Facts::of(&other_path), new, "{told}");
        done += u64::from(result.is_ok());
    }
    println!("{done} of {DEEDS} deeds were allowed");
    DEEDS
}

fn somebody_does(
    random: &mut Random,
    deed: Deed,
    pair: &Pair,
    list: &[u8],
    umask: u32,
    other_path: &Path,
) -> (State, Vec<i64>) {
    let (path, other) = (c_path(&pair.path), c_path(other_path));
    let (path, other) = (path.as_ptr(), other.as_ptr());
    let open = if matches!(deed, Deed::Write | Deed::Truncate) {
        // SAFETY: the path ends with NUL. The descriptor is closed below.
        unsafe { libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC) }
    } else {
        -1
    };
    let came = somebody(random, || {
        let times = [libc::timespec { tv_sec: 1, tv_nsec: 0 }; 2];
        // SAFETY: all paths end with NUL, and all else that is pointed to outlives the calls.
        let result = unsafe {
            libc::umask(umask);
            match deed {
                Deed::Unlink => libc::unlink(path),
                Deed::Rmdir => libc::rmdir(path),
                Deed::Chmod(mode) => libc::chmod(path, mode),
                Deed::Chown(uid, gid) => libc::chown(path, uid, gid),
                Deed::TouchNow => libc::utimensat(libc::AT_FDCWD, path, std::ptr::null(), 0),
                Deed::TouchThen => libc::utimensat(libc::AT_FDCWD, path, times.as_ptr(), 0),
                Deed::Write => libc::write(open, c"y".as_ptr().cast(), 1).min(0) as i32,
                Deed::Truncate => libc::ftruncate(open, 0),
                Deed::Link => libc::link(path, other),
                Deed::Create(mode) => {
                    libc::open(other, libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY, mode).min(0)
                }
                Deed::MakeDirectory(mode) => libc::mkdir(other, mode),
                Deed::MakeFifo(mode) => libc::mkfifo(other, mode),
                Deed::MakeLink => libc::symlink(c"/nowhere".as_ptr(), other),
                Deed::SetList => libc::setxattr(path, ACCESS.as_ptr(), list.as_ptr().cast(), list.len(), 0),
                Deed::RemoveList => libc::removexattr(path, ACCESS.as_ptr()),
            }
        };
        vec![outcome(i64::from(result))]
    });
    if open >= 0 {
        // SAFETY: it was opened above.
        unsafe { libc::close(open) };
    }
    came
}

/// What the model says: how it goes, what the file is then, and what the new one is.
#[expect(clippy::too_many_arguments, reason = "it is one table")]
fn model(
    deed: Deed,
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
    let mut room = [0; 4096];
    if !matches!(deed, Deed::Write | Deed::Truncate) {
        may(&who, &directory, SEARCH)?;
    }
    match deed {
        Deed::Unlink => may_delete(&who, &directory, &file, false)?,
        Deed::Rmdir => may_delete(&who, &directory, &file, true)?,
        Deed::Chmod(mode) => {
            after.mode = change_mode(&who, &file, mode)?;
            if let Some(before) = file.acl {
                let len = acl::after_chmod(before, after.mode, &mut room)?;
                after.access = Some(room[..len].to_vec());
            }
        }
        Deed::Chown(uid, gid) => {
            let owned = change_owner(&who, &file, uid, gid)?;
            (after.uid, after.gid, after.mode) = (owned.uid, owned.gid, owned.mode);
            after.capability &= !loses_capabilities(&file);
        }
        Deed::TouchNow => may_set_times(&who, &file, true)?,
        Deed::TouchThen => may_set_times(&who, &file, false)?,
        Deed::Write | Deed::Truncate => {
            after.mode = mode_after_write(&who, &file);
            after.capability = false;
        }
        Deed::Link => {
            may_link(&who, &file, protected)?;
            may(&who, &directory, MAKE)?;
            if file.mode & libc::S_IFMT == libc::S_IFDIR {
                return Err(Errno::PERM);
            }
            *new = Some(after.clone());
        }
        Deed::Create(mode) => *new = Some(make(state, pair, libc::S_IFREG | mode, umask)?),
        Deed::MakeDirectory(mode) => {
            *new = Some(make(state, pair, libc::S_IFDIR | mode & 0o1777, umask)?);
        }
        Deed::MakeFifo(mode) => *new = Some(make(state, pair, libc::S_IFIFO | mode, umask)?),
        Deed::MakeLink => *new = Some(make(state, pair, libc::S_IFLNK | 0o777, umask)?),
        Deed::SetList => {
            let (mode, kept) = change_acl(&who, &file, list)?;
            after.mode = mode;
            let len = acl::normal(list, &mut room)?;
            after.access = kept.then(|| room[..len].to_vec());
        }
        Deed::RemoveList => {
            (after.mode, _) = change_acl(&who, &file, b"")?;
            after.access = None;
        }
    }
    Ok(())
}

fn make(state: &State, pair: &Pair, mode: u32, umask: u32) -> Result<Facts> {
    let who = state.who();
    let directory = pair.directory.owned();
    may(&who, &directory, MAKE)?;
    let new = new_file(&who, &directory, mode);
    let default = pair.directory.default.as_deref();
    let mut room = [0; 4096];
    let begin = acl::on_creation(default, new.mode, umask, &mut room)?;
    Ok(Facts {
        uid: new.uid,
        gid: new.gid,
        mode: begin.mode,
        access: begin.access.map(|len| room[..len].to_vec()),
        default: default.filter(|_| begin.inherits_default).map(<[u8]>::to_vec),
        capability: false,
    })
}

/// renameat2(2) between two directories, or within one; onto something or not, or in exchange for it.
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
        let (state, results) = somebody(&mut random, || {
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
        let told = format!("seed {seed}: {within} {replaces} {exchange} {from:#?} {other:#?} {state:#?}");
        assert_eq!(results, [number(expected)], "{told}");
        done += u64::from(expected.is_ok());
        let _ = std::fs::remove_dir_all(two.join("away"));
        let _ = std::fs::remove_file(two.join("away"));
    }
    println!("{done} of {RENAMES} renames were allowed");
    RENAMES
}
