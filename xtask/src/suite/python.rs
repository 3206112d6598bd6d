//! CPython's tests of modules that depend on the system.

use super::Suite;
use super::cases::{Cases, Verdict};

pub(super) const SUITE: Suite = Suite {
    name: "python",
    packages: &["libpython3.11-testsuite", "bzip2", "unzip", "xz-utils", "zip"],
    source: None,
    prepare: concat!("cat > /suite/run.py <<'END'\n", include_str!("python.py"), "END\n"),
    version: "python3 -c 'import platform; print(platform.python_version())'",
    groups: "echo os posix subprocess shutil pathlib signal socket threading tarfile",
    run: "exec python3 -B /suite/run.py \"test.test_$1\"",
    read,
    explained: &[],
};

/// Parses the `CASE:` lines that `python.py` prints.
fn read(printed: &str) -> Cases {
    let mut cases = Cases::default();
    let lines = printed.lines().filter_map(|line| line.rsplit_once("CASE: ")?.1.split_once(' '));
    for (verdict, name) in lines {
        let verdict = match verdict {
            "passed" => Verdict::Passed,
            "skipped" => Verdict::Skipped,
            "expected" => Verdict::Expected,
            _ => Verdict::Failed,
        };
        cases.add(name, verdict);
    }
    cases
}
