//! Extended attributes of a file: its record, and the attributes that the guest sees, under the
//! guest's names.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;

use newroot_fakeroot::Record;
use newroot_fakeroot::record::{ATTRIBUTE, MESSAGE_MAX, NAME_MAX, is_hidden, shown_name, stored_name};
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// Size in bytes of the largest value and of the longest list (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const MOST: usize = 65536;

/// Values of attributes by name, sorted by name.
pub type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// The extended attributes of one file.
#[derive(Debug, Default)]
pub struct Borne {
    /// The file's record, if it has one.
    pub record: Option<Record>,
    /// The attributes that the guest sees.
    pub shown: Attributes,
    /// Whether the file system keeps `user.*` attributes on this file.
    pub supported: bool,
}

/// Reads all attributes of a file that is open for reading.
///
/// # Errors
/// The errnos of flistxattr(2) and fgetxattr(2), except EOPNOTSUPP: a file system without
/// attributes gives none.
pub fn read(file: impl AsFd) -> io::Result<Borne> {
    let mut borne = Borne { supported: true, ..Borne::default() };
    let names = match list(&file) {
        Err(Errno::OPNOTSUPP) => return Ok(Borne::default()),
        other => other?,
    };
    for name in names.split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; MOST];
        match fgetxattr(&file, name, &mut value[..]) {
            Ok(len) => value.truncate(len),
            // Another process removed it since it was listed, or this user may not read it.
            Err(Errno::NODATA | Errno::ACCESS | Errno::PERM | Errno::OPNOTSUPP) => continue,
            Err(error) => return Err(error.into()),
        }
        value.shrink_to_fit();
        if name == ATTRIBUTE {
            // A value that isn't a record belongs to another program.
            borne.record = Record::decode(&value).ok();
        } else if let Some(shown) = shown_name(name) {
            // The value that newroot keeps wins over the host's own attribute of that name.
            borne.shown.insert(shown.to_vec(), value);
        } else if !is_hidden(name) {
            borne.shown.entry(name.to_vec()).or_insert(value);
        }
    }
    // Some file systems list nothing on files that can't have attributes.
    if borne.record.is_none() && borne.shown.is_empty() {
        let asked = fgetxattr(&file, ATTRIBUTE, &mut [0; 0][..]);
        borne.supported = asked != Err(Errno::OPNOTSUPP);
    }
    Ok(borne)
}

fn list(file: &impl AsFd) -> Result<Vec<u8>, Errno> {
    let mut names = vec![0; MOST];
    let len = flistxattr(file, &mut names[..])?;
    names.truncate(len);
    Ok(names)
}

/// Writes the record of an open file.
///
/// # Errors
/// The errnos of fsetxattr(2). With EOPNOTSUPP the record has to go into the
/// [`sidecar`](crate::sidecar).
pub fn write_record(file: impl AsFd, record: &Record) -> io::Result<()> {
    let mut value = [0; MESSAGE_MAX];
    let len = record.encode(&mut value);
    Ok(fsetxattr(file, ATTRIBUTE, &value[..len], XattrFlags::empty())?)
}

/// Sets an attribute of an open file, under the name by which an ordinary user can keep it.
///
/// # Errors
/// The errnos of fsetxattr(2). EPERM for a name that newroot reserves.
pub fn keep(file: impl AsFd, name: &[u8], value: &[u8]) -> io::Result<()> {
    if is_hidden(name) {
        return Err(Errno::PERM.into());
    }
    let mut room = [0; NAME_MAX];
    let stored = stored_name(name, &mut room).map_err(|_| Errno::RANGE)?;
    Ok(fsetxattr(file, stored.unwrap_or(name), value, XattrFlags::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_attributes_are_shown_by_their_own_names() {
        let file = tempfile::tempfile().unwrap();
        let record = Record { uid: Some(7), gid: Some(8), ..Record::NONE };
        match write_record(&file, &record) {
            Err(error) if error.raw_os_error() == Some(Errno::OPNOTSUPP.raw_os_error()) => return,
            other => other.unwrap(),
        }
        keep(&file, b"security.capability", b"value").unwrap();
        keep(&file, b"user.mine", b"").unwrap();
        assert!(keep(&file, ATTRIBUTE, b"x").is_err());
        let borne = read(&file).unwrap();
        assert_eq!(borne.record, Some(record));
        let shown: Vec<_> = borne.shown.iter().map(|(name, value)| (&name[..], &value[..])).collect();
        assert!(shown.contains(&(b"security.capability", b"value")), "{shown:?}");
        assert!(shown.contains(&(b"user.mine", b"")), "{shown:?}");
        assert!(!shown.iter().any(|(name, _)| is_hidden(name)), "{shown:?}");
    }
}
