//! Files with random owners, modes and ACLs.

use std::ffi::{CStr, CString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use newroot_fakeroot::Owned;

use crate::child::outcome;
use crate::identity::SHARED_IDS;
use crate::random::Random;

pub(crate) const ACCESS: &CStr = c"system.posix_acl_access";
pub(crate) const DEFAULT: &CStr = c"system.posix_acl_default";
pub(crate) const CAPABILITY: &CStr = c"security.capability";

/// Value of `security.capability` that files get: CAP_CHOWN, permitted.
pub(crate) const SOME_CAPABILITY: [u8; 20] = [0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Metadata of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    pub(crate) access: Option<Vec<u8>>,
    pub(crate) default: Option<Vec<u8>>,
    pub(crate) capability: bool,
}

impl Facts {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let about = fs::symlink_metadata(path).ok()?;
        Some(Self {
            uid: about.uid(),
            gid: about.gid(),
            mode: about.mode(),
            access: attribute(path, ACCESS),
            default: attribute(path, DEFAULT),
            capability: attribute(path, CAPABILITY).is_some(),
        })
    }

    pub(crate) fn owned(&self) -> Owned<'_> {
        Owned { uid: self.uid, gid: self.gid, mode: self.mode, acl: self.access.as_deref() }
    }
}

pub(crate) fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).expect("a path")
}

pub(crate) fn attribute(path: &Path, name: &CStr) -> Option<Vec<u8>> {
    let mut value = vec![0; 4096];
    let path = c_path(path);
    // SAFETY: path and name end with NUL, and the buffer has the given length.
    let len =
        unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(len).ok()?);
    Some(value)
}

pub(crate) fn set_attribute(path: &Path, name: &CStr, value: &[u8]) -> i64 {
    let path = c_path(path);
    // SAFETY: path and name end with NUL, and the value has the given length.
    outcome(i64::from(unsafe {
        libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0)
    }))
}

/// A directory and a file in it.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) directory: Facts,
    pub(crate) file: Facts,
    pub(crate) directory_path: PathBuf,
    pub(crate) path: PathBuf,
}

/// Types of files to create.
#[derive(Clone, Copy)]
pub(crate) enum Kinds {
    Regular,
    All,
}

impl Pair {
    /// Creates both again, with random owners, modes and lists.
    pub(crate) fn make(random: &mut Random, scratch: &Path, kinds: Kinds) -> Self {
        let directory_path = scratch.join("directory");
        let path = directory_path.join("file");
        let _ = fs::remove_dir_all(&directory_path);
        fs::create_dir(&directory_path).expect("a directory");
        let kind = match kinds {
            Kinds::Regular => 0,
            Kinds::All => random.below(8),
        };
        match kind {
            0..=3 => fs::write(&path, "x").expect("a file"),
            4 | 5 => fs::create_dir(&path).expect("a directory"),
            6 => {
                let path = c_path(&path);
                // SAFETY: the path ends with NUL.
                assert_eq!(unsafe { libc::mkfifo(path.as_ptr(), 0o600) }, 0);
            }
            _ => {
                // A socket's name, as one more type.
                let path = c_path(&path);
                // SAFETY: the path ends with NUL.
                assert_eq!(unsafe { libc::mknod(path.as_ptr(), libc::S_IFSOCK | 0o600, 0) }, 0);
            }
        }
        let capable = kind < 4 && random.once_in(3);
        set_metadata(random, &path, capable);
        set_metadata(random, &directory_path, false);
        // A process that can't search the directory learns nothing about the file, so avoid that in
        // half of the cases.
        if random.once_in(2) {
            let mode = fs::metadata(&directory_path).expect("its mode").mode() | 0o011;
            fs::set_permissions(&directory_path, fs::Permissions::from_mode(mode)).expect("chmod");
        }
        if random.once_in(3) {
            let list = random_list(random);
            assert_eq!(set_attribute(&directory_path, DEFAULT, &list), 0);
        }
        Self {
            directory: Facts::of(&directory_path).expect("a directory"),
            file: Facts::of(&path).expect("a file"),
            directory_path,
            path,
        }
    }
}

fn set_metadata(random: &mut Random, path: &Path, capability: bool) {
    chown(path, Some(random.of(&SHARED_IDS)), Some(random.of(&SHARED_IDS))).expect("chown");
    let special = random.of(&[0, 0, 0o1000, 0o2000, 0o4000, 0o6000, 0o7000]);
    let permissions = match random.below(4) {
        0 => 0o777,
        1 => (random.next() & random.next()) as u32 & 0o777,
        _ => random.next() as u32 & 0o777,
    };
    fs::set_permissions(path, fs::Permissions::from_mode(special | permissions)).expect("chmod");
    if random.once_in(3) {
        let list = random_list(random);
        assert_eq!(set_attribute(path, ACCESS, &list), 0);
    }
    if capability {
        assert_eq!(set_attribute(path, CAPABILITY, &SOME_CAPABILITY), 0);
    }
}

/// Returns a valid access control list.
pub(crate) fn random_list(random: &mut Random) -> Vec<u8> {
    let mut list = vec![2, 0, 0, 0];
    let mut entry = |random: &mut Random, tag: u16, id: u32| {
        list.extend(tag.to_le_bytes());
        let bits = random.of(&[0_u16, 1, 2, 3, 4, 5, 6, 7, 7, 7]);
        list.extend(bits.to_le_bytes());
        list.extend(id.to_le_bytes());
    };
    let mut named = false;
    entry(random, 0x01, u32::MAX);
    for id in SHARED_IDS {
        if random.once_in(4) {
            entry(random, 0x02, id);
            named = true;
        }
    }
    entry(random, 0x04, 7);
    for id in SHARED_IDS {
        if random.once_in(4) {
            entry(random, 0x08, id);
            named = true;
        }
    }
    if named || random.once_in(3) {
        entry(random, 0x10, u32::MAX);
    }
    entry(random, 0x20, u32::MAX);
    list
}
