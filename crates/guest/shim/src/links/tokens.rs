//! The tokens of a file: one for each of its names.

use newroot_abi::links::{Id, NAMES, token_of};
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::lock::Lock;
use super::tally::{self, Tally};
use super::{StorePath, in_store, removed, root, unless_short, unlikely_number, unlinked};
use crate::host::{self, AT_FDCWD, Descriptor, Listing, Path};
use crate::resolve;

/// Where a name is, below the root; longer ones aren't noted.
pub(super) type Place = Buffer<Host, PATH_MAX>;

/// Writes where a name in a directory is; nothing where that can't be said.
pub(super) fn place_of(directory: i32, name: &[u8], out: &mut Place) {
    let mut host = HostBuf::new();
    // Where no descriptor was to be had, the name is the whole path.
    let whole = match name.first() {
        Some(b'/') => host.assign(name),
        _ => resolve::host_path(directory, &mut host)
            .and_then(|()| host.extend(b"/"))
            .and_then(|()| host.extend(name)),
    };
    let place = whole.ok().and_then(|()| host.bytes().strip_prefix(root()));
    if out.assign(place.unwrap_or(&[])).is_err() {
        out.clear();
    }
}

/// What a token says of a name whose place isn't known.
const SOMEWHERE: &[u8] = b"?";

/// Adds a token for a name that is about to be made. It comes first: what is interrupted leaves a token too many,
/// never one too few.
///
/// # Errors
/// ENOENT if the file has lost its last name; symlink(2)'s.
pub(super) fn add(id: Id, place: &mut Place, token: &mut StorePath) -> Result<(), Errno> {
    const TRIES: u64 = 64;
    if place.is_empty() {
        place.assign(SOMEWHERE)?;
    }
    for salt in 0..TRIES {
        let number = if salt == 0 { token_of(place.bytes()) } else { unlikely_number(salt ^ id.0) };
        in_store(id, NAMES, token)?;
        token.extend(b"/")?;
        token.extend(Decimal::new(number).bytes())?;
        match host::symlinkat(Path::new(place.with_nul()), AT_FDCWD, Path::new(token.with_nul())) {
            Err(Errno::EXIST) => {}
            other => return other,
        }
    }
    Err(Errno::EXIST)
}

/// The tokens of a file, one after the other.
pub(super) struct Tokens {
    directory: Descriptor,
    listing: Listing<1024>,
    failed: Option<Errno>,
}

impl Tokens {
    /// Opens the directory.
    ///
    /// # Errors
    /// ENOENT if the file has lost its last name; EMFILE.
    pub(super) fn of(id: Id) -> Result<Self, Errno> {
        let mut path = StorePath::new();
        in_store(id, NAMES, &mut path)?;
        let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_CLOEXEC;
        let directory = host::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)?;
        Ok(Self { directory, listing: Listing::new(), failed: None })
    }

    /// The next one's name, with its NUL. Where the list can't be read on, `failed` says why.
    pub(super) fn next(&mut self) -> Option<&[u8]> {
        match self.listing.next(self.directory.number()) {
            Ok(entry) => entry.map(|(_, name)| name),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    /// Whether a token tells of this place.
    fn tells_of(directory: i32, token: &[u8], place: &[u8]) -> bool {
        let mut text = Place::new();
        let said = host::readlinkat(directory, Path::new(token), text.space());
        said.is_ok_and(|len| {
            text.set_len(len);
            text.bytes() == place
        })
    }

    /// The first token that tells of a place: the one that is called after it, or any.
    fn find(&mut self, place: &[u8], out: &mut Buffer<Host, 64>) -> bool {
        let directory = self.directory.number();
        let called = out.assign(Decimal::new(token_of(place)).bytes());
        if called.is_ok() && Self::tells_of(directory, out.with_nul(), place) {
            return true;
        }
        out.clear();
        while let Some(token) = self.next() {
            if Self::tells_of(directory, token, place) {
                return out.assign(token.strip_suffix(b"\0").unwrap_or(token)).is_ok();
            }
        }
        false
    }
}

/// How many names a file has; 0 if it has lost its last.
///
/// # Errors
/// EMFILE.
pub(super) fn count(id: Id) -> Result<u32, Errno> {
    match tally::noted(id) {
        Ok(Some(count)) => Ok(count),
        _ => listed(id),
    }
}

/// The same by listing them.
///
/// # Errors
/// EMFILE.
pub(super) fn listed(id: Id) -> Result<u32, Errno> {
    let mut tokens = match Tokens::of(id) {
        Err(Errno::NOENT) => return Ok(0),
        tokens => tokens?,
    };
    let mut count = 0;
    while tokens.next().is_some() {
        count += 1;
    }
    tokens.failed.map_or(Ok(count), Err)
}

/// A token that goes with a name: found before the name is taken away, so that nothing can be missing then.
pub(super) struct Departure {
    id: Id,
    tokens: Tokens,
    token: Buffer<Host, 64>,
    tally: Tally,
}

impl Departure {
    /// Finds the token that tells of a name's place, or any if there is none. `None` where there are no tokens.
    ///
    /// # Errors
    /// What has run out.
    pub(super) fn prepare(lock: &Lock, id: Id, place: &[u8]) -> Result<Option<Self>, Errno> {
        let Some(mut tokens) = unless_short(Tokens::of(id))? else { return Ok(None) };
        let mut token = Buffer::<Host, 64>::new();
        if place.is_empty() || !tokens.find(place, &mut token) {
            tokens.listing.rewind(tokens.directory.number())?;
            match tokens.next() {
                Some(any) => token.assign(any.strip_suffix(b"\0").unwrap_or(any))?,
                None => token.clear(),
            }
        }
        let tally = Tally::begin(lock, id);
        tokens.failed.map_or(Ok(Some(Self { id, tokens, token, tally })), Err)
    }

    /// Takes the token away, now that the name is gone. With the last of them the file goes.
    pub(super) fn complete(mut self) {
        let directory = self.tokens.directory.number();
        let mut is_gone = host::unlinkat(directory, Path::new(self.token.with_nul()), 0).is_ok();
        if !is_gone {
            // Another name's remover was faster.
            let _ = self.tokens.listing.rewind(directory);
            while !is_gone && let Some(token) = self.tokens.next() {
                is_gone = host::unlinkat(directory, Path::new(token), 0).is_ok();
            }
        }
        let Self { id, tokens, tally, .. } = self;
        drop(tokens);
        let mut path = StorePath::new();
        // It goes only if it is empty.
        if in_store(id, NAMES, &mut path).and_then(|()| removed(&mut path)).is_ok() {
            forget(id);
        } else if is_gone {
            tally.note(-1);
        }
    }
}

/// Removes a file that nothing names any more, with its directory.
pub(super) fn forget(id: Id) {
    let mut path = StorePath::new();
    if in_store(id, newroot_abi::links::FILE, &mut path).is_ok() {
        let _ = unlinked(&mut path);
    }
    if in_store(id, NAMES, &mut path).is_ok() {
        let _ = removed(&mut path);
    }
    if in_store(id, b"", &mut path).is_ok() {
        let _ = removed(&mut path);
    }
}

/// Removes what was begun for a file that wasn't taken in after all. If it was, and couldn't be put back, it stays.
pub(super) fn abandon(id: Id) {
    let mut path = StorePath::new();
    let kept = in_store(id, newroot_abi::links::FILE, &mut path);
    let kept =
        kept.and_then(|()| host::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW));
    let begun = match kept {
        // The link that was to change places with the file.
        Ok(_) => super::of_name(AT_FDCWD, Path::new(path.with_nul())) == Ok(Some(id)),
        Err(error) => error == Errno::NOENT,
    };
    if !begun {
        return;
    }
    if let Ok(mut tokens) = Tokens::of(id) {
        let directory = tokens.directory.number();
        while let Some(token) = tokens.next() {
            let _ = host::unlinkat(directory, Path::new(token), 0);
        }
    }
    forget(id);
}

/// Has the token that tells of one place tell of another. It is no loss if it doesn't.
pub(super) fn moved(lock: &Lock, id: Id, from: &[u8], to: &mut Place) {
    let (mut found, mut token) = (Buffer::<Host, 64>::new(), StorePath::new());
    let known = Tokens::of(id).is_ok_and(|mut tokens| tokens.find(from, &mut found));
    let tally = Tally::begin(lock, id);
    // The new one first: there is never one too few.
    if known && add(id, to, &mut token).is_ok() {
        let mut old = StorePath::new();
        let removed = in_store(id, NAMES, &mut old)
            .and_then(|()| old.extend(b"/"))
            .and_then(|()| old.extend(found.bytes()))
            .and_then(|()| unlinked(&mut old));
        tally.note(if removed.is_ok() { 0 } else { 1 });
    }
}

/// Writes the host path of one of the file's names; false if no token leads to one.
pub(super) fn any_name(id: Id, out: &mut StorePath) -> bool {
    let Ok(mut tokens) = Tokens::of(id) else { return false };
    let directory = tokens.directory.number();
    let mut place = Place::new();
    while let Some(token) = tokens.next() {
        let Ok(len) = host::readlinkat(directory, Path::new(token), place.space()) else { continue };
        place.set_len(len);
        let written = place.bytes().first() == Some(&b'/')
            && out.assign(root()).and_then(|()| out.extend(place.bytes())).is_ok();
        if written && super::of_name(AT_FDCWD, Path::new(out.with_nul())) == Ok(Some(id)) {
            return true;
        }
    }
    false
}
