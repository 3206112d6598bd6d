//! Everyday work as root in the user's own root: install, build, copy, serve.
//!
//! A case is a script in `tests/programs/work`; the README there shows how to add one. Real root
//! runs it in a real chroot, and an ordinary user runs it under fake root in an equal root; both
//! must print the same.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use newroot_testkit::{
    Bed, Ending, Enter, Outcome, User, contained, debian_archive, difference, own, run_within, skip, succeed,
};

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Time limit of one script: some install hundreds of packages.
const TIME: Duration = Duration::from_secs(600);

/// Properties of the ordinary user's host.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Host {
    Ordinary,
    /// The host refuses hard links: newroot makes its own.
    WithoutLinks,
}

impl Host {
    fn enter(self, bed: &Bed) -> Enter {
        let world = bed.enter().user(User::ordinary());
        match self {
            Self::Ordinary => world,
            Self::WithoutLinks => world.without_hard_links(),
        }
    }
}

/// Scripts that also run without hard links.
const MAKES_LINKS: [&str; 2] = ["archives", "source_package"];

/// The folder of the scripts, beside this file.
pub(crate) const FOLDER: &str = "work";

/// Number of scripts that run at the same time: each has two roots of some hundred megabytes, and
/// keeps two processors busy.
pub(crate) const THREADS: usize = 2;

/// Returns a test for each script and each kind of host.
pub(crate) fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/programs").join(FOLDER);
    let bed = Arc::new(newroot_testkit::bed!());
    let mut trials = Vec::new();
    for script in scripts(&folder) {
        let stem = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let hosts = if MAKES_LINKS.contains(&&*stem) {
            &[Host::Ordinary, Host::WithoutLinks][..]
        } else {
            &[Host::Ordinary]
        };
        for &host in hosts {
            let suffix = if host == Host::WithoutLinks { "_without_links" } else { "" };
            let name = format!("work::{stem}{suffix}");
            let (bed, script) = (Arc::clone(&bed), script.clone());
            trials.push(Trial::test(name.clone(), move || check(&bed, &name, &script, host)));
        }
    }
    trials
}

fn scripts(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the cases' folder");
    let mut scripts: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sh"))
        .collect();
    scripts.sort();
    scripts
}

fn check(bed: &Bed, name: &str, script: &Path, host: Host) -> Result<(), Failed> {
    if !User::we_are_root() {
        skip(name, "only root can produce the expected output");
        return Ok(());
    }
    let Some(archive) = debian_archive() else {
        skip(name, "there is no archive of a small Debian: cargo xtask setup makes it");
        return Ok(());
    };
    let place = tempfile::Builder::new().prefix("work-").tempdir_in(bed.scratch()).expect("a directory");
    succeed(Command::new("chmod").arg("755").arg(place.path()));
    let [natively, faked] = ["native", "faked"].map(|name| place.path().join(name));
    fs::create_dir(&natively).expect("a directory");
    succeed(Command::new("tar").arg("-C").arg(&natively).arg("-xpf").arg(&archive));
    fs::create_dir(&faked).expect("a directory");
    own(&faked, User::ordinary());
    let unpacked = run_within(&mut unpack(host, bed, &archive, &faked, place.path()), TIME);
    assert_eq!(unpacked.ending, Ending::Exit(0), "{}", unpacked.stderr());

    let expected = run_natively(bed, &natively, script);
    sound("the kernel's chroot", &expected)?;
    let seen = run_faked(host, bed, &faked, script);
    sound("newroot run --root", &seen)?;
    match difference(&expected.stdout(), &seen.stdout()) {
        None => Ok(()),
        Some(difference) => {
            let standard_error = seen.stderr();
            Err(format!("- root's own  + under fake root\n{difference}standard error:\n{standard_error}")
                .into())
        }
    }
}

/// Checks that a script ended with success.
fn sound(who: &str, outcome: &Outcome) -> Result<(), Failed> {
    if outcome.ending == Ending::Exit(0) {
        return Ok(());
    }
    let (out, error) = (outcome.stdout(), outcome.stderr());
    Err(format!("{who}: {}\nstandard output:\n{out}\nstandard error:\n{error}", outcome.ending).into())
}

/// Returns the command that unpacks the ordinary user's own copy, with the owners in the archive.
fn unpack(host: Host, bed: &Bed, archive: &Path, root: &Path, home: &Path) -> Command {
    let mut command = host.enter(bed).command(&bed.program("newroot"));
    match host {
        Host::Ordinary => command.args(["proot", "-0", "tar", "-C"]).arg(root).arg("-xpf").arg(archive),
        Host::WithoutLinks => command.args(["import", "--link2symlink"]).arg(archive).arg(root),
    };
    let state = home.join("state");
    fs::create_dir(&state).expect("a directory");
    own(&state, User::ordinary());
    command.env_clear().env("PATH", PATH).env("XDG_STATE_HOME", state);
    command
}

fn furnish(mut command: Command, script: &Path) -> Command {
    let text = fs::read_to_string(script).expect("a readable script");
    command.args(["/bin/bash", "-euo", "pipefail", "-c"]).arg(text);
    command.env_clear().env("PATH", PATH).env("HOME", "/root").env("LC_ALL", "C.UTF-8");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn run_natively(bed: &Bed, root: &Path, script: &Path) -> Outcome {
    network(root);
    let world = bed.enter().mounts().bind(Path::new("/proc"), &root.join("proc"));
    // Real root's changes in them would stay on the machine.
    let world = ["sys", "dev"]
        .into_iter()
        .fold(world, |world, name| world.bind_read_only(&Path::new("/").join(name), &root.join(name)));
    let world = world.root(root).cwd(Path::new("/"));
    let inner = furnish(world.command(Path::new("/usr/bin/env")), script);
    run_within(&mut contained(inner), TIME)
}

fn run_faked(host: Host, bed: &Bed, root: &Path, script: &Path) -> Outcome {
    let mut command = host.enter(bed).cwd(Path::new("/")).command(&bed.program("newroot"));
    // Uses the root's own /tmp, as in a chroot.
    command.args(["run", "--root", "--no-recommended", "-w", "/"]);
    for path in ["/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts"] {
        command.arg("-b").arg(path);
    }
    if host == Host::WithoutLinks {
        command.arg("--link2symlink");
    }
    command.arg(root).arg("--");
    run_within(&mut contained(furnish(command, script)), TIME)
}

/// Copies the host's files that a chroot needs to reach the network.
fn network(root: &Path) {
    for file in ["etc/resolv.conf", "etc/hosts"] {
        let _ = fs::copy(Path::new("/").join(file), root.join(file));
    }
}
