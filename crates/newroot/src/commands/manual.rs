//! Writes the manual pages.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::commands::install::{Content, Item, install};
use crate::commands::print;
use crate::failure::Failure;
use crate::manual::{self, Page};

/// Writes every page into `directory`.
pub(super) fn write(directory: &Path) -> Result<u8, Failure> {
    let items = items(manual::pages()?, directory);
    install(&items, &is_our_page)?;
    print(&format!("{}: {} pages\n", directory.display(), items.len()))?;
    Ok(0)
}

/// Returns the files of `pages` in `directory`.
pub(super) fn items(pages: Vec<Page>, directory: &Path) -> Vec<Item> {
    let item = |page: Page| Item { path: directory.join(page.name), content: Content::Text(page.text) };
    pages.into_iter().map(item).collect()
}

/// Returns whether `path` is a manual page that newroot has written.
pub(super) fn is_our_page(path: &Path) -> bool {
    let mut start = Vec::new();
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && File::open(path).is_ok_and(|file| file.take(4096).read_to_end(&mut start).is_ok())
        && manual::is_page(&start)
}
