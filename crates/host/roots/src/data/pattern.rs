//! Patterns of host paths: alternatives, variables and wildcards.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::probe;

/// Values of variables, by name.
pub(super) type Variables = Vec<(String, Vec<u8>)>;

/// Returns the wildcard patterns that `text` means: every choice among its `{this,that}`, with the
/// variables' values in place of `<name>`. Drops a pattern with a variable that has no value.
pub(super) fn expand(text: &str, variables: &Variables) -> Vec<Vec<u8>> {
    alternatives(text).iter().filter_map(|choice| substitute(choice, variables)).collect()
}

/// Returns every choice among the outer and inner `{this,that}` of `text`.
fn alternatives(text: &str) -> Vec<String> {
    let Some(open) = text.find('{') else { return vec![text.to_owned()] };
    let Some(close) = closing(&text[open..]).map(|length| open + length) else {
        return vec![text.to_owned()];
    };
    let (before, inside, after) = (&text[..open], &text[open + 1..close], &text[close + 1..]);
    let rest = alternatives(after);
    let mut choices = Vec::new();
    for choice in split_outside_braces(inside).into_iter().flat_map(alternatives) {
        choices.extend(rest.iter().map(|rest| format!("{before}{choice}{rest}")));
    }
    choices
}

/// Returns where the brace at the beginning of `text` is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.bytes().position(|byte| {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        depth == 0
    })
}

fn split_outside_braces(text: &str) -> Vec<&str> {
    let mut depth = 0;
    text.split(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        character == ',' && depth == 0
    })
    .collect()
}

fn substitute(text: &str, variables: &Variables) -> Option<Vec<u8>> {
    let mut result = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) = rest
        .split_once('<')
        .and_then(|(before, inside)| Some((before, inside.split_once('>')?)))
        .map(|(before, (name, after))| (before, name, after))
    {
        result.extend(before.bytes());
        let (_, value) = variables.iter().find(|(known, _)| known == name)?;
        for &byte in value {
            if matches!(byte, b'*' | b'?' | b'[' | b'\\') {
                result.push(b'\\');
            }
            result.push(byte);
        }
        rest = after;
    }
    result.extend(rest.bytes());
    Some(result)
}

/// Returns the shortest text that the first `*` of `pattern` can match, if `pattern` matches
/// `name`. The text is empty if the pattern has no `*`.
pub(super) fn matches(pattern: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let Some(&first) = pattern.first() else { return name.is_empty().then(Vec::new) };
    let rest = &pattern[1..];
    match first {
        b'*' => (0..=name.len())
            .find_map(|length| matches(rest, &name[length..]).map(|_| name[..length].to_vec())),
        b'?' => matches(rest, name.get(1..)?),
        b'[' => {
            let end = rest.iter().position(|&byte| byte == b']')?;
            let &byte = name.first()?;
            is_in(&rest[..end], byte).then(|| matches(&rest[end + 1..], &name[1..]))?
        }
        b'\\' if !rest.is_empty() => {
            (name.first() == rest.first()).then(|| matches(&rest[1..], &name[1..]))?
        }
        _ => (name.first() == Some(&first)).then(|| matches(rest, &name[1..]))?,
    }
}

/// Returns whether `byte` is in a set of bytes and ranges, such as `a-z_`.
fn is_in(set: &[u8], byte: u8) -> bool {
    match set {
        [first, b'-', last, rest @ ..] => (*first..=*last).contains(&byte) || is_in(rest, byte),
        [first, rest @ ..] => *first == byte || is_in(rest, byte),
        [] => false,
    }
}

/// Returns the host paths that match the absolute `pattern`, sorted by name.
pub(super) fn paths(pattern: &[u8]) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("/")];
    for component in pattern.split(|&byte| byte == b'/').filter(|component| !component.is_empty()) {
        let is_literal = !component.iter().any(|byte| b"*?[\\".contains(byte));
        found = found
            .into_iter()
            .flat_map(|directory| {
                if is_literal {
                    vec![directory.join(OsStr::from_bytes(component))]
                } else {
                    entries(&directory, component)
                }
            })
            .collect();
    }
    found.retain(|path| probe::found(path, path.symlink_metadata()).is_some());
    found
}

/// Returns the entries of `directory` whose names match `pattern`. Hidden entries only match a
/// pattern that begins with a dot.
fn entries(directory: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    let listed = probe::found(directory, fs::read_dir(directory)).into_iter().flatten();
    let mut paths: Vec<PathBuf> = listed
        .filter_map(|entry| probe::found(directory, entry))
        .filter(|entry| {
            let name = entry.file_name();
            let is_hidden = name.as_bytes().starts_with(b".") && !pattern.starts_with(b".");
            !is_hidden && matches(pattern, name.as_bytes()).is_some()
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Vec<String> {
        let variables = vec![("prefix".to_owned(), b"/usr".to_vec()), ("odd".to_owned(), b"a*b".to_vec())];
        expand(text, &variables).into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    }

    #[test]
    fn alternatives_multiply() {
        assert_eq!(expanded("/{a,b}/{c,d{e,}}"), ["/a/c", "/a/de", "/a/d", "/b/c", "/b/de", "/b/d"]);
        assert_eq!(expanded("/a{,64}/b"), ["/a/b", "/a64/b"]);
        assert_eq!(expanded("/a{b"), ["/a{b"]);
    }

    #[test]
    fn variables_are_replaced_and_their_wildcards_are_literal() {
        assert_eq!(expanded("<prefix>/lib/<prefix>"), ["/usr/lib//usr"]);
        assert_eq!(expanded("/{<none>,x}"), ["/x"], "no value: no pattern");
        assert_eq!(expanded("/<odd>"), ["/a\\*b"]);
        assert!(matches(b"a\\*b", b"a*b").is_some());
        assert!(matches(b"a\\*b", b"axb").is_none());
    }

    #[test]
    fn wildcards_match_as_a_shell_has_them() {
        for (pattern, name, star) in [
            ("gcc-[0-9]*", "gcc-12", Some("2")),
            ("*-gcc-[0-9]*", "x86_64-linux-gnu-gcc-12", Some("x86_64-linux-gnu")),
            ("gcc-[0-9]*", "gcc-ar", None),
            ("libpython*.so*", "libpython3.11.so.1.0", Some("3.11")),
            ("tcl[0-9].?", "tcl8.6", Some("")),
            ("tcl[0-9].?", "tcl8.", None),
            ("ls", "lsof", None),
            ("*", "", Some("")),
        ] {
            let expected = star.map(|text| text.as_bytes().to_vec());
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_are_those_of_the_host() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["b.h", "a.h", ".c.h", "d.c"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let pattern = [directory.path().as_os_str().as_bytes(), b"/*.h"].concat();
        assert_eq!(paths(&pattern), ["a.h", "b.h"].map(|name| directory.path().join(name)));
        assert!(paths(b"/no/such/*").is_empty());
    }
}
