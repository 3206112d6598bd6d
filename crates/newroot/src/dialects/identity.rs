//! Users and groups as they are written: `USER`, `USER:GROUP`, `:GROUP`, `USER:`, `USER.GROUP`, and
//! lists.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use newroot_engine::{Dotted, Identity, Principal};

/// Error in a user or group.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("invalid user: '{}'", .0.display())]
    User(OsString),
    #[error("invalid group: '{}'", .0.display())]
    Group(OsString),
    #[error("invalid group '{}'", .0.display())]
    ListedGroup(OsString),
    #[error("invalid group list '{}'", .0.display())]
    List(OsString),
}

/// Parses `USER[:[GROUP]]` into user and group. A missing part is `None`.
pub(super) fn user_and_group(text: &OsStr) -> Result<(Option<Principal>, Option<Principal>), Malformed> {
    let bytes = text.as_bytes();
    let (user, group) = match bytes.iter().position(|&byte| byte == b':') {
        Some(colon) => (&bytes[..colon], &bytes[colon + 1..]),
        None => (bytes, &b""[..]),
    };
    let part = |bytes: &[u8], malformed: fn(OsString) -> Malformed| -> Result<Option<Principal>, Malformed> {
        if bytes.is_empty() {
            return Ok(None);
        }
        principal(bytes).map(Some).ok_or_else(|| malformed(OsStr::from_bytes(bytes).to_owned()))
    };
    Ok((part(user, Malformed::User)?, part(group, Malformed::Group)?))
}

/// Parses the same in chroot(1)'s form. The first dot may separate user and group, if no user has
/// the whole text as name, and the text has no colon except at its end.
pub(super) fn userspec(text: &OsStr) -> Result<Identity, Malformed> {
    let dotted = dotted(text.as_bytes());
    let (user, group) = match user_and_group(text) {
        // `+500.+4` is no name: the engine finds no user of that name, and tries the parts.
        Err(Malformed::User(name)) if dotted.is_some() => (Some(Principal::Named(name)), None),
        parts => parts?,
    };
    Ok(Identity { user, group, groups: None, dotted })
}

fn dotted(text: &[u8]) -> Option<Dotted> {
    let text = text.strip_suffix(b":").unwrap_or(text);
    if text.contains(&b':') {
        return None;
    }
    let dot = text.iter().position(|&byte| byte == b'.')?;
    let part = |bytes: &[u8]| if bytes.is_empty() { Some(None) } else { principal(bytes).map(Some) };
    Some(Dotted { user: part(&text[..dot])?, group: part(&text[dot + 1..])? })
}

/// Parses a list of groups, separated by commas. An empty list means no groups at all.
pub(super) fn groups(text: &OsStr) -> Result<Vec<Principal>, Malformed> {
    let groups: Vec<Principal> = text
        .as_bytes()
        .split(|&byte| byte == b',')
        .map(<[u8]>::trim_ascii_start)
        .filter(|group| !group.is_empty())
        .map(|group| {
            principal(group).ok_or_else(|| Malformed::ListedGroup(OsStr::from_bytes(group).to_owned()))
        })
        .collect::<Result<_, _>>()?;
    if groups.is_empty() && !text.is_empty() {
        return Err(Malformed::List(text.to_owned()));
    }
    Ok(groups)
}

/// Parses a name, or `+` and a number, which is never looked up as a name.
fn principal(text: &[u8]) -> Option<Principal> {
    let Some(digits) = text.strip_prefix(b"+") else {
        return Some(Principal::Named(OsString::from_vec(text.to_vec())));
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    // The highest number means "none" to the kernel.
    str::from_utf8(digits).ok()?.parse().ok().filter(|&number| number != u32::MAX).map(Principal::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<Principal> {
        Some(Principal::Named(name.into()))
    }

    #[test]
    fn either_side_of_the_colon_may_be_missing() {
        for (text, user, group) in [
            ("", None, None),
            (":", None, None),
            ("ann", named("ann"), None),
            ("ann:", named("ann"), None),
            (":adm", None, named("adm")),
            ("ann:adm", named("ann"), named("adm")),
            ("ann:adm:x", named("ann"), named("adm:x")),
            ("+500:+4", Some(Principal::Number(500)), Some(Principal::Number(4))),
        ] {
            assert_eq!(user_and_group(OsStr::new(text)), Ok((user, group)), "{text}");
        }
    }

    #[test]
    fn plus_wants_a_number() {
        assert_eq!(user_and_group(OsStr::new("+ann")), Err(Malformed::User("+ann".into())));
        assert_eq!(user_and_group(OsStr::new("ann:+")), Err(Malformed::Group("+".into())));
        assert_eq!(groups(OsStr::new("4,+4294967295")), Err(Malformed::ListedGroup("+4294967295".into())));
    }

    #[test]
    fn first_dot_may_part_user_and_group_where_no_colon_does() {
        let number = |number| Some(Principal::Number(number));
        for (text, user, parts) in [
            ("ann.b.c", "ann.b.c", Some((named("ann"), named("b.c")))),
            ("ann.:", "ann.", Some((named("ann"), None))),
            (".", ".", Some((None, None))),
            ("+500.+4", "+500.+4", Some((number(500), number(4)))),
            ("ann.+x", "ann.+x", None),
            ("ann", "ann", None),
        ] {
            let dotted = parts.map(|(user, group)| Dotted { user, group });
            let expected = Identity { user: named(user), dotted, ..Identity::default() };
            assert_eq!(userspec(OsStr::new(text)), Ok(expected), "{text}");
        }
        assert_eq!(userspec(OsStr::new("a.b:c")).map(|identity| identity.dotted), Ok(None));
        assert_eq!(userspec(OsStr::new("+a.b")), Err(Malformed::User("+a.b".into())));
    }

    #[test]
    fn list_of_groups_may_be_empty_but_not_of_commas_alone() {
        assert_eq!(groups(OsStr::new("")), Ok(vec![]));
        assert_eq!(groups(OsStr::new(",")), Err(Malformed::List(",".into())));
        let expected = vec![Principal::Number(5), Principal::Named("6".into())];
        assert_eq!(groups(OsStr::new("+5, 6,")), Ok(expected));
    }
}
