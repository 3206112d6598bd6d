//! Files with the user's passwd and group entries, which the trap engine binds.
//!
//! A binding needs a file with a name. newroot becomes the command, so no process is left to remove
//! the file. So every launch of the user with the same text on the same root uses the same file:
//! its name has a hash of the text. A launch with another text makes another file, and doesn't
//! change what running sessions see. Each launch sets the file's time of modification. A later
//! launch that makes a file removes those that no launch has used for [`UNUSED_AGE`]: it can't know
//! whether a root still exists, because another mount namespace or root has other paths.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use newroot_abi::hash;

use crate::accounts::GuestUser;
use crate::guest::{Guest, Source, shown};
use crate::places;
use crate::real_path::real_path;

/// Name of these files' directory in one of the user's directories.
const DIRECTORY: &str = "accounts";
/// Part of the name of an incomplete file.
const NEW: &str = ".new-";
/// Mode of the files. Nobody may write to them, not even the user: the changes would be lost.
const MODE: u32 = 0o444;
/// Age from which an incomplete file counts as a leftover of a launch that was killed. A launch
/// writes one in a fraction of a second.
const INCOMPLETE_AGE: Duration = Duration::from_secs(3600);
/// Time after the last launch with a file from which on it is removed.
const UNUSED_AGE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Provides the files for the mounts that have only a text yet. If no directory can be written to,
/// the mounts are left out.
pub(super) fn provide(guest: &mut Guest, who: &GuestUser) {
    let is_text = |source: &Source| matches!(source, Source::Text { .. });
    let wanted: Vec<(Vec<u8>, &str, Vec<u8>)> = guest
        .mounts()
        .iter()
        .filter_map(|mount| match &mount.source {
            Source::Text { name, text } => Some((mount.guest.clone(), *name, text.clone())),
            _ => None,
        })
        .collect();
    if wanted.is_empty() {
        return;
    }
    let files: Vec<(&str, &[u8])> = wanted.iter().map(|(_, name, text)| (*name, &text[..])).collect();
    let paths = key(&shown(guest.root()), who).and_then(|key| keep_somewhere(guest, &key, &files));
    let Ok(paths) = paths else {
        let left_out: Vec<Vec<u8>> = wanted.into_iter().map(|(guest, ..)| guest).collect();
        return guest.remove(&left_out);
    };
    for mount in guest.mounts_mut().iter_mut().filter(|mount| is_text(&mount.source)) {
        let index = wanted.iter().position(|(guest, ..)| *guest == mount.guest);
        let Some(path) = index.and_then(|index| paths.get(index)) else { continue };
        mount.host = path.as_os_str().as_bytes().to_vec();
        mount.source = Source::Host;
    }
}

/// Returns the name of the files of a root and a user: it identifies the machine, the root and the
/// user.
fn key(root: &Path, who: &GuestUser) -> io::Result<String> {
    let metadata = fs::metadata(root)?;
    let (device, inode) = (metadata.dev(), metadata.ino());
    Ok(format!("{}-{device:x}-{inode:x}-{}-{}", machine(), who.uid, who.gid))
}

/// Returns the machine's name, with `_` for each character that doesn't belong in a file's name.
fn machine() -> String {
    let names = rustix::system::uname();
    let name = names.nodename().to_string_lossy();
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '_' };
    name.chars().map(plain).take(64).collect()
}

/// Keeps the files in the best directory that can be written to. Directories that the guest doesn't
/// see come first: a file that is visible at two guest paths makes some of the guest's calls
/// slower.
fn keep_somewhere(guest: &Guest, key: &str, files: &[(&str, &[u8])]) -> io::Result<Vec<PathBuf>> {
    let is_seen = |place: &PathBuf| {
        // Most of these directories don't exist yet. The nearest existing directory above decides.
        let there = place.ancestors().find_map(|above| Some((above, real_path(above).ok()?)));
        there.is_none_or(|(_, real)| !guest.guest_paths_of(real.as_os_str().as_bytes()).is_empty())
    };
    let (seen, unseen): (Vec<PathBuf>, Vec<PathBuf>) = places::candidates().into_iter().partition(is_seen);
    let mut failure = io::Error::from_raw_os_error(libc::EACCES);
    for place in unseen.iter().chain(&seen) {
        match keep(place, key, files) {
            Ok(paths) => return Ok(paths),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn keep(place: &Path, key: &str, files: &[(&str, &[u8])]) -> io::Result<Vec<PathBuf>> {
    places::claim(place)?;
    let directory = place.join(DIRECTORY);
    places::claim(&directory)?;
    let directory = real_path(&directory)?;
    files
        .iter()
        .map(|(name, text)| {
            let path = directory.join(format!("{key}-{:016x}.{name}", hash(text)));
            if is_same(&path, text) && touch(&path).is_ok() {
                return Ok(path);
            }
            clean(&directory);
            let new = new_name(&path);
            let mut file = File::options().write(true).create_new(true).mode(MODE).open(&new)?;
            // The mode must not depend on the umask.
            let written =
                file.set_permissions(fs::Permissions::from_mode(MODE)).and_then(|()| file.write_all(text));
            written.inspect_err(|_| drop(fs::remove_file(&new)))?;
            fs::rename(&new, &path).inspect_err(|_| drop(fs::remove_file(&new)))?;
            Ok(path)
        })
        .collect()
}

/// Sets a file's time of modification to now, as the time of its last use.
fn touch(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(SystemTime::now())
}

/// Returns a name that no other launch takes.
fn new_name(path: &Path) -> PathBuf {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut name = path.as_os_str().to_owned();
    name.push(format!("{NEW}{}-{}", std::process::id(), now.as_nanos()));
    PathBuf::from(name)
}

fn is_same(path: &Path, text: &[u8]) -> bool {
    let is_ours = |metadata: fs::Metadata| {
        metadata.is_file() && metadata.mode() & 0o7777 == MODE && metadata.len() == text.len() as u64
    };
    fs::symlink_metadata(path).is_ok_and(is_ours) && fs::read(path).is_ok_and(|known| known == text)
}

/// Removes files that no launch has used for a long time. Failures are ignored, since new files can
/// still be made.
fn clean(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let modified = fs::symlink_metadata(entry.path()).and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok()).unwrap_or_default();
        let limit = if entry.file_name().as_bytes().windows(NEW.len()).any(|part| part == NEW.as_bytes()) {
            INCOMPLETE_AGE
        } else {
            UNUSED_AGE
        };
        if age > limit {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_used_again_and_removed_when_unused() {
        let top = tempfile::tempdir().expect("a directory");
        let place = top.path().join("place");
        let who = GuestUser { uid: 500, gid: 501, groups: Vec::new(), is_caller: true, named: None };
        let key = key(top.path(), &who).expect("the root exists");
        let keep_in =
            |text: &str| keep(&place, &key, &[("passwd", text.as_bytes())]).expect("files")[0].clone();
        let inode = |path: &Path| fs::metadata(path).expect("the file exists").ino();
        let path = keep_in("a");
        let before = inode(&path);
        assert_eq!((keep_in("a"), inode(&path)), (path.clone(), before));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
        fs::write(&path, "b").expect("the guest's text");
        assert_eq!(keep_in("a"), path);
        assert_eq!(fs::read(&path).expect("a file"), b"a");
        assert_eq!(fs::metadata(&path).expect("a file").mode() & 0o777, MODE);
        // Another text leaves the file of a running session alone.
        let other = keep_in("c");
        assert_eq!(
            (fs::read(&path).expect("a file"), fs::read(&other).expect("a file")),
            (b"a".into(), b"c".into())
        );
        let old = SystemTime::now() - UNUSED_AGE - Duration::from_secs(60);
        for path in [&path, &other] {
            File::open(path).expect("a file").set_modified(old).expect("a time");
        }
        assert_eq!(keep_in("c"), other, "a use makes it young again");
        let third = keep_in("d");
        assert!(!path.exists() && other.exists() && third.exists());
    }

    #[test]
    fn place_that_others_can_write_to_is_not_used() {
        let top = tempfile::tempdir().expect("a directory");
        let place = top.path().join("place");
        fs::create_dir(&place).expect("a directory");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).expect("a mode");
        assert!(keep(&place, "key", &[]).is_err());
        fs::remove_dir(&place).expect("the directory can be removed");
        std::os::unix::fs::symlink(top.path(), &place).expect("a link");
        assert!(keep(&place, "key", &[]).is_err());
    }
}
