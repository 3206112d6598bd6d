//! Exports and imports roots, with progress that the user can watch and interrupt.

use std::path::Path;

use newroot_archive::{ExportOptions, ImportOptions, Input, Output};

use crate::commands::interrupt;
use crate::commands::print;
use crate::commands::progress::Progress;
use crate::failure::Failure;
use crate::messages::Messages;

/// Writes the root at `root` as an archive.
pub(super) fn export(root: &Path, options: &ExportOptions, messages: Messages) -> Result<u8, Failure> {
    let exported =
        watched(messages, |progress, ended| newroot_archive::export(root, options, ended, progress))?;
    let mut lines = Vec::new();
    if let Output::File(path) = &options.output {
        let size = exported.bytes.div_ceil(1 << 20);
        lines.push(format!("{}: {} entries, {size} MiB", path.display(), exported.entries));
    }
    if let Some((layer, tar)) = exported.digests {
        lines.push(format!("digest {layer}"));
        lines.push(format!("diff-id {tar}"));
    }
    match options.output {
        Output::File(_) => print(&(lines.join("\n") + "\n"))?,
        // Standard output has the archive.
        Output::Stdout => lines.iter().for_each(|line| messages.note(line)),
    }
    Ok(0)
}

/// Unpacks an archive as a root in `directory`.
pub(super) fn import(
    archive: &Input,
    directory: &Path,
    options: ImportOptions,
    messages: Messages,
) -> Result<u8, Failure> {
    let imported = watched(messages, |progress, ended| {
        newroot_archive::import(archive, directory, options, ended, progress)
    })?;
    let size = imported.bytes.div_ceil(1 << 20);
    print(&format!("{}: {} entries, {size} MiB\n", directory.display(), imported.entries))?;
    Ok(0)
}

/// Does `work` while the user watches its progress and can interrupt it.
fn watched<T>(
    messages: Messages,
    work: impl FnOnce(&mut Progress<'_>, &dyn Fn() -> bool) -> newroot_archive::Result<T>,
) -> Result<T, Failure> {
    let result = interrupt::held_back(|interrupt| {
        work(&mut Progress::new(messages, interrupt), &|| interrupt.is_pending())
    });
    result.map_err(interrupt::reason)
}
