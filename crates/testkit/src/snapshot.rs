//! Describes a file tree as text, so that two trees can be compared line by line.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// Size in bytes from which only a file's size is shown.
const SHOWN: u64 = 200;

/// Lists every file below `top`, one a line: name, mode, owner, link count, and contents or target.
/// Marks files that can't be read. Leaves times out.
#[must_use]
pub fn snapshot(top: &Path) -> String {
    let mut text = String::new();
    describe(top, top, &mut text);
    text
}

fn describe(top: &Path, path: &Path, text: &mut String) {
    let Ok(meta) = fs::symlink_metadata(path) else { return };
    let name = path.strip_prefix(top).expect("a path below the top").as_os_str();
    let _ = write!(
        text,
        "/{} {:04o} {}:{}",
        name.as_bytes().escape_ascii(),
        meta.permissions().mode() & 0o7777,
        meta.uid(),
        meta.gid(),
    );
    let kind = meta.file_type();
    if kind.is_dir() {
        text.push_str(" directory\n");
        let Ok(entries) = fs::read_dir(path) else {
            text.push_str("  unreadable\n");
            return;
        };
        let mut children: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
        children.sort();
        children.iter().for_each(|child| describe(top, child, text));
        return;
    }
    let _ = write!(text, " links={}", meta.nlink());
    let _ = match () {
        () if kind.is_symlink() => {
            let target = fs::read_link(path).unwrap_or_default();
            writeln!(text, " -> {}", target.as_os_str().as_bytes().escape_ascii())
        }
        () if kind.is_file() && meta.size() > SHOWN => writeln!(text, " {} bytes", meta.size()),
        () if kind.is_file() => match fs::read(path) {
            Ok(bytes) => writeln!(text, " \"{}\"", bytes.escape_ascii()),
            Err(_) => writeln!(text, " unreadable"),
        },
        () if kind.is_fifo() => writeln!(text, " fifo"),
        () if kind.is_socket() => writeln!(text, " socket"),
        () => writeln!(text, " device"),
    };
}
