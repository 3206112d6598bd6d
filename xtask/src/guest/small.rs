//! The archive of a small Debian, for tests that need a root of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use newroot_testkit::{debian_archive_path, debian_recipe};

use super::sources::Distribution;
use super::{LEFT_OUT, bootstrap, remove};
use crate::Outcome;

/// Makes the archive, unless it exists and was made in the same way.
pub(super) fn make(distribution: &Distribution) -> Outcome {
    let archive = debian_archive_path();
    let made_of = debian_recipe(&archive);
    let Distribution { suite, lists, stanzas } = distribution;
    let text = format!("{suite}\n{lists}\n{stanzas}\n{}\n", LEFT_OUT.join("\n"));
    if archive.exists() && fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == text) {
        eprintln!("the archive of a small Debian is '{}'", archive.display());
        return Ok(());
    }
    eprintln!("making the archive of a small Debian, '{}'", archive.display());
    let parent = archive.parent().ok_or("the archive can't be the root directory")?;
    fs::create_dir_all(parent)?;
    // Unprivileged users read it.
    fs::set_permissions(parent, fs::Permissions::from_mode(0o755))?;
    let unfinished = archive.with_extension("unfinished.tar");
    for old in [&archive, &unfinished, &made_of] {
        remove(old, |path| fs::remove_file(path))?;
    }
    bootstrap(distribution, &[], &unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o644))?;
    fs::rename(&unfinished, &archive)?;
    fs::write(&made_of, text)?;
    Ok(())
}
