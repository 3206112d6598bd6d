//! The files of sessions: one for all that a user's processes in one PID namespace do on one root, for as long as one of
//! them lives.
//!
//! newroot becomes the command, so that nobody is left to remove the file when the last process ends. A later launch uses
//! it again. If nobody lives then, and much of it is taken, it is replaced by a fresh one; nobody lives if the limit of
//! no process names it (`newroot_fakeroot::session`), and no other launch is under way, which all hold a shared lock of
//! the file (flock(2)). Files of another boot are removed; of processes in a PID namespace that it can't see, a launch
//! believes that they live for as long as the machine has been up.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
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

/// How many of a file's bytes may be taken before it is worth the time to see whether anybody lives.
const WORTH_RENEWING: u32 = FIRST_SIZE as u32 / 4;

/// A session's file that is there, and stays at least as long as this does.
#[derive(Debug)]
pub(super) struct SessionFile {
    pub(super) path: PathBuf,
    pub(super) header: Header,
    /// With a shared lock.
    pub(super) file: File,
}

/// Provides the file for processes of these ids.
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

/// A number to tell this file's limits from another's.
fn tag() -> u16 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mixed = u64::from(std::process::id()).wrapping_mul(0x9e37_79b9) ^ u64::from(now.subsec_nanos());
    (mixed >> 4) as u16
}

enum Joined {
    Yes(File, Header),
    /// It has been removed meanwhile.
    Again,
    Missing,
}

fn join(path: &Path) -> io::Result<Joined> {
    let file = match File::options().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Joined::Missing),
        file => file?,
    };
    let (header, words) = read_header(&file)?;
    // Others wait for a launch that has the file alone. So it is asked for only where it may be needed.
    if (header.is_none() || words[USED] > WORTH_RENEWING)
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

/// Locks a file for this launch alone, if no other launch is under way.
fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn is_there(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let [open, named] = [file.metadata(), fs::symlink_metadata(path)].map(|found| found.map(identity).ok());
    open.is_some() && open == named
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

/// Makes a file that nobody has joined yet, unless there is one by now.
fn make(path: &Path, header: &Header) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let temporary = PathBuf::from(name);
    let done = write(&temporary, header).and_then(|()| {
        match renameat_with(CWD, &temporary, CWD, path, RenameFlags::NOREPLACE) {
            // A file system that can't: then others are held off by the name of the lock that a hard link is.
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
    // One of the same name is of a process that had our number, and is no more.
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

/// Makes a file longer, all of it on the disk: processes write through their mappings, where a full disk would be the
/// end of them.
fn reserve(file: &File, from: usize, to: usize) -> rustix::io::Result<()> {
    fallocate(file, FallocateFlags::empty(), from as u64, (to - from) as u64)
}

/// The same for a file system that can't promise room.
fn fill(mut file: &File, from: usize, to: usize) -> io::Result<()> {
    file.seek(SeekFrom::Start(from as u64))?;
    io::copy(&mut io::repeat(0).take((to - from) as u64), &mut file).map(|_| ())
}

impl SessionFile {
    /// Makes the file longer, unless somebody else has.
    pub(super) fn grow(&self, end: usize) -> io::Result<()> {
        let reserved = || Ok::<_, io::Error>(read_header(&self.file)?.1[RESERVED] as usize);
        let had = reserved()?;
        if had >= end {
            return Ok(());
        }
        match reserve(&self.file, had, end) {
            // What another has made longer, and written to, isn't to be filled again.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => match try_lock(&self.file)? {
                true => fill(&self.file, reserved()?, end),
                false => Err(Errno::AGAIN.into()),
            },
            other => Ok(other?),
        }
    }

    /// Removes the file if nobody uses it, nor will.
    pub(super) fn remove_unused(&self) {
        if try_lock(&self.file).unwrap_or(false)
            && is_there(&self.file, &self.path)
            && !living::is_anybody(&self.header)
        {
            remove(&self.path);
        }
    }
}

/// This boot of the machine and this PID namespace.
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

/// Removes what no session needs any more, when a file is to be made. That it fails is no reason not to make one.
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

/// Whether the process is there whose number a temporary file's name ends with.
fn is_maker_there(name: &[u8]) -> bool {
    let number = name.rsplit(|&byte| byte == b'-').next().unwrap_or_default();
    Path::new("/proc").join(OsStr::from_bytes(number)).exists()
}

/// Removes a session's file with what belongs to it. What can't be removed stays for a later launch.
fn remove(file: &Path) {
    let _ = fs::remove_dir_all(memory_of(file));
    let _ = fs::remove_file(file);
}

/// The directory with what a session's guest took for file systems in memory.
fn memory_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(OsStr::from_bytes(MEMORY_SUFFIX));
    PathBuf::from(name)
}
