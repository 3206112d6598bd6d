//! Shrinks a case that shows something.

use super::case::Case;

/// Leaves out as many lines of `case` as it can while `shows` stays true: first large parts, then
/// small ones.
#[must_use]
pub fn shrink(case: &Case, mut shows: impl FnMut(&Case) -> bool) -> Case {
    let mut smallest = case.clone();
    let mut size = smallest.lines.len().div_ceil(2);
    loop {
        let before = smallest.lines.len();
        // From the end, because fewer lines depend on a late one.
        let mut end = before;
        while end > 0 {
            let start = end.saturating_sub(size);
            let mut smaller = smallest.clone();
            smaller.lines.drain(start..end);
            if shows(&smaller) {
                smallest = smaller;
            }
            end = start;
        }
        if size > 1 {
            size = size.div_ceil(2);
        } else if smallest.lines.len() == before {
            return smallest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Case, shrink};

    #[test]
    fn only_what_is_needed_stays() {
        let case = Case { lines: (0..100).map(|n| n.to_string()).collect() };
        let needed = ["7".to_owned(), "8".to_owned(), "71".to_owned()];
        let small = shrink(&case, |case| needed.iter().all(|line| case.lines.contains(line)));
        assert_eq!(small.lines, needed);
    }
}
