//! What came of tests, read from what their runner prints.

use std::collections::{BTreeMap, BTreeSet};

/// One test's end, as a line of `cargo test` tells it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Verdict<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Whether it passed.
    pub(crate) passed: bool,
}

impl<'a> Verdict<'a> {
    /// `test NAME ... ok` or `test NAME ... FAILED`; `None` for any other line.
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

/// How many tests there were of something, and how many failed.
#[derive(Clone, Copy, Default)]
struct Count {
    all: u32,
    failed: u32,
}

/// Counts by two words.
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

    /// How many failed.
    pub(crate) fn failed(&self) -> u32 {
        self.counts.values().map(|count| count.failed).sum()
    }

    /// As Markdown: how many passed, and of how many where some failed.
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
    fn a_cell_tells_of_failures_where_there_are_some() {
        let mut table = Table::default();
        table.add("b", "x", true);
        table.add("a", "x", true);
        table.add("a", "x", false);
        table.add("a", "y", true);
        assert_eq!(table.text("c"), "| c | x | y |\n| --- | --- | --- |\n| a | 1 of 2 | 1 |\n| b | 1 |  |\n");
        assert_eq!(table.failed(), 1);
    }
}
