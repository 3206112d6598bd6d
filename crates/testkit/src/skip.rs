//! Tests that can't run here: printed, counted, and failures in CI.
//!
//! Each test program is a process of its own, and none knows which is the last. So each notes what
//! it skips in a file that all of a `cargo test` find, beside the programs; the last one (xtask's
//! test `skipped`) reads it.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::process::parent_id;
use std::path::PathBuf;
use std::sync::Mutex;

static SKIPPED: Mutex<Skipped> = Mutex::new(Skipped { by_need: [0; 3] });

/// The need of a skipped test that this machine doesn't meet.
#[derive(Clone, Copy)]
enum Need {
    SetUp,
    Root,
    Host,
}

impl Need {
    /// Returns what the reason for a skip asks for.
    fn of(reason: &str) -> Self {
        if reason.contains("cargo xtask setup") || reason.contains("not installed") {
            Self::SetUp
        } else if reason.contains("root") {
            Self::Root
        } else {
            Self::Host
        }
    }
}

/// How many tests were skipped, by what they need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    by_need: [usize; 3],
}

impl Skipped {
    /// Returns what this process has skipped.
    ///
    /// # Panics
    /// If a thread panicked while it counted.
    #[must_use]
    pub fn here() -> Self {
        SKIPPED.lock().expect("the count").clone()
    }

    /// Returns what all test programs of this `cargo test` have skipped, and forgets it.
    #[must_use]
    pub fn of_all_programs() -> Self {
        let Some(file) = file() else { return Self::default() };
        let mut skipped = Self::default();
        for line in fs::read_to_string(&file).unwrap_or_default().lines() {
            skipped.add(Need::of(line));
        }
        // Runs of single test programs have nobody to remove theirs.
        let _ = file.parent().map(fs::remove_dir_all);
        skipped
    }

    fn add(&mut self, need: Need) {
        self.by_need[need as usize] += 1;
    }

    /// Returns a line with the number, and how to have those tests run; `None` if none was skipped.
    #[must_use]
    pub fn line(&self) -> Option<String> {
        let [set_up, root, host] = self.by_need;
        let all = set_up + root + host;
        let ways = [
            (set_up, "run `cargo xtask setup`"),
            (root, "run them as root"),
            (host, "see the reasons above"),
        ];
        let ways: Vec<String> = ways
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, way)| format!("for {count} {way}"))
            .collect();
        (all > 0).then(|| format!("tests skipped: {all}; {}", ways.join(", ")))
    }
}

/// Reports that the test `name` can't run here because of `reason`. The caller returns after it.
///
/// # Panics
/// If the environment has `CI=true`: that machine was set up to run everything.
pub fn skip(name: &str, reason: &str) {
    SKIPPED.lock().expect("the count").add(Need::of(reason));
    // The line is for a summary. No test fails without it.
    if let Some(file) = file() {
        let _ = file.parent().map(fs::create_dir_all);
        let line = format!("{}\n", reason.replace('\n', " "));
        let note = OpenOptions::new().append(true).create(true).open(file);
        let _ = note.and_then(|mut file| file.write_all(line.as_bytes()));
    }
    // The test harness would hide the output of `eprintln!` for a test that passes. One write, so
    // that the line isn't mixed with other output.
    let line = format!("SKIP {name}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(!skip_is_failure(), "{name} was skipped in CI: {reason}");
}

/// Returns the file that is common to all test programs of one `cargo test`, which is their parent:
/// its number and the moment when it started name the file.
fn file() -> Option<PathBuf> {
    let parent = parent_id();
    let stat = fs::read_to_string(format!("/proc/{parent}/stat")).ok()?;
    // The name in parentheses may have spaces in it; proc_pid_stat(5) counts it as the second
    // field.
    let started = stat.rsplit_once(')')?.1.split_whitespace().nth(22 - 3)?;
    // …/debug/deps/NAME-HASH
    let programs = std::env::current_exe().ok()?.parent()?.parent()?.to_owned();
    Some(programs.join("newroot-skipped").join(format!("{parent}-{started}")))
}

/// Whether this is a machine where nothing may be skipped.
#[must_use]
pub fn skip_is_failure() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_say_how_to_have_tests_run() {
        let mut skipped = Skipped::default();
        assert_eq!(skipped.line(), None);
        for reason in
            ["there is no guest: cargo xtask setup makes it", "musl-gcc is not installed", "only root can"]
        {
            skipped.add(Need::of(reason));
        }
        let expected = "tests skipped: 3; for 2 run `cargo xtask setup`, for 1 run them as root";
        assert_eq!(skipped.line().as_deref(), Some(expected));
        skipped.add(Need::of("--confine=strict needs Landlock 6 (Linux 6.12)"));
        let line = skipped.line().expect("some were skipped");
        assert!(line.starts_with("tests skipped: 4; "), "{line}");
        assert!(line.ends_with(", for 1 see the reasons above"), "{line}");
    }
}
