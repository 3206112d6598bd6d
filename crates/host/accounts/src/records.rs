//! Files with one entry a line and colons between the fields: passwd(5), group(5), subuid(5) and
//! subgid(5).

/// Returns the entries, each split into its fields. An entry has at least one field.
///
/// The rules are those of glibc's `files` service (nsswitch.conf(5)): blanks at the start of a line
/// are skipped, a comment is no entry, and neither is a line that begins with `+` or `-`, which is
/// for NIS.
pub fn records(file: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    file.split(|&byte| byte == b'\n')
        .map(<[u8]>::trim_ascii_start)
        .filter(|line| is_entry(line))
        .map(|line| line.split(|&byte| byte == b':').collect())
}

/// Returns whether a line (or a line that begins with this name) is an entry. Blanks in front are
/// cut off already.
#[must_use]
pub fn is_entry(line: &[u8]) -> bool {
    !matches!(line, [] | [b'#' | b'+' | b'-', ..])
}

/// Returns the first entry of a passwd file with this user number. A line without a group number is
/// no entry.
#[must_use]
pub fn user_numbered(passwd: &[u8], uid: u32) -> Option<Vec<&[u8]>> {
    records(passwd).find(|fields| match fields[..] {
        [_, _, user, group, ..] => number(user) == Some(uid) && number(group).is_some(),
        _ => false,
    })
}

/// Returns a user's first range in a subuid(5) file: first number and count. The file names the
/// user by name or by number.
#[must_use]
pub fn subordinate(text: &[u8], name: Option<&[u8]>, uid: u32) -> Option<(u32, u32)> {
    records(text).find_map(|fields| {
        let [owner, first, count] = fields[..] else { return None };
        let is_users = Some(owner) == name || decimal(owner) == Some(uid);
        is_users.then_some((decimal(first)?, decimal(count)?))
    })
}

/// Parses a user or group number. The highest one is no number: it means "none" to the kernel
/// (credentials(7)).
#[must_use]
pub fn number(text: &[u8]) -> Option<u32> {
    decimal(text).filter(|&number| number != u32::MAX)
}

fn decimal(text: &[u8]) -> Option<u32> {
    // `u32::from_str` accepts a sign.
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_and_those_that_are_no_entries_left_out() {
        let expected: [Vec<&[u8]>; 2] = [vec![b"a\xff", b"", b"b"], vec![b"", b""]];
        assert_eq!(records(b"\n a\xff::b\n\n#c\n \t# d\n+\n-e::\n:").collect::<Vec<_>>(), expected);
        assert_eq!(records(b"").count(), 0);
    }

    #[test]
    fn range_is_found_by_name_or_by_number() {
        let text = b"root:1:2\nann:100000:65536\n1001:200000:10\nbad:x:1\n";
        assert_eq!(subordinate(text, Some(b"ann"), 5), Some((100_000, 65536)));
        assert_eq!(subordinate(text, None, 1001), Some((200_000, 10)));
        assert_eq!(subordinate(text, Some(b"bob"), 7), None);
        assert_eq!(subordinate(text, Some(b"bad"), 7), None);
    }

    #[test]
    fn number_is_decimal_and_fits() {
        assert_eq!(number(b"500"), Some(500));
        for text in [&b""[..], b"+1", b"-1", b"1x", b"4294967295", b"99999999999"] {
            assert_eq!(number(text), None, "{}", text.escape_ascii());
        }
    }

    #[test]
    fn user_is_found_by_the_number_in_the_first_whole_entry() {
        let passwd = b"#tom:x:500:9\nshort:x:500\nann:x:+500:1\nbob:x:0500:2\neve:x:500:3\n";
        let expected: Vec<&[u8]> = vec![b"bob", b"x", b"0500", b"2"];
        assert_eq!(user_numbered(passwd, 500), Some(expected));
        assert_eq!(user_numbered(passwd, 50), None);
    }
}
