//! A process's mounts: the lines of `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use crate::Decimal;

/// One line. Its paths are still escaped ([`crate::Escapes::MOUNTS`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountInfo<'a> {
    /// The mount's number.
    pub id: u64,
    /// `major:minor` of its file system.
    pub device: &'a [u8],
    /// Path within the file system of what is mounted.
    pub root: &'a [u8],
    /// Where it is mounted, seen from the process's root.
    pub point: &'a [u8],
    /// The mount's own options, with commas between them.
    pub options: &'a [u8],
    /// Type of the file system.
    pub kind: &'a [u8],
    /// What it is made of, if anything.
    pub source: &'a [u8],
    /// The file system's options.
    pub super_options: &'a [u8],
}

impl<'a> MountInfo<'a> {
    /// Reads a line, whatever optional fields it has.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b' ');
        let id = Decimal::parse(fields.next()?)?;
        // The parent's.
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
    fn a_line_is_read_whatever_optional_fields_it_has() {
        let line =
            b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let line = MountInfo::parse(line).expect("a line");
        assert_eq!((line.id, line.root, line.point), (36, &b"/mnt1"[..], &b"/mnt\\0402"[..]));
        assert_eq!(
            (line.kind, line.source, line.options),
            (&b"ext3"[..], &b"/dev/root"[..], &b"rw,noatime"[..])
        );
        assert_eq!(line.super_options, b"rw,errors=continue");
    }

    #[test]
    fn a_source_may_be_nothing() {
        let line = MountInfo::parse(b"27 1 254:0 / / rw - tmpfs  rw").expect("a line");
        assert_eq!((line.kind, line.source, line.super_options), (&b"tmpfs"[..], &b""[..], &b"rw"[..]));
    }

    #[test]
    fn what_lacks_a_field_is_no_line() {
        for line in
            ["", "1 2 3:4 / /", "1 2 3:4 / / rw", "1 2 3:4 / / rw - ext4 x", "x 2 3:4 / / rw - ext4 x rw"]
        {
            assert_eq!(MountInfo::parse(line.as_bytes()), None, "{line}");
        }
    }
}
