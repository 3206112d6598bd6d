//! The form of `needs.list`, whose head describes it.

/// The files that a section is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Program,
    Library,
}

/// Files that certain programs or libraries need.
#[derive(Debug, Default)]
pub(super) struct Section<'a> {
    /// Patterns of file names.
    pub(super) names: Vec<(Subject, Vec<&'a str>)>,
    pub(super) lines: Vec<Line<'a>>,
}

/// One line of a section.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Files and directories at paths that match.
    Bring {
        patterns: Vec<&'a str>,
        /// Names in a brought directory, or patterns of them, that stay behind.
        except: Vec<&'a str>,
        /// Size in bytes beyond which a file stays behind.
        at_most: Option<u64>,
    },
    /// The paths that the program prints for these arguments.
    Ask(Vec<&'a str>),
    /// Further programs.
    With(Vec<&'a str>),
    /// A variable, with the program's output as its value.
    Set(&'a str, Vec<&'a str>),
    /// A variable, with the directory of the path that the program prints as its value.
    Dir(&'a str, Vec<&'a str>),
}

/// Parses a list. The second value has the numbers of invalid lines.
pub(super) fn parse(text: &str) -> (Vec<Section<'_>>, Vec<usize>) {
    let mut sections: Vec<Section<'_>> = Vec::new();
    let mut malformed = Vec::new();
    for (number, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let understood = match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(head) => head_of(head).map(|names| match sections.last_mut() {
                // Heads that follow each other share the lines below them.
                Some(section) if section.lines.is_empty() => section.names.push(names),
                _ => sections.push(Section { names: vec![names], lines: Vec::new() }),
            }),
            None => words(line)
                .and_then(|words| line_of(&words))
                .and_then(|line| sections.last_mut().map(|section| section.lines.push(line))),
        };
        if understood.is_none() {
            malformed.push(number);
        }
    }
    (sections, malformed)
}

fn head_of(head: &str) -> Option<(Subject, Vec<&str>)> {
    let (kind, names) = head.split_once(' ')?;
    let subject = match kind {
        "program" => Subject::Program,
        "library" => Subject::Library,
        _ => return None,
    };
    Some((subject, names.split_whitespace().collect()))
}

fn line_of<'a>(words: &[&'a str]) -> Option<Line<'a>> {
    let (&verb, rest) = words.split_first().filter(|(_, rest)| !rest.is_empty())?;
    Some(match verb {
        "bring" => bring(rest)?,
        "ask" => Line::Ask(rest.to_vec()),
        "with" => Line::With(rest.to_vec()),
        "set" | "dir" => {
            let (&variable, arguments) = rest.split_first().filter(|(_, rest)| !rest.is_empty())?;
            let make = if verb == "set" { Line::Set } else { Line::Dir };
            make(variable, arguments.to_vec())
        }
        _ => return None,
    })
}

fn bring<'a>(words: &[&'a str]) -> Option<Line<'a>> {
    let (mut patterns, mut except, mut at_most) = (Vec::new(), Vec::new(), None);
    let mut excepting = false;
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        match word {
            "except" => excepting = true,
            "at-most" => at_most = Some(words.next()?.parse().ok()?),
            _ if excepting => except.push(word),
            _ => patterns.push(word),
        }
    }
    (!patterns.is_empty()).then_some(Line::Bring { patterns, except, at_most })
}

/// Splits a line into words. Quotes keep blanks in a word. `None` if a quote isn't closed.
fn words(line: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'')?,
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word);
        rest = after.trim_start();
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_lines_are_read() {
        let text = "# comment\n[program a b*]\n[library c]\nbring /x /y except z at-most 10\n\
                    ask -e 'two words'\n\n[program d]\nset v -p\ndir w -q\nwith e f\n";
        let (sections, malformed) = parse(text);
        assert_eq!(malformed, [0; 0]);
        assert_eq!(sections[0].names, [(Subject::Program, vec!["a", "b*"]), (Subject::Library, vec!["c"])]);
        let bring = Line::Bring { patterns: vec!["/x", "/y"], except: vec!["z"], at_most: Some(10) };
        assert_eq!(sections[0].lines, [bring, Line::Ask(vec!["-e", "two words"])]);
        assert_eq!(
            sections[1].lines,
            [Line::Set("v", vec!["-p"]), Line::Dir("w", vec!["-q"]), Line::With(vec!["e", "f"])]
        );
    }

    #[test]
    fn lines_that_mean_nothing_are_named() {
        let (_, malformed) =
            parse("bring /x\n[thing a]\n[program a]\nfetch /x\nask\nask 'x\nset v\nbring except y");
        assert_eq!(malformed, [1, 2, 4, 5, 6, 7, 8]);
    }
}
