//! Paths of the store in which fake root records files, and of the stores of the roots around this
//! one.
//!
//! A root may lie in the tree of another root, whose sessions record its files in the outer root's
//! store. The launcher has put links to the outer stores into `near`, the outermost one at `0`.

use core::sync::atomic::{AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;

use crate::kernel::{self, AT_FDCWD, Path};
use crate::session::session;

/// Buffer for a host path in the store.
pub(crate) type StorePath = Buffer<Host, { newroot_abi::PATH_MAX }>;

/// Number of outer stores.
static OUTER: AtomicUsize = AtomicUsize::new(0);

/// Counts the outer stores. It is called once, when a program starts.
pub(crate) fn start() {
    const MOST: usize = 64;
    let mut path = StorePath::new();
    let is_there = |index: &usize| {
        in_store(b"/near/", Decimal::new(*index as u64).bytes(), &mut path).is_ok()
            && kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut [0u8; 1]).is_ok()
    };
    OUTER.store((0..MOST).take_while(is_there).count(), Ordering::Relaxed);
}

/// Returns the stores, the outermost first and the root's own last.
pub(crate) fn stores() -> impl DoubleEndedIterator<Item = Store> {
    let outer = OUTER.load(Ordering::Relaxed);
    (0..=outer).map(move |index| Store(if index < outer { Some(index) } else { None }))
}

/// The root's own store, or an outer one by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store(Option<usize>);

impl Store {
    /// The root's own store.
    pub(crate) const OWN: Self = Self(None);

    /// Returns whether the store belongs to an outer root.
    pub(crate) fn is_outer(self) -> bool {
        self.0.is_some()
    }

    /// Writes the host path of the store's directory of records.
    ///
    /// # Errors
    /// ENAMETOOLONG.
    pub(crate) fn directory(self, out: &mut StorePath) -> Result<(), Errno> {
        match self.0 {
            None => in_store(b"/owners", b"", out),
            Some(index) => {
                in_store(b"/near/", Decimal::new(index as u64).bytes(), out)?;
                out.extend(b"/owners")
            }
        }
    }

    /// Writes the host path of the record of an inode.
    ///
    /// # Errors
    /// ENAMETOOLONG.
    pub(crate) fn record(self, inode: u64, out: &mut StorePath) -> Result<(), Errno> {
        self.directory(out)?;
        out.extend(b"/")?;
        out.extend(Decimal::new(inode).bytes())
    }
}

/// Returns the host path of the store. The session file lies in its directory `sessions`.
fn store() -> &'static [u8] {
    let parent = |path: &'static [u8]| {
        let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        path.get(..slash).unwrap_or(&[])
    };
    parent(parent(session().file().bytes()))
}

/// Writes the host path of a file in the store.
///
/// # Errors
/// ENAMETOOLONG.
pub(crate) fn in_store(directory: &[u8], name: &[u8], out: &mut StorePath) -> Result<(), Errno> {
    out.assign(store())?;
    out.extend(directory)?;
    out.extend(name)
}

/// Writes the host path of the link whose text is the path of a stand-in; see `resolve::stand_in`.
///
/// # Errors
/// ENAMETOOLONG.
pub(crate) fn path_of_name(inode: u64, out: &mut StorePath) -> Result<(), Errno> {
    in_store(b"/owners/", b"at-", out)?;
    out.extend(Decimal::new(inode).bytes())
}
