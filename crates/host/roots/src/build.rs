//! Writes the contents of a manifest into a directory.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::error::{Error, Result};
use crate::guest::{Existing, Root, Transaction, ensure, place};
use crate::manifest::Manifest;
use crate::observer::{Note, Observer, Progress, Summary, Warning};
use crate::{library_index, probe, skeleton};

/// Builds a root in `directory`, with the contents of [`Manifest::root`].
pub(crate) fn init(
    directory: &Path,
    manifest: Manifest,
    force: bool,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let failed = |cause| Error::NotMade { directory: directory.to_owned(), cause };
    match fs::read_dir(directory) {
        Ok(mut entries) => {
            if entries.next().is_some() && !force {
                return Err(Error::NotEmpty { directory: directory.to_owned() });
            }
            // The directory may be a mount point, a working directory, or not ours to replace.
            carry_out(manifest, directory, force, observer)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => build_aside(directory, manifest, observer),
        Err(error) => Err(failed(error)),
    }
}

/// Builds a root under a temporary name beside `directory`, and renames it when it is complete. If
/// the build ends early, `directory` doesn't exist.
pub(crate) fn build_aside(
    directory: &Path,
    manifest: Manifest,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    let failed = |cause| Error::NotMade { directory: directory.to_owned(), cause };
    let parent = match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let aside = tempfile::Builder::new()
        .prefix(".newroot-")
        .tempdir_in(parent)
        .map_err(|error| failed(without_path(error)))?;
    let built = carry_out(manifest, aside.path(), false, observer);
    if built.is_err() {
        // The root is empty again. rmdir(2) needs no memory; the library's removal of a tree does.
        let _ = fs::remove_dir(aside.path());
    }
    let summary = built?;
    fs::set_permissions(aside.path(), Permissions::from_mode(0o755)).map_err(failed)?;
    // If the directory has files by now, rename(2) fails and nothing is lost.
    fs::rename(aside.path(), directory).map_err(failed)?;
    // Nothing is left under the temporary name.
    let _ = aside.keep();
    Ok(summary)
}

/// Writes the contents of `manifest` into the root at the host path `directory`. If that fails, the
/// root is as it was.
pub(crate) fn carry_out(
    manifest: Manifest,
    directory: &Path,
    force: bool,
    observer: &mut dyn Observer,
) -> Result<Summary> {
    for warning in &manifest.collected.warnings {
        observer.warn(warning);
    }
    for note in &manifest.collected.notes {
        observer.note(note);
    }
    probe::check_no_shortage()?;
    let root = Root::open(directory).map_err(|cause| Error::io("open the root", directory, cause))?;
    let mut transaction = Transaction::new(root);
    let applets = manifest.applets.iter().flat_map(|(_, applets)| applets);
    let total = manifest.collected.paths.len()
        + applets.count()
        + manifest.collected.indexed.len()
        + usize::from(manifest.skeleton);
    let mut progress = Progress::new(total, observer);
    if manifest.skeleton {
        progress.next(Path::new("/"))?;
        skeleton::make(&mut transaction)?;
    }
    for path in &manifest.collected.paths {
        progress.next(path)?;
        let existing = match manifest.is_named(path) {
            _ if force => Existing::Replace,
            true => Existing::Refuse,
            false => Existing::Keep,
        };
        let is_supporting = manifest.collected.supporting.contains(path);
        match place(&mut transaction, path, existing) {
            Ok(Some(kept)) if is_supporting => progress.note(&Note::Kept { path: kept }),
            Ok(Some(kept)) => progress.warn(&Warning::FileKept { path: kept }),
            Ok(None) => {}
            // A program works without it, or with the file that the root has there.
            Err(Error::Conflict { path, .. }) if is_supporting => progress.note(&Note::Kept { path }),
            Err(error) => return Err(error),
        }
    }
    if let Some((busybox, applets)) = &manifest.applets {
        for applet in applets {
            progress.next(applet)?;
            ensure::link(&mut transaction, applet, busybox.as_os_str())?;
        }
    }
    for (index, entries) in &manifest.collected.indexed {
        progress.next(index)?;
        library_index::extend(&mut transaction, index, entries)?;
    }
    progress.end()?;
    probe::check_no_shortage()?;
    let mut summary = transaction.commit();
    summary.programs = manifest.programs;
    Ok(summary)
}

/// Returns the kernel's error. tempfile puts a path of its own in front.
fn without_path(error: io::Error) -> io::Error {
    error
        .raw_os_error()
        .or_else(|| {
            let inner = error.get_ref()?.source()?.downcast_ref::<io::Error>()?;
            inner.raw_os_error()
        })
        .map_or(error, io::Error::from_raw_os_error)
}
