//! What runs out at any moment: memory, files, room on the disk. A call of newroot's own fails with what the kernel says
//! then, the first one, the second, and so on until none fails any more; or that one and all behind it.
//!
//! Then the guest's call gives an error that the kernel could give to it, or succeeds as ever, and the launcher makes all or
//! nothing and says so in one line. Nothing is left behind, and what is made again succeeds. The calls fail by way of a filter that asks the helper `faults` about them
//! (`crates/testkit/helpers/faults.c`).
//!
//! CI tries a part of all these failures, the same each time; `NEWROOT_FAULTS_EVERY=1` has all of them tried.

#[path = "faults/launcher.rs"]
mod launcher;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use newroot_testkit::{Bed, Ending, User, links_left, own, run_within, snapshot};

/// Every so manieth call fails in CI, and of the guest's not with every error.
const EVERY: usize = 7;

/// How long the calls of one engine may take: minutes if each fails.
const DEADLINE: Duration = Duration::from_secs(1200);

fn every() -> usize {
    let asked = std::env::var("NEWROOT_FAULTS_EVERY").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(EVERY)
}

/// Whether that isn't the short run of CI.
fn all() -> bool {
    every() < EVERY
}

const NO_PATCH: &str = "--no-patch";
const PATCH: &str = "--patch-after=1";

/// The engine with these options, as each of these is tried in CI; the other way of patching is tried with all.
fn calls(options: &[&str], patching: &str, as_user: bool) {
    for other in [NO_PATCH, PATCH] {
        if other == patching || all() {
            once(&[options, &["--engine=trap", other]].concat(), as_user);
        }
    }
}

fn once(options: &[&str], as_user: bool) {
    let bed = newroot_testkit::bed!();
    let user = User::ordinary();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/faults/calls.c");
    let root = bed.directory("root", user);
    let bound = bed.directory("bound", user);
    fs::create_dir(bound.join("x")).expect("a directory to be bound");
    fs::create_dir(root.join("work")).expect("a directory of the root");
    install(&bed, &source, &root);
    own(&root, user);
    own(&bound, user);

    let mut world = bed.enter().cwd(bed.scratch()).user(user);
    if options.contains(&"--link2symlink") {
        world = world.without_hard_links();
    }
    let mut command = world.command(&bed.faults());
    command.arg("--").arg(bed.program("newroot")).args(["run", "--no-recommended", "-b", "/proc"]);
    command.args(options).args(["-b", "bound:/bound", "-b", "bound:/made/by/binding"]);
    command
        .args(["root", "--", "/bin/calls"])
        .args(as_user.then_some("user"))
        .arg(format!("every={}", every()));
    let outcome = run_within(&mut command, DEADLINE);
    let said = outcome.stderr();
    println!("{options:?}: {}", said.lines().last().unwrap_or_default());
    assert_eq!(outcome.stdout(), "0 wrong\n", "{options:?}: {said}");
    assert_eq!(outcome.ending, Ending::Exit(0), "{options:?}: {said}");

    let left = links_left(&root);
    // A name that couldn't be counted down when it went: never a file too few.
    assert!(!left.contains("nowhere"), "{options:?}: {left}");
    check_store(&root, options);
    assert_eq!(snapshot(&bound).lines().count(), 3, "{}", snapshot(&bound));
}

fn install(bed: &Bed, source: &Path, root: &Path) {
    let (dynamic, libraries) = bed.dynamic_program_of(source);
    let files = [(bed.program_of(source), "/bin/calls".as_ref()), (dynamic, "/bin/dynamic".as_ref())];
    let libraries = libraries.iter().map(|library| (library.clone(), library.as_path()));
    for (file, place) in files.into_iter().chain(libraries) {
        let place = root.join(place.strip_prefix("/").expect("an absolute path"));
        fs::create_dir_all(place.parent().expect("a directory")).expect("a directory of the root");
        fs::copy(file, &place).expect("a file of the root");
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).expect("its mode");
    }
}

/// Of records there are those of files that are there.
fn check_store(root: &Path, options: &[&str]) {
    let owners = root.join(".newroot/owners");
    for record in fs::read_dir(owners).into_iter().flatten().filter_map(Result::ok) {
        let name = record.file_name().into_string().expect("a plain name");
        assert!(!name.starts_with("new-"), "{options:?}: {name} was left half made");
    }
}

#[test]
fn calls_fail_as_the_kernels_do() {
    calls(&[], PATCH, false);
}

#[test]
fn calls_of_fake_root_fail_as_the_kernels_do() {
    calls(&["--root"], NO_PATCH, false);
}

#[test]
fn what_is_refused_stays_refused_whatever_runs_out() {
    calls(&["--root"], PATCH, true);
}

#[test]
fn calls_with_links_of_newroots_own_fail_as_the_kernels_do() {
    calls(&["--link2symlink"], PATCH, false);
    if all() {
        calls(&["--root", "--link2symlink"], NO_PATCH, false);
    }
}
