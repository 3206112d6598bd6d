//! A process's mounts: the lines of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use crate::Decimal;

/// A line. Its paths are still escaped ([`crate::Escapes::MOUNTS`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountInfo<'a> {
    /// Number of the mount.
    pub id: u64,
    /// `major:minor` of its file system.
    pub device: &'a [u8],
    /// Path, within the file system, of the directory or file that is mounted.
    pub root: &'a [u8],
    /// Mount point, as seen from the process's root.
    pub point: &'a [u8],
    /// The mount's own options, separated by commas.
    pub options: &'a [u8],
    /// Type of the file system.
    pub kind: &'a [u8],
    /// Source of the file system, such as a device; may be empty.
    pub source: &'a [u8],
    /// Options of the file system.
    pub super_options: &'a [u8],
}

impl<'a> MountInfo<'a> {
    /// Reads a line with any number of optional fields. Returns `None` if a required field is
    /// missing.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let id = Decimal::parse(fields.next()?)?;
        // The number of the parent mount.
        fields.next()?;
        let [device, root, point, options] = [fields.next()?, fields.next()?, fields.next()?, fields.next()?];
        fields.by_ref().find(|field| *field == b"-")?;
        let [kind, source, super_options] = [fields.next()?, fields.next()?, fields.next()?];
        Some(Self { id, device, root, point, options, kind, source, super_options })
    }
}

#[cfg(test)]
mod tests {
    use super::MountInfo;

    #[test]
    fn optional_fields_are_skipped() {
        let line =
            b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let line = MountInfo::parse(line).expect("a complete line");
        assert_eq!((line.id, line.root, line.point), (36, &b"/mnt1"[..], &b"/mnt\\0402"[..]));
        assert_eq!(
            (line.kind, line.source, line.options),
            (&b"ext3"[..], &b"/dev/root"[..], &b"rw,noatime"[..])
        );
        assert_eq!(line.super_options, b"rw,errors=continue");
    }

    #[test]
    fn a_source_may_be_empty() {
        let line = MountInfo::parse(b"27 1 254:0 / / rw - tmpfs  rw").expect("a complete line");
        assert_eq!((line.kind, line.source, line.super_options), (&b"tmpfs"[..], &b""[..], &b"rw"[..]));
    }

    #[test]
    fn a_line_that_lacks_a_field_is_rejected() {
        for line in
            ["", "1 2 3:4 / /", "1 2 3:4 / / rw", "1 2 3:4 / / rw - ext4 x", "x 2 3:4 / / rw - ext4 x rw"]
        {
            assert_eq!(MountInfo::parse(line.as_bytes()), None, "{line}");
        }
    }
}
