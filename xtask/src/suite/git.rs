//! git's own tests: its basics (t0), the object store and references (t1), and the index and files
//! (t3).

use super::Suite;
use super::cases::{Cases, Verdict};

pub(super) const SUITE: Suite = Suite {
    name: "git",
    packages: &["gettext", "zlib1g-dev"],
    source: Some("git"),
    // Programs that aren't built have no tests among these.
    prepare: "cd /suite/source
        make -s -j2 NO_CURL=1 NO_EXPAT=1 NO_GETTEXT=1 NO_OPENSSL=1 NO_TCLTK=1 all > /dev/null",
    version: "/suite/source/git version | cut -d' ' -f3",
    groups: "cd /suite/source/t; ls | sed -n 's/^\\(t[013][0-9]*-.*\\)\\.sh$/\\1/p'",
    run: "cd /suite/source/t
        echo \"part $1\"
        TEST_OUTPUT_DIRECTORY=/scratch exec \"./$1.sh\"",
    read,
    explained: &[],
};

/// Parses the lines of the Test Anything Protocol. A skipped script is one case.
fn read(printed: &str) -> Cases {
    let mut cases = Cases::default();
    let part = printed.lines().find_map(|line| line.strip_prefix("part ")).unwrap_or("");
    for line in printed.lines() {
        if line.starts_with("1..0 # SKIP") {
            cases.add(part, Verdict::Skipped);
        }
        let (ok, rest) = match (line.strip_prefix("ok "), line.strip_prefix("not ok ")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => continue,
        };
        let number = rest.split([' ', '-']).next().unwrap_or("");
        if number.parse::<u32>().is_err() {
            continue;
        }
        let verdict = match (ok, rest) {
            (_, rest) if rest.contains(" # skip ") => Verdict::Skipped,
            (false, rest) if rest.contains(" # TODO ") => Verdict::Expected,
            (true, _) => Verdict::Passed,
            (false, _) => Verdict::Failed,
        };
        let name = rest.split_once(" # ").map_or(rest, |(name, _)| name);
        cases.add(&format!("{part} {name}"), verdict);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::suite::cases::{Cases, Verdict};

    #[test]
    fn tap_has_five_kinds_of_lines() {
        let printed = "part t1\nok 1 - a\nnot ok 2 - b\nok 3 # skip c (missing X)\n\
            not ok 4 - d # TODO known breakage\nokay 5\nok - x\n";
        let mut cases = Cases::default();
        cases.add("t1 1 - a", Verdict::Passed);
        cases.add("t1 2 - b", Verdict::Failed);
        cases.add("t1 3", Verdict::Skipped);
        cases.add("t1 4 - d", Verdict::Expected);
        assert_eq!(read(printed), cases);
        let mut left_out = Cases::default();
        left_out.add("t2", Verdict::Skipped);
        assert_eq!(read("part t2\n1..0 # SKIP no\n"), left_out);
    }
}
