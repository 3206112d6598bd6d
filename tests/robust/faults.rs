//! Resources that run out at any moment: memory, files, disk space. One of newroot's own calls
//! fails with an errno that the kernel gives then: the first call, the second, and so on until none
//! is left to fail; or that call and all after it.
//!
//! Then the guest's call gives an error that the kernel could give, or succeeds as usual; the
//! launcher does all or nothing and reports a failure in one line. Nothing is left behind, and a
//! second attempt succeeds. The calls fail through a filter that asks the helper `faults` about
//! them (`crates/testkit/helpers/faults.c`).
//!
//! CI tries a part of these failures, the same part each time; `NEWROOT_FAULTS_EVERY=1` tries all.

mod launcher;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use newroot_testkit::{Bed, Ending, User, links_left, own, run_within, snapshot};

/// In CI every Nth call fails, and calls for a guest fail with only some errnos.
const EVERY: usize = 7;

/// Time limit for the calls of one engine: minutes if each fails.
const DEADLINE: Duration = Duration::from_secs(1200);

fn every() -> usize {
    let asked = std::env::var("NEWROOT_FAULTS_EVERY").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(EVERY)
}

/// Whether this is the full run instead of CI's short one.
fn all() -> bool {
    every() < EVERY
}

const NO_PATCH: &str = "--no-patch";
const PATCH: &str = "--patch-after=1";

/// Runs the engine with these options, and with this patching in CI; a full run also tries the
/// other patching.
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
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/robust/faults/calls.c");
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
    // The name was removed and couldn't be counted down: the link count is too high, and no file is
    // lost.
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

/// Checks that the store has records only for files that exist.
fn check_store(root: &Path, options: &[&str]) {
    let owners = root.join(".newroot/owners");
    for record in fs::read_dir(owners).into_iter().flatten().filter_map(Result::ok) {
        let name = record.file_name().into_string().expect("a plain name");
        assert!(!name.starts_with("new-"), "{options:?}: {name} is half made");
    }
}

#[test]
fn calls_fail_as_in_the_kernel() {
    calls(&[], PATCH, false);
}

#[test]
fn calls_of_fake_root_fail_as_in_the_kernel() {
    calls(&["--root"], NO_PATCH, false);
}

#[test]
fn refused_calls_stay_refused_when_resources_run_out() {
    calls(&["--root"], PATCH, true);
}

#[test]
fn calls_with_newroots_own_links_fail_as_in_the_kernel() {
    calls(&["--link2symlink"], PATCH, false);
    if all() {
        calls(&["--root", "--link2symlink"], NO_PATCH, false);
    }
}
