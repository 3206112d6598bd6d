//! All facts about the files of a tree.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{lgetxattr, llistxattr};

/// Returns one line for each file, by its path below `top`: type and mode, owners, link count,
/// device, time, attributes, content.
pub(crate) fn facts(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = path.symlink_metadata().expect("a file that was listed");
        let relative = path.strip_prefix(top).expect("it lies below").to_owned();
        if relative == Path::new(".newroot") {
            continue;
        }
        let device = if metadata.mode() & 0o170_000 == 0o020_000 || metadata.mode() & 0o170_000 == 0o060_000 {
            metadata.rdev()
        } else {
            0
        };
        let content = if metadata.is_dir() {
            let entries = fs::read_dir(&path).expect("a directory to list");
            pending.extend(entries.map(|entry| entry.expect("an entry").path()));
            String::new()
        } else if metadata.is_symlink() {
            format!("-> {:?}", fs::read_link(&path).expect("a link to read"))
        } else if metadata.is_file() {
            let content = fs::read(&path).expect("a file to read");
            // A sum is long enough to distinguish contents and short enough to print.
            let sum = content.iter().fold(0_u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            format!("{} bytes, sum {sum:x}", content.len())
        } else {
            String::new()
        };
        let line = format!(
            "{:o} {}:{} links {} device {device:x} time {}.{:09} {:?} {content}",
            metadata.mode(),
            metadata.uid(),
            metadata.gid(),
            // A directory's link count follows from its subdirectories, and some file systems don't
            // count it.
            if metadata.is_dir() { 0 } else { metadata.nlink() },
            metadata.mtime(),
            metadata.mtime_nsec(),
            attributes(&path),
        );
        found.insert(relative, line);
    }
    found
}

fn attributes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut names = vec![0; 4096];
    let len = llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty());
    let with_value = |name: &[u8]| {
        let mut value = vec![0; 4096];
        let len = lgetxattr(path, name, &mut value[..]).expect("an attribute that was listed");
        value.truncate(len);
        (String::from_utf8_lossy(name).into_owned(), value)
    };
    // The host sets SELinux labels.
    names.filter(|name| !name.starts_with(b"security.selinux")).map(with_value).collect()
}

/// Fails with the first differences between two trees.
pub(crate) fn assert_same(one: &BTreeMap<PathBuf, String>, other: &BTreeMap<PathBuf, String>) {
    let paths: std::collections::BTreeSet<&PathBuf> = one.keys().chain(other.keys()).collect();
    let different: Vec<String> = paths
        .into_iter()
        .filter(|path| one.get(*path) != other.get(*path))
        .map(|path| {
            let name = String::from_utf8_lossy(path.as_os_str().as_bytes());
            format!("{name}\n  {:?}\n  {:?}", one.get(path), other.get(path))
        })
        .take(10)
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}
