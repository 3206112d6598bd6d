//! Runs every test of the workspace, with all their needs, and prints one line with the totals.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, pipe};
use std::ops::AddAssign;

use newroot_testkit::skip_is_failure;

use crate::{Outcome, cargo, setup};

/// Sets the machine up, then runs `cargo test` with `arguments` after it.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    setup::run(Vec::new())?;
    let mut cargo = cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(arguments);
    // One pipe for both streams keeps the lines in order.
    let (output, end) = pipe()?;
    let mut child = cargo.stdout(end.try_clone()?).stderr(end).spawn()?;
    // The command holds the pipe's other end, and would keep it open.
    drop(cargo);
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        tally += Tally::of(&line);
    }
    let status = child.wait()?;
    println!("\n{}", tally.closing_line(skip_is_failure()));
    if status.success() { Ok(()) } else { Err(format!("cargo test: {status}").into()) }
}

/// Numbers of tests by result.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: u64,
    failed: u64,
    /// Tests that weren't started.
    ignored: u64,
    /// Tests that found that they can't run here.
    skipped: u64,
}

impl Tally {
    /// Returns the line with all totals; each test counts once.
    fn closing_line(&self, skip_is_failure: bool) -> String {
        // A skipped test returns normally, so its runner counts it as passed.
        let skipped = if skip_is_failure { 0 } else { self.skipped };
        let passed = self.passed.saturating_sub(skipped);
        format!("{passed} passed, {} failed, {} skipped", self.failed, skipped + self.ignored)
    }

    /// Reads a line of a runner's output: `test result: ok. 3 passed; 0 failed; …` at its end, or
    /// `SKIP NAME: REASON`, which may follow the test's name.
    fn of(line: &str) -> Self {
        let mut tally = Self::default();
        if line.starts_with("SKIP ") || line.contains(" ... SKIP ") {
            tally.skipped = 1;
        }
        let result = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "));
        let counts = result.map_or("", |(_, counts)| counts);
        for count in counts.split("; ") {
            if let Some((number, what)) = count.split_once(' ')
                && let Ok(number) = number.parse()
            {
                match what {
                    "passed" => tally.passed = number,
                    "failed" => tally.failed = number,
                    "ignored" => tally.ignored = number,
                    _ => {}
                }
            }
        }
        tally
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.skipped += other.skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn runners_closing_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.10s";
        assert_eq!(Tally::of(line), Tally { passed: 12, failed: 3, ignored: 1, skipped: 0 });
    }

    #[test]
    fn skipped_test_is_counted_wherever_it_stands() {
        for line in ["SKIP a::b: no guest", "test a::b ... SKIP a::b: no guest"] {
            assert_eq!(Tally::of(line), Tally { skipped: 1, ..Tally::default() }, "{line}");
        }
    }

    #[test]
    fn skipped_test_is_counted_once() {
        let tally = Tally { passed: 5, failed: 1, ignored: 2, skipped: 1 };
        assert_eq!(tally.closing_line(false), "4 passed, 1 failed, 3 skipped");
        assert_eq!(tally.closing_line(true), "5 passed, 1 failed, 2 skipped");
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["test a::b ... ok", "running 3 tests", "", "test result: odd", "2 skipped"] {
            assert_eq!(Tally::of(line), Tally::default(), "{line}");
        }
    }
}
