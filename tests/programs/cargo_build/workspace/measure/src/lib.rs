//! Measures words.

/// How many letters all words have.
///
/// ```
/// assert_eq!(measure::letters(["a", "bc"].into_iter()), 3);
/// ```
pub fn letters<'a>(words: impl Iterator<Item = &'a str>) -> usize {
    words.map(|word| word.chars().count()).sum()
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_words_have_no_letters() {
        assert_eq!(super::letters(std::iter::empty()), 0);
    }
}
