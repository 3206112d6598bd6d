//! The package sources from which this machine's own apt takes its distribution.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// A distribution's release, and the sources of its packages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Distribution {
    /// The release's code name.
    pub(crate) suite: String,
    /// Sources in apt's one-line style.
    pub(crate) lists: String,
    /// Sources in apt's deb822 style, as stanzas.
    pub(crate) stanzas: String,
}

impl Distribution {
    /// Reads this machine's release and apt's sources. Sources of other vendors, which are for
    /// suites of other names, are left out.
    pub(crate) fn of_this_machine() -> Result<Self, Box<dyn Error>> {
        let release = read(Path::new("/etc/os-release"))?;
        let suite = code_name(&release).ok_or("/etc/os-release names no VERSION_CODENAME")?.to_owned();
        let mut distribution = Self { suite, lists: String::new(), stanzas: String::new() };
        for path in source_files()? {
            let text = read(&path)?;
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("list") => distribution.lists += &lines_of_suite(&text, &distribution.suite),
                Some("sources") => distribution.stanzas += &stanzas_of_suite(&text, &distribution.suite),
                _ => {}
            }
        }
        if distribution.lists.is_empty() && distribution.stanzas.is_empty() {
            return Err(format!("apt has no source of packages for '{}'", distribution.suite).into());
        }
        Ok(distribution)
    }
}

impl Distribution {
    /// Returns another release from the same servers, without its updates and similar suites.
    pub(crate) fn release(&self, suite: &str) -> Self {
        let lists = self.lists.lines().filter_map(|line| {
            let is_it = |word: &&str| *word == self.suite;
            line.split_whitespace().find(is_it)?;
            let words: Vec<&str> =
                line.split_whitespace().map(|word| if is_it(&word) { suite } else { word }).collect();
            Some(format!("{}\n", words.join(" ")))
        });
        let stanzas = self.stanzas.split_inclusive("\n\n").filter_map(|stanza| {
            let is_suites = |line: &&str| line.starts_with("Suites:");
            let suites = stanza.lines().find(is_suites)?;
            suites.split_whitespace().find(|word| *word == self.suite)?;
            let lines = stanza.trim_end().lines();
            let lines =
                lines.map(
                    |line| if is_suites(&line) { format!("Suites: {suite}\n") } else { format!("{line}\n") },
                );
            Some(format!("{}\n", lines.collect::<String>()))
        });
        Self { suite: suite.to_owned(), lists: lists.collect(), stanzas: stanzas.collect() }
    }
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    fs::read_to_string(path).map_err(|error| format!("cannot read '{}': {error}", path.display()).into())
}

fn source_files() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = vec![PathBuf::from("/etc/apt/sources.list")];
    files.retain(|path| path.exists());
    let mut parts: Vec<PathBuf> = fs::read_dir("/etc/apt/sources.list.d")?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<_, std::io::Error>>()?;
    parts.sort();
    files.append(&mut parts);
    Ok(files)
}

fn code_name(release: &str) -> Option<&str> {
    let value = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    Some(value.trim_matches('"')).filter(|name| !name.is_empty())
}

/// Whether `word` is `suite` or one of its updates, such as `bookworm-updates`.
fn is_of(suite: &str, word: &str) -> bool {
    word.strip_prefix(suite).is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '/']))
}

/// Returns the lines `deb [OPTIONS] URI SUITE COMPONENT...` for a suite.
fn lines_of_suite(text: &str, suite: &str) -> String {
    let is_source = |line: &&str| {
        let mut words =
            line.split_whitespace().skip_while(|word| !word.contains("://") && !word.starts_with("file:"));
        line.trim_start().starts_with("deb ") && words.nth(1).is_some_and(|word| is_of(suite, word))
    };
    text.lines().filter(is_source).map(|line| format!("{line}\n")).collect()
}

/// Returns the stanzas for a suite, without their comments.
fn stanzas_of_suite(text: &str, suite: &str) -> String {
    let uncommented: String = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    let is_source = |stanza: &&str| {
        let field = |name: &str| {
            let value = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.unwrap_or("").split_whitespace()
        };
        field("Suites").any(|word| is_of(suite, word))
            && field("Types").any(|word| word == "deb")
            && field("Enabled").all(|word| word != "no")
    };
    uncommented.split("\n\n").filter(is_source).map(|stanza| format!("{}\n\n", stanza.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::{Distribution, code_name, lines_of_suite, stanzas_of_suite};

    #[test]
    fn another_release_comes_from_the_same_places() {
        let distribution = Distribution {
            suite: "sid".to_owned(),
            lists: "deb [arch=amd64] http://a.example/x sid main\ndeb http://a.example/x sid-updates main\n"
                .to_owned(),
            stanzas: "Types: deb\nURIs: http://a.example/x\nSuites: sid sid-updates\nComponents: main\n\n\
                      Types: deb\nURIs: http://b.example/x\nSuites: sid-security\n\n"
                .to_owned(),
        };
        let other = distribution.release("next");
        assert_eq!(other.suite, "next");
        assert_eq!(other.lists, "deb [arch=amd64] http://a.example/x next main\n");
        assert_eq!(other.stanzas, "Types: deb\nURIs: http://a.example/x\nSuites: next\nComponents: main\n\n");
    }

    #[test]
    fn code_name_may_be_quoted() {
        assert_eq!(code_name("ID=debian\nVERSION_CODENAME=\"sid\"\n"), Some("sid"));
        assert_eq!(code_name("ID=debian\nVERSION_CODENAME=\n"), None);
    }

    #[test]
    fn lines_of_other_suites_are_left_out() {
        let text = "# deb http://a.example/x sid main\n\
            deb http://a.example/x sid main contrib\n\
            deb [arch=amd64 signed-by=/k.gpg] http://b.example/y sid-updates main\n\
            deb-src http://a.example/x sid main\n\
            deb http://c.example/z stable main\n\
            deb http://d.example/z sidney main\n";
        assert_eq!(
            lines_of_suite(text, "sid"),
            "deb http://a.example/x sid main contrib\n\
             deb [arch=amd64 signed-by=/k.gpg] http://b.example/y sid-updates main\n"
        );
    }

    #[test]
    fn stanzas_of_other_suites_are_left_out() {
        let text = "Types: deb\n# a comment inside\nURIs: http://a.example/x\nSuites: sid sid-updates\n\n\
            Types: deb\nURIs: http://b.example/x\nSuites: nodistro\n\n\
            Types: deb-src\nURIs: http://c.example/x\nSuites: sid\n\n\
            Types: deb\nEnabled: no\nURIs: http://d.example/x\nSuites: sid\n";
        assert_eq!(
            stanzas_of_suite(text, "sid"),
            "Types: deb\nURIs: http://a.example/x\nSuites: sid sid-updates\n\n"
        );
    }
}
