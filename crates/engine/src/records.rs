//! Files whose lines are fields with colons between them: passwd(5), group(5), subuid(5), subgid(5).

use std::fs;
use std::path::Path;

/// A file of a root's. Whoever made the root may have put a FIFO there, at which one would wait forever,
/// or a device that has no end: what isn't a regular file isn't read.
pub(crate) fn read(path: &Path) -> Option<Vec<u8>> {
    fs::metadata(path).is_ok_and(|file| file.is_file()).then(|| fs::read(path).ok()).flatten()
}

/// The lines, each split into its fields. There is at least one field in each; a comment is a line
/// like any other.
pub(crate) fn records(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| line.split(|&byte| byte == b':').collect())
}

/// The first entry of a passwd file whose user has this number, written as the kernel would.
pub(crate) fn user_numbered(passwd: &[u8], uid: u32) -> Option<Vec<&[u8]>> {
    let uid = uid.to_string();
    records(passwd).find(|fields| fields.get(2) == Some(&uid.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_and_empty_ones_left_out() {
        let expected: [Vec<&[u8]>; 3] = [vec![b"a\xff", b"", b"b"], vec![b"#c"], vec![b"", b""]];
        assert_eq!(records(b"\na\xff::b\n\n#c\n:").collect::<Vec<_>>(), expected);
        assert_eq!(records(b"").count(), 0);
    }

    #[test]
    fn user_is_found_by_the_number_as_it_is_written() {
        let passwd = b"short:x\nann:x:0500:1\nbob:x:500:2\neve:x:500:3\n";
        let expected: Vec<&[u8]> = vec![b"bob", b"x", b"500", b"2"];
        assert_eq!(user_numbered(passwd, 500), Some(expected));
        assert_eq!(user_numbered(passwd, 50), None);
    }
}
