//! Turns hard links that newroot keeps into real ones.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Name of the store in a root.
const STORE: &str = ".newroot";

/// Makes a real hard link of every name that stands for a kept file, and removes the store. Returns
/// what was wrong with the store: references without a name, names without a reference, and files
/// without either.
///
/// # Panics
/// If a link can't be made.
#[must_use]
pub fn restore(root: &Path) -> String {
    let mut wrong = String::new();
    let mut names: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    collect(root, &mut names);
    let links = root.join(STORE).join("links");
    for (text, names) in &mut names {
        let kept = root.join(text.strip_prefix("/").expect("an absolute path"));
        let tokens = kept.parent().map(|directory| entries(&directory.join("names"))).unwrap_or_default();
        if tokens.len() != names.len() {
            let _ =
                writeln!(wrong, "{} names of {}, and {} counted", names.len(), text.display(), tokens.len());
        }
        if let Some(noted) = kept.parent().and_then(|directory| noted(&directory.join("names")))
            && noted != tokens.len() as i64
        {
            let _ = writeln!(wrong, "{} names of {}, and {noted} noted", names.len(), text.display());
        }
        for name in names {
            fs::remove_file(&*name).expect("a name");
            if fs::hard_link(&kept, &*name).is_err() {
                let _ = writeln!(wrong, "{} leads nowhere", name.display());
            }
        }
    }
    for entry in entries(&links) {
        let known = names.keys().any(|text| text.parent().and_then(Path::file_name) == entry.file_name());
        if !known {
            let _ = writeln!(wrong, "{} is left over", entry.display());
        }
    }
    let _ = fs::remove_dir_all(&links);
    // Other files in the store belong to fake root.
    let _ = fs::remove_dir(root.join(STORE));
    wrong
}

/// Returns the number of name references that the modification time of their directory notes:
/// seconds before the year 1936.
fn noted(tokens: &Path) -> Option<i64> {
    let time = fs::symlink_metadata(tokens).ok()?;
    let count = -(1 << 30) - time.mtime();
    (count > 0 && time.mtime_nsec() == 0).then_some(count)
}

/// Collects the names of kept files, by the link text that leads to the file.
fn collect(directory: &Path, names: &mut BTreeMap<PathBuf, Vec<PathBuf>>) {
    for entry in entries(directory) {
        let Ok(meta) = fs::symlink_metadata(&entry) else { continue };
        if meta.is_dir() && entry.file_name().is_none_or(|name| name != STORE) {
            collect(&entry, names);
        } else if let Ok(text) = fs::read_link(&entry)
            && text.as_os_str().as_bytes().starts_with(b"/.newroot/links/")
        {
            names.entry(text).or_default().push(entry);
        }
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect()
}
