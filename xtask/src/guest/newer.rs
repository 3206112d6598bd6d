//! The C library of a newer release: programs that are linked with it run in roots that have it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use newroot_testkit::{debian_recipe, newer_libraries_path};

use super::sources::Distribution;
use super::{remove, run};
use crate::Outcome;

/// This release has glibc 2.41.
const RELEASE: &str = "trixie";

/// Unpacks the library, unless it exists and was made in the same way.
pub(super) fn make(distribution: &Distribution) -> Outcome {
    let target = newer_libraries_path();
    let made_of = debian_recipe(&target);
    let release = distribution.release(RELEASE);
    let text = format!("{}\n{}\n{}\n", release.suite, release.lists, release.stanzas);
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == text) {
        eprintln!("the newer C library is in '{}'", target.display());
        return Ok(());
    }
    eprintln!("unpacking a newer C library into '{}'", target.display());
    let unfinished = target.with_extension("unfinished");
    remove(&made_of, |path| fs::remove_file(path))?;
    for old in [&target, &unfinished] {
        remove(old, |path| fs::remove_dir_all(path))?;
    }
    let mut command = Command::new("mmdebstrap");
    // The packages are only unpacked, not installed.
    command.args(["--variant=extract", "--include=libc6,libgcc-s1"]);
    run(command, &release, &[], &unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
    fs::rename(&unfinished, &target)?;
    fs::write(&made_of, text)?;
    Ok(())
}
