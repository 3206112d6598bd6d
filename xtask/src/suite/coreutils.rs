//! GNU coreutils' own tests: programs such as ls, in the odd cases that their authors met.

use super::Suite;
use super::cases::{Cases, Verdict};

pub(super) const SUITE: Suite = Suite {
    name: "coreutils",
    packages: &["bc", "gettext", "gperf", "libacl1-dev", "libattr1-dev", "libcap-dev"],
    source: Some("coreutils"),
    prepare: "cd /suite/source
        ./configure --quiet --disable-dependency-tracking --disable-nls
        make -s -j2 > /dev/null",
    version: "/suite/source/src/ls --version | sed -n '1s/.* //p'",
    groups: "cd /suite/source/tests; find . -mindepth 2 \\( -name '*.sh' -o -name '*.pl' \\) | cut -d/ -f2 | sort -u",
    // Only tests in the suite's own list: other scripts are its helpers.
    run: "cd /suite/source
        tests=$(sed 's/[[:space:]\\\\]//g' tests/local.mk | grep \"^tests/$1/.*\\.[sp][hl]$\" | sort -u | tr '\\n' ' ')
        exec make -k check-TESTS TESTS=\"$tests\"",
    // After a failure the suite prints the logs of all tests, under names without suffixes.
    read: |printed| marked(&lines_of_scripts(printed)),
    explained: &[
        (
            "tests/df/df-symlink.sh",
            "natively the suite lies on a bind mount, which df finds; newroot's bindings are no mounts",
        ),
        ("tests/ls/stat-free-symlinks.sh", "it counts strace's lines, and traps show as SIGSYS"),
    ],
};

fn lines_of_scripts(printed: &str) -> String {
    let is_script = |line: &&str| line.ends_with(".sh") || line.ends_with(".pl");
    printed.lines().filter(is_script).map(|line| format!("{line}\n")).collect()
}

/// Parses lines such as `PASS: NAME`, which other suites print, too.
pub(super) fn marked(printed: &str) -> Cases {
    let mut cases = Cases::default();
    for line in printed.lines() {
        let Some((mark, name)) = line.split_once(": ") else {
            continue;
        };
        let verdict = match mark {
            "PASS" => Verdict::Passed,
            "FAIL" | "ERROR" | "XPASS" => Verdict::Failed,
            "SKIP" | "SKIPPED" | "UNTESTED" => Verdict::Skipped,
            "XFAIL" => Verdict::Expected,
            _ => continue,
        };
        cases.add(name, verdict);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::SUITE;
    use crate::suite::cases::{Cases, Verdict};

    #[test]
    fn a_test_counts_once() {
        let printed =
            "PASS: tests/a/b.sh\nFAIL: tests/a/c.pl\nFAIL: tests/a/c\n# FAIL: 1\nSKIP: tests/a/d.sh\n";
        let mut cases = Cases::default();
        cases.add("tests/a/b.sh", Verdict::Passed);
        cases.add("tests/a/c.pl", Verdict::Failed);
        cases.add("tests/a/d.sh", Verdict::Skipped);
        assert_eq!((SUITE.read)(printed), cases);
    }
}
