//! The launcher: where a call of its own fails, it ends with 125 and one line, and everything is as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{Bed, Ending, Outcome, User, difference, own, run, snapshot};

use super::every;

/// Error numbers of x86-64 with what the launcher says of them.
const ERRORS: [(i32, &str); 5] = [
    (12, "Cannot allocate memory"),
    (24, "Too many open files"),
    (23, "Too many open files in system"),
    (28, "No space left on device"),
    (122, "Disk quota exceeded"),
];

/// Every so manieth call fails: half as many as of the guest's, for each takes a launch.
fn step() -> usize {
    2 * every() - 1
}

struct Place {
    bed: Bed,
    top: PathBuf,
}

impl Place {
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

    /// Runs `newroot WORDS` with so much memory.
    fn with_memory(&self, kilobytes: usize, words: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(&self.top).user(User::ordinary());
        let mut command = world.command(Path::new("/bin/sh"));
        command.args(["-c", "ulimit -v \"$0\" && exec \"$@\"", &kilobytes.to_string()]);
        command.arg(self.bed.program("newroot")).args(words);
        run(self.environment(&mut command))
    }

    /// Has the Nth fitting call of `newroot WORDS` fail; the result says which one that was.
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

    /// Has each call of `newroot WORDS` fail. After a success `undo` makes everything as it was.
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

    /// All files but those of sessions, which nobody can remove once the command runs, and those that newroot keeps for
    /// all sessions.
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

/// One line that says what could not be done, and perhaps a hint. Why, it says as well as newroot knows: where something
/// is searched for in many places, one that can't be looked at doesn't have it.
fn check_refusal(outcome: &Outcome, what: &str) {
    let stderr = outcome.stderr();
    // That it can't execute a command has a status of its own.
    let status = if stderr.contains("cannot run '") { 126 } else { 125 };
    assert_eq!(outcome.ending, Ending::Exit(status), "{what}: {stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| !line.starts_with("hint: ")).collect();
    let [.., line] = lines[..] else { panic!("{what}: not a word") };
    assert!(line.starts_with("newroot: ") && line.contains("can"), "{what}: {stderr}");
}

fn remove(path: &Path) {
    fs::remove_dir_all(path).expect("what was made");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-a", "--"]).args([from, to]).status().expect("cp");
    assert!(copied.success(), "{} to {}", from.display(), to.display());
}

#[test]
fn init_leaves_nothing_half_done() {
    let place = Place::new();
    let root = place.top.join("root");
    place.each(&["init", "root", "true", "sh"], || remove(&root));
}

#[test]
fn add_leaves_the_root_as_it_was() {
    let place = Place::new();
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
    let place = Place::new();
    for words in [&["init", "root", "true"][..], &["export", "root", "-o", "root.tar"]] {
        place.succeeds(words);
    }
    let made = |name: &str| place.top.join(name);
    place.each(&["import", "root.tar", "imported"], || remove(&made("imported")));
    place
        .each(&["export", "root", "-o", "new.tar"], || fs::remove_file(made("new.tar")).expect("an archive"));
}

/// What there is of memory is enough to start, and not to make a root, or to unpack one.
#[test]
fn memory_that_runs_out_leaves_nothing_half_done() {
    /// Kilobytes of a page, and of what is enough for anything.
    const PAGE: usize = 4;
    const ENOUGH: usize = 1 << 16;
    /// So much less than enough is tried.
    const RANGE: usize = 1 << 10;
    let place = Place::new();
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
            tried.filter(|&kilobytes| works(kilobytes).stderr().contains("without more memory")).count();
        println!("{words:?}: {least} KiB are enough, {refusals} refusals");
        assert!(refusals > 0, "{words:?}: {least}");
    }
}

#[test]
fn commands_start_or_do_not() {
    let place = Place::new();
    place.succeeds(&["init", "root", "true"]);
    let root = place.top.join("root");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/faults/exits.c");
    fs::copy(place.bed.program_of(&source), root.join("bin/exits")).expect("a program");
    own(&root.join("bin/exits"), User::ordinary());
    for options in [&["--engine=trap"][..], &["--engine=trap", "--root"], &["--engine=namespace"]] {
        let words = [&["run", "--no-recommended"], options, &["root", "--", "/bin/exits"]].concat();
        // What is made for all sessions is there afterwards.
        place.succeeds(&words);
        place.each(&words, || {});
    }
}
