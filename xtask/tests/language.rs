//! The rules of `docs/style.md` that a program can check, for documents and for the comments of the
//! crates that follow them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Rust files, and folders of them, whose comments follow the rules.
const CHECKED: &[&str] = &[
    "crates/guest",
    "crates/host",
    "crates/newroot",
    "crates/shared",
    "crates/testkit",
    "fuzz",
    "tests",
    "xtask",
];

/// Documents that are written by a program.
const GENERATED: &[&str] = &["docs/syscalls.md", "docs/guest-tests.md"];

/// Targets of links that need not be there yet.
const EXPECTED: &[&str] = &[];

/// Columns of a line of prose.
const WIDTH: usize = 100;

/// Words that are out of use, or that have another meaning in the field, and words for their place.
/// A `^` stands for the beginning of a sentence, a `.` for the end of a sentence or of a clause.
const ARCHAISMS: &[(&str, &str)] = &[
    ("albeit", "although"),
    ("^ as for", "name the subject"),
    ("aught", "anything"),
    ("ere", "before"),
    ("for want of", "without; because there is no …"),
    ("heretofore", "so far"),
    ("hither", "here"),
    ("kin", "the like; related"),
    ("lest", "so that … not"),
    ("mind", "check"),
    ("minded", "checked"),
    ("minding", "checking"),
    ("minds", "checks"),
    ("nought", "nothing"),
    ("of itself", "by itself; automatically"),
    ("of newroot's .", "newroot's …"),
    ("of root's .", "root's …"),
    ("of the guest's .", "the guest's …"),
    ("of the host's .", "the host's …"),
    ("of the kernel's .", "the kernel's …"),
    ("of the root's .", "the root's …"),
    ("of the shim's .", "the shim's …"),
    ("of the user's .", "the user's …"),
    ("reckoned", "estimated"),
    ("room", "space; size"),
    ("rooms", "modules; spaces"),
    ("so manieth", "Nth"),
    ("so many", "N"),
    ("tell", "report; distinguish; show"),
    ("telling", "reporting; distinguishing"),
    ("tells", "reports; distinguishes; shows"),
    ("therein", "in it"),
    ("thereof", "of it"),
    ("told", "reported; distinguished; known"),
    ("whatsoever", "any"),
    ("whence", "from where"),
    ("wherein", "in which"),
    ("whoever", "a process that; anyone who"),
];

/// Words that don't begin a sentence, unless it is a question.
const SUBJECTS: &[&str] = &["What", "Whatever", "Who", "Whoever", "Whose"];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

/// A piece of prose: a paragraph, an item of a list, a cell, or a comment.
struct Text {
    /// File, and the number of its first line.
    place: String,
    words: String,
}

/// Returns the files below `path` with this extension, or the file itself, sorted.
fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the documents, as paths in the repository with their text.
fn documents() -> Vec<(String, String)> {
    let top = top();
    let mut paths: Vec<PathBuf> =
        ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| top.join(name)).to_vec();
    paths.retain(|path| path.is_file());
    paths.extend(files(&top.join("docs"), "md"));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&top).expect("a path in the repository").display().to_string();
        (name, fs::read_to_string(path).expect("a document"))
    };
    paths.into_iter().map(read).filter(|(name, _)| !GENERATED.contains(&&name[..])).collect()
}

/// Returns the checked Rust files, as paths in the repository with their text.
fn sources() -> Vec<(String, String)> {
    let top = top();
    let mut found = Vec::new();
    for checked in CHECKED {
        let paths = files(&top.join(checked), "rs");
        assert!(!paths.is_empty(), "{checked} in CHECKED is no file or folder");
        for path in paths {
            let name = path.strip_prefix(&top).expect("a path in the repository").display().to_string();
            found.push((name, fs::read_to_string(path).expect("a source")));
        }
    }
    found
}

/// Returns the lines of a document outside of blocks of code, with their numbers.
fn lines_of_prose(text: &str) -> Vec<(usize, &str)> {
    let mut in_code = false;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code && !line.starts_with("<!--") {
            lines.push((index + 1, line));
        }
    }
    lines
}

/// Whether a line begins an item of a list.
fn is_item(line: &str) -> bool {
    let line = line.trim_start();
    let number = line.trim_start_matches(|digit: char| digit.is_ascii_digit());
    line.starts_with("- ")
        || line.starts_with("* ")
        || (number.len() < line.len() && number.starts_with(". "))
}

/// Returns the prose of a document, without code and without the targets of links.
fn prose_of_document(name: &str, text: &str) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    let mut continues = false;
    for (number, line) in lines_of_prose(text) {
        let plain = line.trim();
        // The examples of what not to write.
        let is_example = name == "docs/style.md" && plain.starts_with('|');
        if plain.is_empty() || is_example {
            continues = false;
        } else if plain.starts_with('|') {
            let cells = plain.split('|').map(str::trim).filter(|cell| !cell.is_empty());
            texts
                .extend(cells.map(|cell| Text { place: format!("{name}:{number}"), words: cell.to_owned() }));
            continues = false;
        } else if continues && !is_item(line) && !plain.starts_with('#') {
            let last = texts.last_mut().expect("a text that continues");
            last.words.push(' ');
            last.words.push_str(plain);
        } else {
            let words = plain.trim_start_matches('#');
            let words =
                if is_item(line) { words.split_once(' ').map_or("", |(_, rest)| rest) } else { words };
            texts.push(Text { place: format!("{name}:{number}"), words: words.to_owned() });
            continues = !plain.starts_with('#');
        }
    }
    for text in &mut texts {
        text.words = without_code(&text.words);
    }
    texts
}

/// Removes code, the targets of links, and emphasis.
fn without_code(text: &str) -> String {
    let outside: Vec<&str> = text.split('`').step_by(2).collect();
    let mut plain = String::new();
    let joined = outside.join("_");
    let mut rest = &joined[..];
    while let Some((before, after)) = rest.split_once("](") {
        plain.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.replace(['*', '['], "")
}

/// Returns the number and the text of each line that is a comment as a whole.
fn comment_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().filter_map(|(index, line)| {
        let comment = line.trim_start().strip_prefix("//")?;
        let comment = comment.strip_prefix(['/', '!']).unwrap_or(comment);
        Some((index + 1, comment))
    })
}

/// Returns the comments of a source: each run of such lines, in paragraphs.
fn prose_of_source(name: &str, text: &str) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    let mut next = 0;
    let mut in_code = false;
    for (number, comment) in comment_lines(text) {
        let plain = comment.trim();
        if plain.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code || plain.is_empty() || plain.starts_with('|') {
            continue;
        }
        match texts.last_mut().filter(|_| next == number && !is_item(plain)) {
            Some(last) => {
                last.words.push(' ');
                last.words.push_str(plain);
            }
            None => texts.push(Text { place: format!("{name}:{number}"), words: plain.to_owned() }),
        }
        next = number + 1;
    }
    for text in &mut texts {
        text.words = without_code(&text.words);
    }
    texts
}

fn all_prose() -> Vec<Text> {
    let documents = documents();
    let sources = sources();
    let documents = documents.iter().flat_map(|(name, text)| prose_of_document(name, text));
    documents.chain(sources.iter().flat_map(|(name, text)| prose_of_source(name, text))).collect()
}

/// Returns the words in lower case, with the signs of [`ARCHAISMS`] for beginnings and ends.
fn words(text: &str) -> Vec<String> {
    let mut words = vec!["^".to_owned()];
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|sign: char| !sign.is_alphanumeric() && sign != '_');
        if !bare.is_empty() {
            words.push(bare.to_lowercase());
        }
        if word.ends_with(['.', ',', ';', ':', ')', '?', '!']) {
            words.push(".".to_owned());
        }
        if word.ends_with(['.', '?', '!']) {
            words.push("^".to_owned());
        }
    }
    words.push(".".to_owned());
    words
}

/// Returns the archaisms in a text, with what to write.
fn archaisms(text: &str) -> Vec<(&'static str, &'static str)> {
    let words = words(text);
    let has = |phrase: &str| {
        let phrase: Vec<&str> = phrase.split(' ').collect();
        words.windows(phrase.len()).any(|window| window == phrase)
    };
    ARCHAISMS.iter().copied().filter(|(phrase, _)| has(phrase)).collect()
}

/// Returns the sentences of a text that begin with a word of [`SUBJECTS`] and are no questions.
fn wrong_subjects(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let ends = [". ", "? ", "! "].into_iter().filter_map(|end| rest.find(end));
        let end = ends.min().map_or(rest.len(), |at| at + 1);
        let (sentence, after) = rest.split_at(end);
        let first = sentence.split(|sign: char| !sign.is_alphanumeric()).find(|word| !word.is_empty());
        if first.is_some_and(|first| SUBJECTS.contains(&first)) && !sentence.ends_with('?') {
            found.push(sentence);
        }
        rest = after.trim_start();
    }
    found
}

#[track_caller]
fn none(faults: &str, rule: &str) {
    assert!(faults.is_empty(), "{rule} (docs/style.md):\n{faults}");
}

#[test]
fn lines_of_prose_have_at_most_100_columns() {
    let mut faults = String::new();
    for (name, text) in documents() {
        for (number, line) in lines_of_prose(&text) {
            let has_no_place_to_break = !line.trim().contains(' ') || line.contains("](");
            if line.chars().count() > WIDTH && !line.starts_with('|') && !has_no_place_to_break {
                let _ = writeln!(faults, "{name}:{number}: {line}");
            }
        }
    }
    for (name, text) in sources() {
        for (index, line) in text.lines().enumerate() {
            if line.chars().count() > WIDTH && line.trim_start().starts_with("//") && !line.contains("://") {
                let _ = writeln!(faults, "{name}:{}: {line}", index + 1);
            }
        }
    }
    none(&faults, "lines of prose end at column 100");
}

#[test]
fn no_listed_archaism_is_used() {
    let mut faults = String::new();
    for Text { place, words } in all_prose() {
        for (phrase, instead) in archaisms(&words) {
            let _ = writeln!(faults, "{place}: \"{phrase}\": {instead}");
        }
    }
    none(&faults, "words that are out of use");
}

#[test]
fn no_sentence_has_a_relative_clause_as_its_subject() {
    let mut faults = String::new();
    for Text { place, words } in all_prose() {
        for sentence in wrong_subjects(&words) {
            let _ = writeln!(faults, "{place}: {sentence}");
        }
    }
    none(&faults, "name the actor instead");
}

/// Returns the fragments that the headings of a document are linked by.
fn fragments(text: &str) -> BTreeSet<String> {
    let headings = lines_of_prose(text).into_iter().filter_map(|(_, line)| line.strip_prefix('#'));
    let fragment = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.chars().filter(|sign| sign.is_alphanumeric() || ['-', '_'].contains(sign)).collect()
    };
    headings.map(fragment).collect()
}

#[test]
fn links_in_documents_lead_somewhere() {
    let top = top();
    let mut faults = String::new();
    for (name, text) in documents() {
        let folder = top.join(&name).parent().expect("a folder").to_owned();
        for (number, line) in lines_of_prose(&text) {
            for link in line.split("](").skip(1) {
                let target = link.split(')').next().unwrap_or_default();
                let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
                let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
                let path = if path.is_empty() { top.join(&name) } else { folder.join(path) };
                let is_expected = EXPECTED.iter().any(|expected| path == top.join(expected));
                if is_elsewhere || (!path.exists() && is_expected) {
                    continue;
                }
                let has_fragment =
                    || fragments(&fs::read_to_string(&path).unwrap_or_default()).contains(fragment);
                if !path.exists() || !(fragment.is_empty() || has_fragment()) {
                    let _ = writeln!(faults, "{name}:{number}: {target}");
                }
            }
        }
    }
    none(&faults, "links lead to files and headings that are there");
}

/// Whether a section on errors names an errno, a manual page, a variant or a condition.
fn names_errors(section: &str) -> bool {
    let is_errno = |word: &str| {
        let name = word.trim_matches(|sign: char| !sign.is_ascii_alphanumeric());
        name.len() > 2
            && name.starts_with('E')
            && name.chars().all(|sign| sign.is_ascii_uppercase() || sign.is_ascii_digit())
    };
    let is_page = |word: &str| (1..=8).any(|section| word.contains(&format!("({section})")));
    let is_condition = |word: &str| ["if", "when", "where", "unless"].contains(&&word.to_lowercase()[..]);
    section
        .split_whitespace()
        .any(|word| is_errno(word) || is_page(word) || is_condition(word) || word.contains("::"))
}

#[test]
fn sections_on_errors_name_errnos_or_conditions() {
    let mut faults = String::new();
    for (name, text) in sources() {
        let mut section: Option<(usize, String)> = None;
        let mut check = |section: Option<(usize, String)>| {
            if let Some((number, section)) = section.filter(|(_, section)| !names_errors(section)) {
                let _ = writeln!(faults, "{name}:{number}: {}", section.trim());
            }
        };
        for (index, line) in text.lines().enumerate() {
            match line.trim_start().strip_prefix("///").map(str::trim) {
                Some("# Errors") => check(section.replace((index + 1, String::new()))),
                Some(heading) if heading.starts_with("# ") => check(section.take()),
                Some(words) => {
                    if let Some((_, section)) = &mut section {
                        section.push_str(words);
                        section.push(' ');
                    }
                }
                None => check(section.take()),
            }
        }
    }
    none(&faults, "a section on errors names errnos, conditions or a manual page");
}

#[test]
fn the_checks_find_what_they_are_for() {
    assert_eq!(archaisms("a pointer of the guest's, and").len(), 1);
    assert_eq!(archaisms("a copy of the guest's filters").len(), 0);
    assert_eq!(archaisms("Whoever minds so many files").len(), 3);
    assert_eq!(
        wrong_subjects("It works. What is left goes. What is it? Who knows."),
        ["What is left goes.", "Who knows."]
    );
    assert_eq!(without_code("see `tell` in [the *guide*](docs/tell.md)."), "see _ in the guide.");
    assert!(
        names_errors("ENOENT.") && names_errors("Those of open(2).") && names_errors("Fails if it is full.")
    );
    assert!(!names_errors("The call's.") && !names_errors("What the host gives."));
    assert!(fragments("# One, two: `x`\n").contains("one-two-x"));
}
