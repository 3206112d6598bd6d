//! passwd(5), group(5) and subuid(5) of a root and of the host, and the entries that a root gets
//! for its caller. The test parses the files independently.

use std::path::Component;

use newroot_accounts::{Database, User};
use newroot_roots::identity::Caller;

/// Maximum number of lines: enough for a bug, and few enough to look up each.
const LINES_MAX: usize = 24;
/// The user ID of nobody.
const NOBODY: u32 = 65534;

/// Reads arbitrary bytes as three files, separated by NULs.
///
/// # Panics
/// If other users, groups or ranges are found than the files contain, or if a root's own files
/// don't identify the caller.
pub fn check(bytes: &[u8]) {
    if bytes.iter().filter(|&&byte| byte == b'\n').count() > LINES_MAX {
        return;
    }
    let mut files = bytes.splitn(3, |&byte| byte == 0);
    let [passwd, group, ranges] = [(); 3].map(|()| files.next().unwrap_or_default());
    let database = Database::new(passwd.to_vec(), group.to_vec());
    let (users, groups) = (users(passwd), groups(group));
    // Look up each user and group in the files, and two that may be missing.
    let others = [(&b""[..], 0), (b"ann", 1000)];
    let all = [passwd, group, ranges].into_iter().flat_map(lines);
    let wanted = all.map(|line| (field(line, 0).unwrap_or_default(), field(line, 2).and_then(number)));
    for (name, number) in wanted.map(|(name, number)| (name, number.unwrap_or(1000))).chain(others) {
        let user = users.iter().find(|user| user.name == name);
        assert_eq!(database.user_named(name).as_ref(), user, "{}", name.escape_ascii());
        let user = users.iter().find(|user| user.uid == number);
        assert_eq!(database.user_numbered(number).as_ref(), user, "{number}");
        let fields = newroot_accounts::user_numbered(passwd, number);
        assert_eq!(fields.map(|fields| fields[0].to_vec()), user.map(|user| user.name.clone()), "{number}");

        let found = groups.iter().find(|group| group.name == name).map(|group| group.gid);
        assert_eq!(database.group_named(name), found, "{}", name.escape_ascii());
        let mut expected = vec![number];
        for group in groups.iter().filter(|group| group.members.contains(&name)) {
            if !expected.contains(&group.gid) {
                expected.push(group.gid);
            }
        }
        assert_eq!(database.groups_of(name, number), expected, "{}", name.escape_ascii());
        assert_eq!(newroot_accounts::subordinate(ranges, Some(name), number), range(ranges, name, number));
        check_caller(number, user, [passwd, group], &groups);
    }
}

/// Checks the entries that a root gets for a caller with this user ID, who is `user` on the host
/// and a member of all of the host's groups.
fn check_caller(uid: u32, user: Option<&User>, files: [&[u8]; 2], host: &[Group<'_>]) {
    let gid = user.map_or(uid, |user| user.gid);
    let numbers: Vec<u32> = host.iter().map(|group| group.gid).collect();
    let caller = Caller::new(uid, gid, &numbers, files, &|_| None);
    let (passwd, group) = (caller.passwd(), caller.group());
    for (file, fields) in [(&passwd, 7), (&group, 4)] {
        let is_whole = |line: &[u8]| line.split(|&byte| byte == b':').count() == fields;
        let lines = file.strip_suffix(b"\n").expect("a newline at the end");
        assert!(lines.split(|&byte| byte == b'\n').all(is_whole), "{}", file.escape_ascii());
    }
    if let Some(home) = caller.home() {
        let is_plain = home.is_absolute() && home.file_name().is_some();
        assert!(
            is_plain && !home.components().any(|part| part == Component::ParentDir),
            "{}",
            home.display()
        );
    }

    let known = users(&passwd);
    for number in [0, NOBODY, uid] {
        let mut entries = known.iter().filter(|user| user.uid == number);
        let entry = entries.next().expect("an entry");
        assert_eq!(entries.next(), None, "only one entry");
        if !matches!(number, 0 | NOBODY) {
            assert_eq!(entry.gid, gid);
            let name = user.map(|user| &user.name[..]).filter(|name| can_be_kept(name));
            assert_eq!(entry.name, name.unwrap_or(format!("user{uid}").as_bytes()));
        }
    }
    let known = groups(&group);
    for number in numbers.into_iter().chain([0, NOBODY, gid]) {
        let mut entries = known.iter().filter(|group| group.gid == number);
        let entry = entries.next().expect("an entry");
        assert_eq!(entries.next(), None, "only one entry");
        if !matches!(number, 0 | NOBODY) {
            let name = host.iter().find(|group| group.gid == number).map(|group| group.name);
            let name = name.filter(|name| can_be_kept(name));
            assert_eq!(entry.name, name.unwrap_or(format!("group{number}").as_bytes()));
        }
    }
}

/// Checks whether a root's files can contain this name of the host: `/home/NAME` must be a single
/// directory.
fn can_be_kept(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/')
}

/// Entry of a group.
#[derive(Debug, PartialEq)]
struct Group<'a> {
    name: &'a [u8],
    gid: u32,
    members: Vec<&'a [u8]>,
}

fn users(passwd: &[u8]) -> Vec<User> {
    let user = |line| {
        let [uid, gid] = [2, 3].map(|index| field(line, index).and_then(number));
        Some(User { name: field(line, 0)?.to_vec(), uid: uid?, gid: gid? })
    };
    lines(passwd).filter_map(user).collect()
}

fn groups(file: &[u8]) -> Vec<Group<'_>> {
    let group = |line| {
        let mut members = Vec::new();
        let mut list = field(line, 3).unwrap_or_default();
        while !list.is_empty() {
            let end = list.iter().position(|&byte| byte == b',').unwrap_or(list.len());
            let member = list[..end].trim_ascii_start();
            members.extend((!member.is_empty()).then_some(member));
            list = list.get(end + 1..).unwrap_or_default();
        }
        Some(Group { name: field(line, 0)?, gid: field(line, 2).and_then(number)?, members })
    };
    lines(file).filter_map(group).collect()
}

fn range(file: &[u8], name: &[u8], uid: u32) -> Option<(u32, u32)> {
    let wanted = lines(file).filter(|line| field(line, 3).is_none());
    wanted
        .filter(|line| {
            field(line, 0).is_some_and(|owner| owner == name || decimal(owner) == Some(u64::from(uid)))
        })
        .find_map(|line| {
            let [first, count] = [1, 2].map(|index| field(line, index).and_then(decimal));
            Some((first?.try_into().ok()?, count?.try_into().ok()?))
        })
}

/// Returns the lines that glibc's nss_files reads as entries: leading blanks are ignored, comments
/// are skipped, and lines that begin with a sign belong to NIS.
fn lines(mut file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let next = move || {
        let end = file.iter().position(|&byte| byte == b'\n').unwrap_or(file.len());
        let line = &file[..end];
        let is_more = !file.is_empty();
        file = file.get(end + 1..).unwrap_or_default();
        is_more.then(|| line.trim_ascii_start())
    };
    std::iter::from_fn(next).filter(|line| !matches!(line, [] | [b'#' | b'+' | b'-', ..]))
}

/// Returns a field of a line, or `None` if the line has fewer fields.
fn field(mut line: &[u8], index: usize) -> Option<&[u8]> {
    for _ in 0..index {
        line = &line[line.iter().position(|&byte| byte == b':')? + 1..];
    }
    let end = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
    Some(&line[..end])
}

/// Reads a number that is a valid ID.
fn number(text: &[u8]) -> Option<u32> {
    decimal(text).and_then(|number| number.try_into().ok()).filter(|&number| number != u32::MAX)
}

/// Reads digits as a number. A number of more than 32 bits must not wrap to a small one.
fn decimal(text: &[u8]) -> Option<u64> {
    let value = |value: u64, &digit: &u8| {
        let digit = char::from(digit).to_digit(10)?;
        Some(value.saturating_mul(10).saturating_add(u64::from(digit)))
    };
    if text.is_empty() { None } else { text.iter().try_fold(0, value) }
}
