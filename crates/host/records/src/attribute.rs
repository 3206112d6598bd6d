//! Extended attributes: the record of a file, and attributes under the names that the guest knows them by.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;

use newroot_fakeroot::Record;
use newroot_fakeroot::record::{ATTRIBUTE, MESSAGE_MAX, NAME_MAX, is_hidden, shown_name, stored_name};
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// The largest value and the longest list (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const MOST: usize = 65536;

/// Attributes by name, in the order of their names.
pub type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a file's attributes say.
#[derive(Debug, Default)]
pub struct Borne {
    /// The record among them.
    pub record: Option<Record>,
    /// Attributes as the guest sees them.
    pub shown: Attributes,
    /// Whether the file can bear attributes of the user's at all.
    pub supported: bool,
}

/// All attributes of a file opened for reading.
///
/// # Errors
/// Those of flistxattr(2) and fgetxattr(2), but for a file system that has none.
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
            // It was taken away meanwhile, or isn't ours to read.
            Err(Errno::NODATA | Errno::ACCESS | Errno::PERM | Errno::OPNOTSUPP) => continue,
            Err(error) => return Err(error.into()),
        }
        value.shrink_to_fit();
        if name == ATTRIBUTE {
            // What isn't a record was put there by somebody who means something else.
            borne.record = Record::decode(&value).ok();
        } else if let Some(shown) = shown_name(name) {
            // What is kept outdoes what the host itself has of the name.
            borne.shown.insert(shown.to_vec(), value);
        } else if !is_hidden(name) {
            borne.shown.entry(name.to_vec()).or_insert(value);
        }
    }
    // Some file systems list nothing where they can hold nothing.
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
/// fsetxattr(2)'s; EOPNOTSUPP where it has to lie beside.
pub fn write_record(file: impl AsFd, record: &Record) -> io::Result<()> {
    let mut value = [0; MESSAGE_MAX];
    let len = record.encode(&mut value);
    Ok(fsetxattr(file, ATTRIBUTE, &value[..len], XattrFlags::empty())?)
}

/// Sets an attribute of an open file under the name that it is kept by for an ordinary user.
///
/// # Errors
/// fsetxattr(2)'s; EPERM for a name of ours.
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
