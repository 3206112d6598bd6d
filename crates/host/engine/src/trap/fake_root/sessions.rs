//! Session files. One file serves all processes that a user has in one PID namespace and one root,
//! as long as one of them lives.
//!
//! newroot becomes the command, so no process is left to remove the file when the last one ends. A
//! later launch uses it again. If no process lives and much of the file is taken, the launch
//! replaces it. No process lives if no process's limit names the file
//! (`newroot_fakeroot::session`), and if no other launch is under way: every launch holds a shared
//! lock of the file (flock(2)). Files of an earlier boot are removed. The processes of a PID
//! namespace that a launch can't see count as living until the machine is rebooted.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use newroot_fakeroot::session::{
    self, FIRST_SIZE, HEADER_WORDS, Header, MEMORY_SUFFIX, RESERVED, USED, VERSION,
};
use rustix::fs::{CWD, FallocateFlags, RenameFlags, fallocate, renameat_with};
use rustix::io::Errno;

use super::living;
use crate::error::{Error, Result};
use crate::trap::locked_file::{is_there, try_lock};

/// Number of bytes in use from which a launch checks whether any process still uses the file.
const CHECK_FROM: u32 = FIRST_SIZE as u32 / 4;

/// A session file. It isn't removed as long as this lives.
#[derive(Debug)]
pub(super) struct SessionFile {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    /// The open file, with a shared lock.
    pub(super) file: File,
}

/// Opens the file for processes with these ids, and makes it if it is missing.
pub(super) fn provide(store: &Path, real_uid: u32, real_gid: u32) -> Result<SessionFile> {
    let directory = store.join(newroot_records::store::SESSIONS);
    let here = Here::find();
    let path = directory.join(format!("{here}-{real_uid}-{real_gid}-{VERSION}", here = here.name()));
    let header = Header { tag: tag(), real_uid, real_gid, namespace: here.namespace };
    let failed =
        |cause| Error::System { operation: format!("use the session's file '{}'", path.display()), cause };
    loop {
        match join(&path).map_err(failed)? {
            Joined::Yes(file, header) => return Ok(SessionFile { path, header, file }),
            Joined::Again => {}
            Joined::Missing => {
                clean(&directory, &here);
                make(&path, &header).map_err(|cause| Error::System {
                    operation: format!("make the session's file '{}'", path.display()),
                    cause,
                })?;
            }
        }
    }
}

/// Returns a number that distinguishes this file's limits from another file's.
fn tag() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mixed = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9) ^ u64::from(now.subsec_nanos());
    (mixed >> 4) as u16
}

enum Joined {
    Yes(File, Header),
    /// Another launch has removed the file meanwhile.
    Again,
    Missing,
}

fn join(path: &Path) -> io::Result<Joined> {
    let file = match File::options().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Joined::Missing),
        file => file?,
    };
    let (header, words) = read_header(&file)?;
    // Other launches wait while this one holds the file alone. So it only locks the file where it
    // may have to.
    if (header.is_none() || words[USED] > CHECK_FROM)
        && try_lock(&file)?
        && is_there(&file, path)
        && header.is_none_or(|header| !living::is_anybody(&header))
    {
        remove(path);
        return Ok(Joined::Again);
    }
    file.lock_shared()?;
    if !is_there(&file, path) {
        return Ok(Joined::Again);
    }
    let header = header.ok_or_else(|| io::Error::other("it is damaged, and in use"))?;
    Ok(Joined::Yes(file, header))
}

fn read_header(file: &File) -> io::Result<(Option<Header>, [u32; HEADER_WORDS])> {
    let mut words = [0; HEADER_WORDS];
    let mut bytes = [0; HEADER_WORDS * 4];
    if file.metadata()?.len() >= FIRST_SIZE as u64 {
        file.read_exact_at(&mut bytes, 0)?;
    }
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_ne_bytes(*bytes);
    }
    Ok((session::decode_header(&words), words))
}

/// Makes a file that no launch has joined yet, unless one exists by now.
fn make(path: &Path, header: &Header) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let temporary = PathBuf::from(name);
    let done = write(&temporary, header).and_then(|()| {
        match renameat_with(CWD, &temporary, CWD, path, RenameFlags::NOREPLACE) {
            // This file system can't rename without replacing. A hard link doesn't replace either.
            Err(Errno::INVAL | Errno::NOSYS) => match fs::hard_link(&temporary, path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => fs::remove_file(&temporary),
            },
            Err(Errno::EXIST) => fs::remove_file(&temporary),
            other => Ok(other?),
        }
    });
    done.inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

fn write(path: &Path, header: &Header) -> io::Result<()> {
    // A killed process with the same process id left it.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let first: Vec<u8> = session::encode_header(header).iter().flat_map(|word| word.to_ne_bytes()).collect();
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&first)?;
    match reserve(&file, first.len(), FIRST_SIZE) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill(&file, first.len(), FIRST_SIZE),
        other => Ok(other?),
    }
}

/// Makes a file longer, with all blocks allocated. Processes write through mappings, where a full
/// disk would kill them (SIGBUS).
fn reserve(file: &File, from: usize, to: usize) -> rustix::io::Result<()> {
    fallocate(file, FallocateFlags::empty(), from as u64, (to - from) as u64)
}

/// Does the same on a file system without fallocate(2).
fn fill(mut file: &File, from: usize, to: usize) -> io::Result<()> {
    file.seek(SeekFrom::Start(from as u64))?;
    io::copy(&mut io::repeat(0).take((to - from) as u64), &mut file).map(|_| ())
}

impl SessionFile {
    /// Makes the file longer, unless another process has.
    pub(super) fn grow(&self, end: usize) -> io::Result<()> {
        let reserved = || Ok::<_, io::Error>(read_header(&self.file)?.1[RESERVED] as usize);
        let had = reserved()?;
        if had >= end {
            return Ok(());
        }
        match reserve(&self.file, had, end) {
            // Another process may have made it longer and written to it. That part must not be
            // overwritten.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => match try_lock(&self.file)? {
                true => fill(&self.file, reserved()?, end),
                false => Err(Errno::AGAIN.into()),
            },
            other => Ok(other?),
        }
    }

    /// Removes the file if no process uses it, or will.
    pub(super) fn remove_unused(&self) {
        if try_lock(&self.file).unwrap_or(false)
            && is_there(&self.file, &self.path)
            && !living::is_anybody(&self.header)
        {
            remove(&self.path);
        }
    }
}

/// This boot of the machine, and this PID namespace.
struct Here {
    boot: String,
    namespace: u64,
}

impl Here {
    fn find() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |metadata| metadata.ino());
        Self { boot: boot.chars().filter(char::is_ascii_hexdigit).take(8).collect(), namespace }
    }

    fn name(&self) -> String {
        format!("{}-{}", self.boot, self.namespace)
    }
}

/// Removes files that no session needs any more, before a new one is made. Ignores failures.
fn clean(directory: &Path, here: &Here) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let (name, path) = (entry.file_name(), entry.path());
        let name = name.as_bytes();
        let starts_with = |text: String| name.starts_with(text.as_bytes());
        let is_new = name.windows(5).any(|window| window == b".new-");
        let is_left = is_new && starts_with(format!("{}-", here.name())) && !is_maker_there(name);
        if !starts_with(format!("{}-", here.boot)) || is_left {
            let _ =
                if name.ends_with(MEMORY_SUFFIX) { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
    }
}

/// Returns whether the process lives whose id is at the end of a temporary file's name.
fn is_maker_there(name: &[u8]) -> bool {
    let number = name.rsplit(|&byte| byte == b'-').next().unwrap_or_default();
    Path::new("/proc").join(OsStr::from_bytes(number)).exists()
}

/// Removes a session file and the files that belong to it. A later launch removes what this one
/// can't.
fn remove(file: &Path) {
    let _ = fs::remove_dir_all(memory_of(file));
    let _ = fs::remove_file(file);
}

/// Returns the directory of the session's tmpfs mounts.
fn memory_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(OsStr::from_bytes(MEMORY_SUFFIX));
    PathBuf::from(name)
}
