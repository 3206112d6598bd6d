//! Files that newroot makes for its own use, such as manual pages and links: all of them, or none.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::commands::interrupt;
use crate::failure::Failure;

/// A file to make.
pub(super) struct Item {
    pub(super) path: PathBuf,
    pub(super) content: Content,
}

pub(super) enum Content {
    Text(Vec<u8>),
    /// A symlink with this text.
    Link(PathBuf),
}

/// Makes every item, and the directories in which they lie. `is_ours` returns whether newroot may
/// replace a file that is in the way.
///
/// # Errors
/// [`Failure::NotOurs`], before anything is made; [`Failure::NotMade`], after the items made so far
/// are removed again.
pub(super) fn install(items: &[Item], is_ours: &dyn Fn(&Path) -> bool) -> Result<(), Failure> {
    for Item { path, .. } in items {
        if path.symlink_metadata().is_ok() && !is_ours(path) {
            return Err(Failure::NotOurs { path: path.clone() });
        }
    }
    interrupt::held_back(|_| {
        let mut made = Made::default();
        for item in items {
            made.prepare(item)?;
        }
        for item in items {
            made.put_in_place(item)?;
        }
        made.keep();
        Ok(())
    })
}

/// Files and directories made so far. They are removed again when this goes out of scope.
#[derive(Default)]
struct Made {
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    /// Makes the item under another name beside its own.
    fn prepare(&mut self, item: &Item) -> Result<(), Failure> {
        let failed = |cause| Failure::NotMade { path: item.path.clone(), cause };
        if let Some(directory) = item.path.parent() {
            self.make_directory(directory).map_err(failed)?;
        }
        let aside = aside(&item.path);
        match &item.content {
            Content::Text(text) => {
                let mut file = fs::File::create_new(&aside).map_err(failed)?;
                self.files.push(aside);
                file.write_all(text).map_err(failed)
            }
            Content::Link(text) => {
                symlink(text, &aside).map_err(failed)?;
                self.files.push(aside);
                Ok(())
            }
        }
    }

    fn make_directory(&mut self, directory: &Path) -> io::Result<()> {
        let is_missing = |path: &&Path| path.as_os_str() != "" && path.symlink_metadata().is_err();
        let missing: Vec<&Path> = directory.ancestors().take_while(is_missing).collect();
        for path in missing.into_iter().rev() {
            fs::create_dir(path)?;
            self.directories.push(path.to_owned());
        }
        Ok(())
    }

    fn put_in_place(&mut self, item: &Item) -> Result<(), Failure> {
        let is_new = item.path.symlink_metadata().is_err();
        let aside = aside(&item.path);
        fs::rename(&aside, &item.path)
            .map_err(|cause| Failure::NotMade { path: item.path.clone(), cause })?;
        self.files.retain(|path| *path != aside);
        if is_new {
            self.files.push(item.path.clone());
        }
        Ok(())
    }

    fn keep(mut self) {
        self.files.clear();
        self.directories.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Files that can't be removed stay: the error that led here is the one to report.
        for path in &self.files {
            let _ = fs::remove_file(path);
        }
        for path in self.directories.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// Returns the name under which a file is made before it gets its own name.
fn aside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(format!(".newroot-{}-", std::process::id()));
    name.push(path.file_name().unwrap_or_default());
    path.with_file_name(name)
}
