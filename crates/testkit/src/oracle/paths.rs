//! Paths, as programs write them and as they shouldn't.

use super::random::Random;

/// Names of files. Few, so that operations meet the same file again, and some odd ones.
const NAMES: [&str; 14] = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "a",
    "b",
    "c",
    "\\xff\\xfe",
    "new\\x0aline",
    "two\\x20words",
    "...",
    "\\(255:n)",
    ".hidden",
];

/// Paths with a special meaning.
const ODD: [&str; 39] = [
    "''",
    ".",
    "..",
    "/",
    "//",
    "/.",
    "/..",
    "./",
    "../",
    "../../../../../../../..",
    "/../../a",
    "/../proc/self/cwd",
    "/proc/self/cwd",
    "/proc/self/cwd/",
    "/proc/self/cwd/..",
    "/proc/self/cwd/a",
    "/proc/self/root",
    "/proc/self/root/..",
    "/proc/self/root/a",
    "/proc/thread-self/cwd",
    "/proc/thread-self/root/b",
    "/proc/self/fd/999",
    "/proc/self/fd",
    "/proc/self/fd/..",
    "/proc/self",
    "/proc/../a",
    "/proc/self/task",
    "\\(255:x)",
    "\\(256:x)",
    "a/\\(256:x)",
    "\\(2047:./)a",
    "\\(2048:./)a",
    "/\\(2047:./)",
    "\\(4096:a)",
    "\\(9000:a)",
    "\\null",
    "\\bad",
    "\\(45:a/../)",
    "/\\(45:b/../)",
];

/// Chooses the name of a file.
pub(super) fn name(random: &mut Random) -> String {
    random.one_of(&NAMES).to_owned()
}

/// Chooses an odd path, sometimes through one of the descriptors.
pub(super) fn odd(random: &mut Random) -> String {
    if random.chance(30) {
        let slot = random.below(SLOTS);
        let rest = random.one_of(&["", "", "/", "/.", "/..", "/a", "/b/c", "/../b"]);
        return format!("/proc/{}/fd/\\{{{slot}}}{rest}", random.one_of(&["self", "self", "thread-self"]));
    }
    random.one_of(&ODD).to_owned()
}

/// Number of a process's slots for descriptors.
pub(super) const SLOTS: usize = 8;

/// Returns the relative path from directory `from` to `to`. Both are absolute, without symlinks.
pub(super) fn relative(from: &str, to: &str) -> String {
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    let (from, to): (Vec<String>, Vec<String>) = (parts(from), parts(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let mut way = vec!["..".to_owned(); from.len() - common];
    way.extend_from_slice(&to[common..]);
    if way.is_empty() { ".".to_owned() } else { way.join("/") }
}

/// Writes the path in another way that means the same, or nearly the same.
pub(super) fn decorate(random: &mut Random, path: String) -> String {
    match random.below(40) {
        0..=3 => format!("{path}/"),
        4 => format!("{path}//"),
        5 => format!("{path}/."),
        6 => format!("{path}/.."),
        7 => format!("{path}/../{}", name(random)),
        8 => path.replace('/', "//"),
        9 => path.replace('/', "/./"),
        10 | 11 => in_the_middle(random, &path, "."),
        12 | 13 => in_the_middle(random, &path, ".."),
        14 | 15 => {
            let detour = format!("{}/..", name(random));
            in_the_middle(random, &path, &detour)
        }
        16 if path.starts_with('/') => format!("/proc/self/root{path}"),
        17 if !path.starts_with('/') => format!("/proc/self/cwd/{path}"),
        18 if !path.starts_with('/') => format!("./{path}"),
        19 if !path.starts_with('/') => format!("/proc/self/fd/\\{{{}}}/{path}", random.below(SLOTS)),
        20 => format!("/..{}{path}", if path.starts_with('/') { "" } else { "/" }),
        21 => format!("{path}/{}", name(random)),
        _ => path,
    }
}

/// Inserts something between two components.
fn in_the_middle(random: &mut Random, path: &str, what: &str) -> String {
    let slashes: Vec<usize> = path.match_indices('/').map(|(at, _)| at).collect();
    if slashes.is_empty() {
        return format!("{what}/{path}");
    }
    let at = random.one_of(&slashes);
    format!("{}/{what}{}", &path[..at], &path[at..])
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn way_from_one_directory_to_another() {
        assert_eq!(relative("/a/b", "/a/c/d"), "../c/d");
        assert_eq!(relative("/", "/a"), "a");
        assert_eq!(relative("/a", "/a"), ".");
    }
}
