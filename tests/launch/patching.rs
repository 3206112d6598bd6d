//! When call sites are patched, and when they are left alone. All other tests run with and without
//! patching and check that it changes nothing else.

use std::path::PathBuf;

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, run};

/// A root with one program, which reports whether its own call site is unchanged.
struct TestEnv {
    bed: Bed,
    root: PathBuf,
}

impl TestEnv {
    fn new() -> Self {
        let bed = newroot_testkit::bed!();
        let root = bed.directory("root", User::ordinary());
        std::fs::create_dir(root.join("bin")).expect("a directory in the root");
        std::fs::copy(bed.tool("callsite"), root.join("bin/callsite")).expect("the program in the root");
        Self { bed, root }
    }

    fn run(&self, world: impl FnOnce(Enter) -> Enter, options: &[&str], arguments: &[&str]) -> Outcome {
        self.run_with(world, &[], options, arguments)
    }

    fn run_with(
        &self,
        world: impl FnOnce(Enter) -> Enter,
        variables: &[(&str, &str)],
        options: &[&str],
        arguments: &[&str],
    ) -> Outcome {
        let world = world(self.bed.enter()).user(User::ordinary());
        let mut command = world.command(&self.bed.program("newroot"));
        command.args(["run", "--engine=trap"]).args(options).arg(&self.root).args(["--", "/bin/callsite"]);
        run(command.args(arguments).envs(variables.iter().copied()))
    }
}

#[track_caller]
fn check(outcome: &Outcome, expected: &str) {
    assert_eq!(outcome.stdout(), format!("{expected}, 0 wrong\n"), "{}", outcome.stderr());
    assert_eq!(outcome.ending, Ending::Exit(0));
}

#[test]
fn call_site_that_traps_often_is_patched() {
    let place = TestEnv::new();
    check(&place.run(|world| world, &[], &[]), "patched");
    check(&place.run(|world| world, &["--patch-after=1"], &[]), "patched");
}

/// As posix_spawn(3) does, whose child resets every signal.
#[test]
fn call_site_that_traps_often_in_a_vforks_child_is_patched_by_its_parent() {
    check(&TestEnv::new().run(|world| world, &[], &["borrowed"]), "patched");
}

/// The code in front of a call site decides whether it can be patched; that code lies in another
/// mapping by then.
#[test]
fn call_site_behind_a_patched_page_is_patched() {
    check(&TestEnv::new().run(|world| world, &[], &["neighbour"]), "patched");
}

#[test]
fn call_site_that_traps_seldom_is_left_alone() {
    check(&TestEnv::new().run(|world| world, &["--patch-after=1000"], &[]), "as it was");
}

#[test]
fn nothing_is_patched_with_no_patch() {
    let place = TestEnv::new();
    check(&place.run(|world| world, &["--no-patch"], &[]), "as it was");
    check(&place.run_with(|world| world, &[("NEWROOT_NO_PATCH", "1")], &[], &[]), "as it was");
    check(&place.run_with(|world| world, &[("NEWROOT_NO_PATCH", "")], &[], &[]), "patched");
}

#[test]
fn nothing_is_patched_where_code_cannot_be_written() {
    let forbid = |world: Enter| world.without_writable_code();
    check(&TestEnv::new().run(forbid, &["--patch-after=1"], &[]), "as it was");
}

#[test]
fn traced_process_is_left_alone() {
    check(&TestEnv::new().run(|world| world, &["--patch-after=1"], &["traced"]), "as it was");
}
