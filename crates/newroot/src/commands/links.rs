//! Makes the links `proot` and `chroot`.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use crate::commands::install::{Content, Item, install};
use crate::commands::manual::{is_our_page, items};
use crate::commands::print;
use crate::dialects;
use crate::failure::Failure;
use crate::manual;
use crate::messages::Messages;

/// The name of newroot's own program.
const OWN_NAME: &str = "newroot";

/// Makes the links in `directory`, and their manual pages in `pages` or in the usual place for
/// programs of `directory`.
pub(super) fn make(directory: &Path, pages: Option<&Path>, messages: Messages) -> Result<u8, Failure> {
    let program = own_file()?;
    let text = if is_same_file(&directory.join(OWN_NAME), &program) { Path::new(OWN_NAME) } else { &program };
    let mut all: Vec<Item> = dialects::links()
        .map(|name| Item { path: directory.join(name), content: Content::Link(text.to_owned()) })
        .collect();
    let mut lines: Vec<String> =
        all.iter().map(|link| format!("{} -> {}", link.path.display(), text.display())).collect();
    match pages.map(Path::to_owned).or_else(|| usual_pages(directory)) {
        Some(pages) => {
            let pages = items(manual::pages_of_links()?, &pages);
            lines.extend(pages.iter().map(|page| page.path.display().to_string()));
            all.extend(pages);
        }
        None => messages.note(&format_args!(
            "newroot writes no manual pages, because '{}' is not named bin or sbin; --man names a directory for them",
            directory.display()
        )),
    }
    install(&all, &|path| is_our_link(path, &program) || is_our_page(path))?;
    print(&(lines.join("\n") + "\n"))?;
    for name in dialects::links() {
        if let Some(hidden) = hidden_program(directory, name) {
            messages
                .note(&format_args!("'{name}' is newroot from now on, and no longer '{}'", hidden.display()));
        }
    }
    Ok(0)
}

/// Returns the program that a link in `directory` hides: `PATH` has the directory in front of the
/// program's own.
fn hidden_program(directory: &Path, name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut behind = env::split_paths(&path).skip_while(|place| !is_same_file(place, directory)).skip(1);
    behind.find_map(|place| {
        let program = place.join(name);
        (program.is_file() && !is_same_file(&program, &directory.join(name))).then_some(program)
    })
}

/// Returns the file that this process was started from.
fn own_file() -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?;
    if is_same_file(&path, Path::new("/proc/self/exe")) {
        Ok(path)
    } else {
        Err(Failure::OwnFileGone { path })
    }
}

/// Returns the directory in which man(1) looks for pages of the programs in `directory`, if
/// `directory` is named `bin` or `sbin`.
fn usual_pages(directory: &Path) -> Option<PathBuf> {
    // `.` has no name.
    let directory = std::path::absolute(directory).ok()?;
    let is_usual = ["bin", "sbin"].iter().any(|name| directory.file_name() == Some(OsStr::new(name)));
    is_usual.then(|| directory.with_file_name("share/man/man1"))
}

/// Returns whether `path` is a symlink to a newroot: this one, or any file of that name.
fn is_our_link(path: &Path, program: &Path) -> bool {
    let Ok(text) = fs::read_link(path) else { return false };
    text.file_name() == Some(OsStr::new(OWN_NAME)) || is_same_file(path, program)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    id(one).is_some_and(|one| Some(one) == id(other))
}
