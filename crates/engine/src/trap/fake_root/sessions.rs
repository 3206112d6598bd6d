//! The files of sessions: made by the launcher, and removed by a later one.
//!
//! Nobody is left to remove a session's file when its last process ends, for newroot becomes the command (if it
//! doesn't, `Prepared` removes it). So each launch removes those that no process has mapped any more; of processes it can't see (another
//! PID namespace's) it believes that they live for as long as the machine has been up.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use newroot_owner::session::{self, Header, Identity, MEMORY_SUFFIX, RECORDS, SIZE};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use crate::error::{Error, Result};

/// How many files may lie there before it is worth the time to look who still needs them.
const WORTH_CLEANING: usize = 8;

/// A number to tell this session's limits from another's.
pub(super) fn tag() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mixed = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9) ^ u64::from(now.subsec_nanos());
    (mixed >> 4) as u16
}

/// Makes the file of a session, with its first identity.
pub(super) fn create(store: &Path, header: &Header, identity: &Identity<'_>) -> Result<PathBuf> {
    let directory = store.join(newroot_records::store::SESSIONS);
    clean(&directory);
    let path = directory.join(format!("{}-{}-{:04x}", place(), std::process::id(), header.tag));
    write(&path, header, identity).map_err(|cause| Error::System {
        operation: format!("make the session's file '{}'", path.display()),
        cause,
    })?;
    Ok(path)
}

fn write(path: &Path, header: &Header, identity: &Identity<'_>) -> io::Result<()> {
    // One of the same name is of a process that had our number, and is no more.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let record = session::encode_record(identity);
    let words = record.iter().chain(identity.groups);
    let record: Vec<u8> = words.flat_map(|word| word.to_ne_bytes()).collect();
    let used = RECORDS + session::room(identity.groups.len()) * size_of::<u32>();
    let mut first: Vec<u8> = session::encode_header(header, u32::try_from(used).unwrap_or(u32::MAX))
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect();
    first.resize(RECORDS, 0);
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let written =
        file.write_all(&first).and_then(|()| file.write_all(&record)).and_then(|()| reserve(&mut file));
    written.inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Makes the file as long as it is to be, all of it on the disk: processes write through their mappings, where a
/// full disk would be the end of them.
fn reserve(file: &mut File) -> io::Result<()> {
    let size = SIZE as u64;
    match fallocate(&*file, FallocateFlags::empty(), 0, size) {
        Ok(()) => Ok(()),
        // A file system that doesn't know how.
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let rest = size - file.stream_position()?;
            io::copy(&mut io::repeat(0).take(rest), file).map(|_| ())
        }
        Err(error) => Err(error.into()),
    }
}

/// This boot of the machine and this PID namespace.
fn place() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let boot: String = boot.chars().filter(char::is_ascii_hexdigit).take(8).collect();
    let namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino());
    format!("{boot}-{namespace}")
}

/// Removes what no session needs any more. That it fails is no reason not to start one.
fn clean(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let is_file = |path: &PathBuf| !path.as_os_str().as_bytes().ends_with(MEMORY_SUFFIX);
    let files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_file).collect();
    if files.len() < WORTH_CLEANING {
        return;
    }
    let place = place();
    let boot = place.split('-').next().unwrap_or_default().to_owned();
    let starts_with = |file: &Path, text: &str| {
        file.file_name().is_some_and(|name| name.as_bytes().starts_with(text.as_bytes()))
    };
    let needed = mapped_files();
    for file in files {
        let seen = starts_with(&file, &place);
        let of_this_boot = starts_with(&file, &format!("{boot}-"));
        let mapped = needed.as_ref().is_none_or(|needed| {
            let name = file.file_name().map(OsStrExt::as_bytes).unwrap_or_default();
            needed.windows(name.len()).any(|window| window == name)
        });
        if !of_this_boot || (seen && !mapped && is_settled(&file)) {
            remove(&file);
        }
    }
}

/// Removes a session's file with what belongs to it. What can't be removed stays for a later launch.
pub(super) fn remove(file: &Path) {
    let _ = fs::remove_dir_all(memory_of(file));
    let _ = fs::remove_file(file);
}

/// The directory with what a session's guest took for file systems in memory.
fn memory_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(OsStr::from_bytes(MEMORY_SUFFIX));
    PathBuf::from(name)
}

/// Whether the file has been there long enough for its first program to have mapped it.
fn is_settled(file: &Path) -> bool {
    const SECONDS: u64 = 60;
    fs::metadata(file)
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|time| time.elapsed().is_ok_and(|age| age.as_secs() > SECONDS))
}

/// The maps of all the user's processes; `None` if they can't be told.
fn mapped_files() -> Option<Vec<u8>> {
    let own = rustix::process::geteuid().as_raw();
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let is_process = entry.file_name().as_bytes().iter().all(u8::is_ascii_digit);
        if is_process && entry.metadata().is_ok_and(|metadata| metadata.uid() == own) {
            match fs::read(entry.path().join("maps")) {
                Ok(maps) => all.extend(maps),
                // It ended meanwhile, or keeps its secrets.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ESRCH | libc::ENOENT)) => {}
                Err(_) => return None,
            }
        }
    }
    Some(all)
}
