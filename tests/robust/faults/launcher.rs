//! The launcher: where one of its own calls fails, it exits with 125 and one line, and everything
//! is as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{Bed, Ending, Outcome, User, difference, own, run, snapshot};

use super::every;

/// Error numbers of x86-64 and the launcher's texts for them.
const ERRORS: [(i32, &str); 5] = [
    (12, "Cannot allocate memory"),
    (24, "Too many open files"),
    (23, "Too many open files in system"),
    (28, "No space left on device"),
    (122, "Disk quota exceeded"),
];

/// Returns the N of "every Nth call fails". It is about twice the N for guests, because each
/// failure takes a launch.
fn step() -> usize {
    2 * every() - 1
}

struct TestEnv {
    bed: Bed,
    top: PathBuf,
}

impl TestEnv {
    fn new() -> Self {
        let bed = newroot_testkit::bed!();
        let top = bed.directory("top", User::ordinary());
        Self { bed, top }
    }

    fn newroot(&self, words: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(&self.top).user(User::ordinary());
        run(self.environment(&mut world.command(&self.bed.program("newroot"))).args(words))
    }

    #[track_caller]
    fn succeeds(&self, words: &[&str]) -> Outcome {
        let outcome = self.newroot(words);
        assert_eq!(outcome.ending, Ending::Exit(0), "{words:?}: {}", outcome.stderr());
        outcome
    }

    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("XDG_RUNTIME_DIR", self.top.join("runtime")).env("XDG_CACHE_HOME", self.top.join("cache"))
    }

    /// Runs `newroot WORDS` with this much memory.
    fn with_memory(&self, kilobytes: usize, words: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(&self.top).user(User::ordinary());
        let mut command = world.command(Path::new("/bin/sh"));
        command.args(["-c", "ulimit -v \"$0\" && exec \"$@\"", &kilobytes.to_string()]);
        command.arg(self.bed.program("newroot")).args(words);
        run(self.environment(&mut command))
    }

    /// Runs `newroot WORDS` and has the Nth matching call fail; also returns which call that was.
    fn failing(&self, nth: usize, error: i32, words: &[&str]) -> (Outcome, String) {
        let report = self.bed.scratch().join("report");
        fs::write(&report, "").expect("a place for the report");
        own(&report, User::ordinary());
        let world = self.bed.enter().cwd(&self.top).user(User::ordinary());
        let mut command = world.command(&self.bed.faults());
        command.args(["--calls", &nth.to_string(), &error.to_string()]);
        command.arg("--report").arg(&report).arg("--").arg(self.bed.program("newroot")).args(words);
        let outcome = run(self.environment(&mut command));
        (outcome, fs::read_to_string(report).expect("a report").trim_end().to_owned())
    }

    /// Has each call of `newroot WORDS` fail in turn. After a success `undo` restores the first
    /// state.
    fn each(&self, words: &[&str], undo: impl Fn()) {
        let before = self.files();
        let outcome = self.succeeds(words);
        let (right, made) = (outcome.stdout(), self.files());
        undo();
        assert_eq!(self.files(), before, "{words:?}, undone");
        let (mut faults, mut failures) = (0, 0);
        for (at, (error, reason)) in ERRORS.into_iter().enumerate() {
            let mut nth = 1 + at % step();
            loop {
                let (outcome, failed) = self.failing(nth, error, words);
                let what = format!("{words:?}, call {nth} ({failed}): {reason}");
                if outcome.ending == Ending::Exit(0) {
                    let after = self.files();
                    assert_eq!(outcome.stdout(), right, "{what}: {}", outcome.stderr());
                    assert_same(&made, &after, &what, &outcome);
                    undo();
                } else {
                    check_refusal(&outcome, &what);
                    failures += 1;
                }
                assert_same(&before, &self.files(), &what, &outcome);
                if failed == "nothing" {
                    assert_eq!(outcome.ending, Ending::Exit(0), "{what}: {}", outcome.stderr());
                    break;
                }
                faults += 1;
                nth += step();
            }
        }
        println!("{words:?}: {faults} faults, {failures} failures");
    }

    /// Lists all files except for those of sessions, which no process can remove once the command
    /// runs, and those that newroot keeps for all sessions.
    fn files(&self) -> String {
        const KEPT: [&str; 3] = ["/root/.newroot/sessions/", "/runtime", "/cache"];
        let all = snapshot(&self.top);
        let lines = all.lines().filter(|line| !KEPT.iter().any(|kept| line.starts_with(kept)));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

#[track_caller]
fn assert_same(expected: &str, found: &str, what: &str, outcome: &Outcome) {
    let difference = difference(expected, found).unwrap_or_default();
    assert!(expected == found, "{what}: {}, {}\n{difference}", outcome.ending, outcome.stderr());
}

/// Checks for one line that says what failed, and at most a hint. The reason is as precise as
/// newroot can know: a search through many directories takes one that can't be searched for one
/// without the file.
fn check_refusal(outcome: &Outcome, what: &str) {
    let stderr = outcome.stderr();
    // A command that can't be executed has an exit code of its own.
    let status = if stderr.contains("cannot run '") { 126 } else { 125 };
    assert_eq!(outcome.ending, Ending::Exit(status), "{what}: {stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("hint: ")).collect();
    let [.., line] = lines[..] else { panic!("{what}: no message") };
    assert!(line.starts_with("newroot: ") && line.contains("can"), "{what}: {stderr}");
}

fn remove(path: &Path) {
    fs::remove_dir_all(path).expect("the directory");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--"]).args([from, to]).status().expect("cp");
    assert!(copied.success(), "{} to {}", from.display(), to.display());
}

#[test]
fn init_leaves_nothing_half_done() {
    let place = TestEnv::new();
    let root = place.top.join("root");
    place.each(&["init", "root", "true", "sh"], || remove(&root));
}

#[test]
fn add_leaves_the_root_as_it_was() {
    let place = TestEnv::new();
    place.succeeds(&["init", "root", "true"]);
    let root = place.top.join("root");
    let kept = place.bed.scratch().join("kept");
    copy(&root, &kept);
    place.each(&["add", "root", "sh", "ls"], || {
        remove(&root);
        copy(&kept, &root);
    });
}

#[test]
fn archives_are_whole_or_not_there() {
    let place = TestEnv::new();
    for words in [&["init", "root", "true"][..], &["export", "root", "-o", "root.tar"]] {
        place.succeeds(words);
    }
    let made = |name: &str| place.top.join(name);
    place.each(&["import", "root.tar", "imported"], || remove(&made("imported")));
    place
        .each(&["export", "root", "-o", "new.tar"], || fs::remove_file(made("new.tar")).expect("an archive"));
}

/// The memory is enough to start, but not to make a root or to unpack one.
#[test]
fn memory_that_runs_out_leaves_nothing_half_done() {
    /// Kilobytes of a page, and kilobytes that are enough for anything.
    const PAGE: usize = 4;
    const ENOUGH: usize = 1 << 16;
    /// Kilobytes below enough that are tried.
    const RANGE: usize = 1 << 10;
    let place = TestEnv::new();
    for words in [&["init", "root", "true", "sh"][..], &["export", "root", "-o", "root.tar"]] {
        place.succeeds(words);
    }
    let before = place.files();
    let made = place.top.join("new");
    for words in [&["init", "new", "true", "sh"][..], &["import", "root.tar", "new"]] {
        let works = |kilobytes: usize| {
            let outcome = place.with_memory(kilobytes, words);
            let what = format!("{words:?} with {kilobytes} KiB: {}, {}", outcome.ending, outcome.stderr());
            if outcome.ending == Ending::Exit(0) {
                remove(&made);
            }
            assert_eq!(place.files(), before, "{what}");
            outcome
        };
        let (mut least, mut too_little) = (ENOUGH, 0);
        while least - too_little > PAGE {
            let middle = (least + too_little) / 2;
            *if works(middle).ending == Ending::Exit(0) { &mut least } else { &mut too_little } = middle;
        }
        let tried = (least.saturating_sub(RANGE)..least).step_by(PAGE * every());
        let refusals =
            tried.filter(|&kilobytes| works(kilobytes).stderr().contains("not enough memory")).count();
        println!("{words:?}: {least} KiB are enough, {refusals} refusals");
        assert!(refusals > 0, "{words:?}: {least}");
    }
}

#[test]
fn commands_start_or_fail_in_one_line() {
    let place = TestEnv::new();
    place.succeeds(&["init", "root", "true"]);
    let root = place.top.join("root");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/robust/faults/exits.c");
    fs::copy(place.bed.program_of(&source), root.join("bin/exits")).expect("a program");
    own(&root.join("bin/exits"), User::ordinary());
    for options in [&["--engine=trap"][..], &["--engine=trap", "--root"], &["--engine=namespace"]] {
        let words = [&["run", "--no-recommended"], options, &["root", "--", "/bin/exits"]].concat();
        // The first run makes the files that all sessions share.
        place.succeeds(&words);
        place.each(&words, || {});
    }
}
