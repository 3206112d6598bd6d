//! Results of cases, and the comparison of both sides.

use std::collections::BTreeMap;
use std::fmt;

/// Result of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed,
    Skipped,
    /// The suite expects it to fail.
    Expected,
    /// The other side ran the case, this one didn't reach it.
    Missing,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Expected => "failed as expected",
            Self::Missing => "missing",
        })
    }
}

/// The cases of a part by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cases(BTreeMap<String, Verdict>);

impl Cases {
    /// Adds a case. A repeated name gets a number as its suffix.
    pub(super) fn add(&mut self, name: &str, verdict: Verdict) {
        let mut unique = name.trim().to_owned();
        let mut number = 1;
        while self.0.contains_key(&unique) {
            number += 1;
            unique = format!("{} ({number})", name.trim());
        }
        self.0.insert(unique, verdict);
    }

    fn get(&self, name: &str) -> Verdict {
        self.0.get(name).copied().unwrap_or(Verdict::Missing)
    }
}

/// A case that each side ends in the same way each time, but not like the other side.
pub(super) struct Difference {
    pub(super) case: String,
    pub(super) native: Verdict,
    pub(super) newroot: Verdict,
}

/// Comparison of a part, or of all parts.
#[derive(Default)]
pub(super) struct Comparison {
    cases: usize,
    skipped: usize,
    passed: [usize; 2],
    pub(super) differences: Vec<Difference>,
    /// Cases whose result changes from run to run on one side.
    pub(super) unsteady: Vec<String>,
}

impl Comparison {
    pub(super) fn of_same(cases: Cases) -> Self {
        let mut same = Self::default();
        cases.0.values().for_each(|&verdict| same.count(verdict, verdict));
        same
    }

    /// Compares two native runs and two in newroot.
    pub(super) fn new(native: [Cases; 2], newroot: [Cases; 2]) -> Self {
        let mut names: Vec<&String> =
            native.iter().chain(&newroot).flat_map(|cases| cases.0.keys()).collect();
        names.sort();
        names.dedup();
        let mut comparison = Self::default();
        for name in names {
            let [native, newroot] =
                [&native, &newroot].map(|runs| [0, 1].map(|run: usize| runs[run].get(name)));
            comparison.count(native[1], newroot[1]);
            if native[0] != native[1] || newroot[0] != newroot[1] {
                comparison.unsteady.push(name.clone());
            } else if native != newroot {
                let (native, newroot) = (native[0], newroot[0]);
                comparison.differences.push(Difference { case: name.clone(), native, newroot });
            }
        }
        comparison
    }

    fn count(&mut self, native: Verdict, newroot: Verdict) {
        self.cases += 1;
        self.skipped += usize::from(native == Verdict::Skipped);
        self.passed[0] += usize::from(native == Verdict::Passed);
        self.passed[1] += usize::from(newroot == Verdict::Passed);
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.cases += other.cases;
        self.skipped += other.skipped;
        self.passed[0] += other.passed[0];
        self.passed[1] += other.passed[1];
        self.differences.extend(other.differences);
        self.unsteady.extend(other.unsteady);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cases == 0
    }

    pub(super) fn summary(&self) -> String {
        let (differences, unsteady) = (self.differences.len(), self.unsteady.len());
        format!("{} cases, {differences} differ, {unsteady} unsteady", self.cases)
    }

    /// Returns the columns of the table.
    pub(super) fn row(&self) -> String {
        let [native, newroot] = self.passed;
        let (differences, unsteady) = (self.differences.len(), self.unsteady.len());
        format!("{} | {} | {native} | {newroot} | {differences} | {unsteady}", self.cases, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cases, Comparison, Verdict};

    fn cases(list: &[(&str, Verdict)]) -> Cases {
        let mut cases = Cases::default();
        list.iter().for_each(|&(name, verdict)| cases.add(name, verdict));
        cases
    }

    #[test]
    fn a_difference_is_one_each_time() {
        use Verdict::{Failed, Passed};
        let native = || cases(&[("a", Passed), ("b", Passed), ("c", Passed)]);
        let first = cases(&[("a", Failed), ("b", Failed)]);
        let second = cases(&[("a", Failed), ("b", Passed)]);
        let compared = Comparison::new([native(), native()], [first, second]);
        let differing: Vec<&str> = compared.differences.iter().map(|difference| &*difference.case).collect();
        assert_eq!(differing, ["a", "c"]);
        assert_eq!(compared.unsteady, ["b"]);
        assert_eq!(compared.row(), "3 | 0 | 3 | 1 | 2 | 1");
    }

    #[test]
    fn cases_of_one_name_stay_apart() {
        let twice = cases(&[("a", Verdict::Passed), ("a", Verdict::Failed)]);
        assert_eq!(twice.get("a (2)"), Verdict::Failed);
    }
}
