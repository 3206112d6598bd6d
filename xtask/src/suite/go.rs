//! Go's tests of the packages that use most of the system.

use super::Suite;
use super::cases::{Cases, Verdict};

pub(super) const SUITE: Suite = Suite {
    name: "go",
    packages: &["golang-src"],
    source: None,
    prepare: "export GOCACHE=/scratch/cache
        for package in os os/exec path/filepath syscall; do
            mkdir -p \"/suite/$package\"
            go test -c -o \"/suite/$package/tests\" \"$package\"
        done",
    version: "go env GOVERSION | sed s/go//",
    groups: "echo os os/exec path/filepath syscall",
    // `go test` would do the same. Building Go programs is tested elsewhere.
    run: "cd \"$(go env GOROOT)/src/$1\"
        export GOCACHE=/scratch/cache
        exec \"/suite/$1/tests\" -test.v",
    read,
    explained: &[],
};

/// Parses `--- PASS: TestX/sub (0.00s)`, which is indented for a subtest.
fn read(printed: &str) -> Cases {
    let mut cases = Cases::default();
    for line in printed.lines() {
        let Some((verdict, rest)) =
            line.trim_start().strip_prefix("--- ").and_then(|line| line.split_once(": "))
        else {
            continue;
        };
        let verdict = match verdict {
            "PASS" => Verdict::Passed,
            "SKIP" => Verdict::Skipped,
            "FAIL" => Verdict::Failed,
            _ => continue,
        };
        cases.add(rest.split(" (").next().unwrap_or(rest), verdict);
    }
    cases
}
