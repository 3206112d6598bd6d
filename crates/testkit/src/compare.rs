//! Shows how two texts differ.

use std::fmt::Write as _;

/// Number of equal lines to show around different ones.
const CONTEXT: usize = 2;

/// Returns `None` for equal texts. Otherwise returns the lines that only `expected` has, marked
/// `-`, and those that only `seen` has, marked `+`, with their neighbours.
#[must_use]
pub fn difference(expected: &str, seen: &str) -> Option<String> {
    if expected == seen {
        return None;
    }
    let lines = marked_lines(expected, seen);
    let mut text = String::new();
    let mut left_out = false;
    for (at, (mark, line)) in lines.iter().enumerate() {
        let around = &lines[at.saturating_sub(CONTEXT)..lines.len().min(at + CONTEXT + 1)];
        if around.iter().any(|(mark, _)| *mark != ' ') {
            if std::mem::take(&mut left_out) {
                text.push_str("  …\n");
            }
            let _ = writeln!(text, "{mark} {line}");
        } else {
            left_out = true;
        }
    }
    Some(text)
}

/// Returns all lines of both texts in order, each marked `' '` (in both), `'-'` or `'+'`.
fn marked_lines<'a>(expected: &'a str, seen: &'a str) -> Vec<(char, &'a str)> {
    let (old, new): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), seen.lines().collect());
    let common = longest_common_tails(&old, &new);
    let mut lines = Vec::new();
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}

/// Computes a table: `table[i][j]` is the length of the longest common subsequence of `old[i..]`
/// and `new[j..]`.
fn longest_common_tails(old: &[&str], new: &[&str]) -> Vec<Vec<usize>> {
    let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            table[i][j] =
                if old[i] == new[j] { table[i + 1][j + 1] + 1 } else { table[i + 1][j].max(table[i][j + 1]) };
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn equal_texts_have_no_difference() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
    }

    #[test]
    fn changed_line_stands_between_its_neighbours() {
        let text = difference("a\nb\nc\n", "a\nx\nc\n").expect("they differ");
        assert_eq!(text, "  a\n- b\n+ x\n  c\n");
    }

    #[test]
    fn lines_far_from_a_change_are_left_out() {
        let text = difference("1\n2\n3\n4\n5\nx\n", "1\n2\n3\n4\n5\ny\n").expect("they differ");
        assert_eq!(text, "  …\n  4\n  5\n- x\n+ y\n");
    }

    #[test]
    fn missing_and_added_lines_are_marked() {
        let text = difference("a\nb\n", "b\nc\n").expect("they differ");
        assert_eq!(text, "- a\n  b\n+ c\n");
    }
}
