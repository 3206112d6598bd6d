//! Results of tests, read from the output of their runner.

use std::collections::{BTreeMap, BTreeSet};

/// Result of one test, as a line of `cargo test` reports it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict<'a> {
    /// The test's name.
    pub(crate) name: &'a str,
    /// Whether it passed.
    pub(crate) passed: bool,
}

impl<'a> Verdict<'a> {
    /// Parses `test NAME ... ok` and `test NAME ... FAILED`; `None` for any other line.
    pub(crate) fn of(line: &'a str) -> Option<Self> {
        let (name, end) = line.trim_end().strip_prefix("test ")?.rsplit_once(" ... ")?;
        let passed = match end {
            "ok" => true,
            "FAILED" => false,
            _ => return None,
        };
        Some(Self { name: name.trim_end(), passed })
    }
}

/// Numbers of tests and of failed ones.
#[derive(Clone, Copy, Default)]
struct Count {
    all: u32,
    failed: u32,
}

/// Counts by row and column.
#[derive(Default)]
pub(crate) struct Table {
    counts: BTreeMap<(String, String), Count>,
}

impl Table {
    /// Counts a test.
    pub(crate) fn add(&mut self, row: &str, column: &str, passed: bool) {
        let count = self.counts.entry((row.to_owned(), column.to_owned())).or_default();
        count.all += 1;
        count.failed += u32::from(!passed);
    }

    /// Returns the number of failed tests.
    pub(crate) fn failed(&self) -> u32 {
        self.counts.values().map(|count| count.failed).sum()
    }

    /// Returns the table as Markdown: the number of passed tests, and the total where some failed.
    pub(crate) fn text(&self, corner: &str) -> String {
        let rows: BTreeSet<&str> = self.counts.keys().map(|(row, _)| &**row).collect();
        let columns: BTreeSet<&str> = self.counts.keys().map(|(_, column)| &**column).collect();
        let mut lines = vec![line(corner, columns.iter().map(|&column| column.to_owned()))];
        lines.push(line("---", columns.iter().map(|_| "---".to_owned())));
        for row in rows {
            let cells =
                columns.iter().map(|&column| match self.counts.get(&(row.to_owned(), column.to_owned())) {
                    None => String::new(),
                    Some(Count { all, failed: 0 }) => all.to_string(),
                    Some(Count { all, failed }) => format!("{} of {all}", all - failed),
                });
            lines.push(line(row, cells));
        }
        lines.concat()
    }
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<String> = std::iter::once(first.to_owned()).chain(cells).collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::{Table, Verdict};

    #[test]
    fn names_stand_between_the_word_test_and_the_dots() {
        let ok = Verdict::of("test trap::fs::links     ... ok\r");
        assert_eq!(ok, Some(Verdict { name: "trap::fs::links", passed: true }));
        assert_eq!(Verdict::of("test a ... FAILED"), Some(Verdict { name: "a", passed: false }));
        assert_eq!(Verdict::of("test result: ok. 3 passed; 0 failed"), None);
        assert_eq!(Verdict::of("running 3 tests"), None);
    }

    #[test]
    fn a_cell_shows_failures_if_there_are_any() {
        let mut table = Table::default();
        table.add("b", "x", true);
        table.add("a", "x", true);
        table.add("a", "x", false);
        table.add("a", "y", true);
        assert_eq!(table.text("c"), "| c | x | y |\n| --- | --- | --- |\n| a | 1 of 2 | 1 |\n| b | 1 |  |\n");
        assert_eq!(table.failed(), 1);
    }
}
