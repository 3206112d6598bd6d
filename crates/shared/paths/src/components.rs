//! Splitting of paths. No function here drops a `.` or a trailing slash, because both have a
//! meaning.

/// Checks whether `path` is `base` or lies below it. An empty `base` is the root, which contains
/// every path.
#[must_use]
#[inline]
pub fn is_under(path: &[u8], base: &[u8]) -> bool {
    strip_prefix(path, base).is_some()
}

/// Returns the part of `path` after `base`: empty, or a slash and the rest. Returns `None` if
/// `path` isn't `base` or below it.
#[must_use]
#[inline]
pub fn strip_prefix<'p>(path: &'p [u8], base: &[u8]) -> Option<&'p [u8]> {
    let (front, rest) = path.split_at_checked(base.len())?;
    // The byte after `base` mostly decides already, so it is compared first.
    (matches!(rest, [] | [b'/', ..]) && front == base).then_some(rest)
}

/// Returns the first component of a canonical path, absolute or relative.
#[must_use]
#[inline]
pub fn first_component(path: &[u8]) -> &[u8] {
    let body = path.strip_prefix(b"/").unwrap_or(path);
    let end = body.iter().position(|&byte| byte == b'/').unwrap_or(body.len());
    body.get(..end).unwrap_or(body)
}

/// Splits a path before its last component: (parent, last component with its trailing slashes).
///
/// The parent keeps its final slash, so it is empty only for a single relative name. The last
/// component is empty only if the path consists of slashes.
#[must_use]
pub fn split_last(path: &[u8]) -> (&[u8], &[u8]) {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    let start = path[..end].iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    if end == 0 { (path, &[]) } else { path.split_at(start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_the_same_beginning_is_not_below() {
        assert!(is_under(b"/a/b", b"/a"));
        assert!(is_under(b"/a", b"/a"));
        assert!(is_under(b"/a", b""));
        assert!(!is_under(b"/ab", b"/a"));
    }

    #[test]
    fn the_last_component_keeps_its_slashes() {
        assert_eq!(split_last(b"/a/b//"), (&b"/a/"[..], &b"b//"[..]));
        assert_eq!(split_last(b"x"), (&b""[..], &b"x"[..]));
        assert_eq!(split_last(b"//"), (&b"//"[..], &b""[..]));
        assert_eq!(split_last(b"/x"), (&b"/"[..], &b"x"[..]));
    }
}
