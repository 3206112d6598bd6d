//! Checks that packages are the same each time, and that they install and uninstall cleanly.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use newroot_testkit::{Bed, Ending, User, debian_archive, own, run_within, skip};
use rustix::fs::Mode;
use rustix::process::umask;

use super::{Maker, VERSION, deb_name, sources, tarball_name};
use crate::Outcome;

/// Scripts for each package, run under fake root in a small Debian of its own: install, try,
/// remove, look for leftovers.
const SCRIPTS: [(&str, &str); 2] =
    [("the Debian package", include_str!("deb.sh")), ("the tarball", include_str!("tarball.sh"))];

/// Time limit of a script. Each needs seconds.
const TIME: Duration = Duration::from_secs(120);

/// Checks the packages in a directory, which `maker` has just made.
pub(super) fn check(maker: &Maker<'_>, packages: &Path) -> Outcome {
    let again = tempfile::tempdir()?;
    // Another umask, and files with other times.
    let usual = umask(Mode::from_raw_mode(0o077));
    let made = maker.make(again.path());
    umask(usual);
    made?;
    for name in [tarball_name(), deb_name()] {
        if fs::read(packages.join(&name))? != fs::read(again.path().join(&name))? {
            return Err(format!("'{name}' differs each time it is made").into());
        }
    }
    let Some(archive) = debian_archive() else {
        skip("dist", "there is no archive of a small Debian: cargo xtask setup makes it");
        return Ok(());
    };
    let cache = maker.program.parent().ok_or("a program is in a directory")?.join("check");
    let bed = Bed::new(maker.program, &cache, &sources().join("tests/guests"));
    // The ordinary user may not be able to reach the directory of the packages.
    let copies = bed.directory("packages", User::ordinary());
    for name in [tarball_name(), deb_name()] {
        fs::copy(packages.join(&name), copies.join(&name))?;
        fs::set_permissions(copies.join(&name), fs::Permissions::from_mode(0o644))?;
    }
    SCRIPTS.iter().enumerate().try_for_each(|(number, (what, script))| {
        in_fresh_root(&bed, &archive, &format!("root{number}"), script)
            .map_err(|why| format!("{what}: {why}").into())
    })
}

/// Runs a script in a root unpacked from the archive, as an ordinary user's fake root.
fn in_fresh_root(bed: &Bed, archive: &Path, name: &str, script: &str) -> Result<(), String> {
    let place = bed.directory(name, User::ordinary());
    let state = place.join("state");
    fs::create_dir(&state).map_err(|error| error.to_string())?;
    own(&state, User::ordinary());
    let root = place.join("root");
    let newroot = || {
        let world = bed.enter().cwd(bed.scratch()).user(User::ordinary());
        let mut command = world.command(&bed.program("newroot"));
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("XDG_STATE_HOME", &state);
        command
    };
    let ended_well = |mut command: std::process::Command| {
        let outcome = run_within(&mut command, TIME);
        match outcome.ending {
            Ending::Exit(0) => Ok(()),
            ending => Err(format!("{ending}\n{}{}", outcome.stdout(), outcome.stderr())),
        }
    };
    let mut import = newroot();
    import.arg("import").arg(archive).arg(&root);
    ended_well(import)?;
    let mut command = newroot();
    command.args([
        "run",
        "--root",
        "--no-recommended",
        "-b",
        "/proc",
        "-b",
        "/dev",
        "-b",
        "packages:/packages",
    ]);
    command.args(["-w", "/", "-e"]).arg(format!("VERSION={VERSION}"));
    command.arg(&root).args(["--", "/bin/sh", "-euxc", script]);
    ended_well(command)
}
