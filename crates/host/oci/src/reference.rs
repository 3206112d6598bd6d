//! References to images of registries, by the grammar of <https://github.com/distribution/reference>
//! and docker's rules for short names.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, Error};

/// The registry of names without one.
const DEFAULT_REGISTRY: &str = "docker.io";
/// Another name of it, which old configuration has.
const OLD_REGISTRY: &str = "index.docker.io";
/// The first part of the names of its official images.
const OFFICIAL: &str = "library";
/// The tag of a reference that has neither tag nor digest.
const DEFAULT_TAG: &str = "latest";
/// Length of the longest name of registry and repository together, in bytes.
const LONGEST: usize = 255;
/// Length of the longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// An image of a registry: `[REGISTRY[:PORT]/]REPOSITORY[:TAG][@DIGEST]`.
///
/// `debian` is `docker.io/library/debian:latest`. The registry of a name is the part in front of
/// the first slash, if that part has a dot, a colon or a capital letter, or is `localhost`. A
/// reference with tag and digest means the digest; the tag is a note to the reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Returns the registry's host name, and its port if it has one: `ghcr.io`, `localhost:5000`.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the path of the image in the registry: `library/debian`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns the tag, which is `latest` if neither a tag nor a digest was given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Returns the digest of the manifest, if one was given.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the name as docker shows it: without `docker.io/` and `library/`, and without the
    /// tag `latest`. [`Reference::from_str`] reads it as the same reference.
    #[must_use]
    pub fn short(&self) -> String {
        let whole = format!("{}/{}", self.registry, self.repository);
        let name = match (self.registry.as_str(), self.repository.split_once('/')) {
            (DEFAULT_REGISTRY, Some((OFFICIAL, image))) if !image.contains('/') => image.to_owned(),
            (DEFAULT_REGISTRY, Some((first, _))) if first != OFFICIAL && !is_registry(first) => {
                self.repository.clone()
            }
            _ => whole,
        };
        let tag = self.tag.as_deref().filter(|&tag| tag != DEFAULT_TAG || self.digest.is_some());
        written(&name, tag, self.digest.as_ref())
    }
}

fn written(name: &str, tag: Option<&str>, digest: Option<&Digest>) -> String {
    let mut text = name.to_owned();
    if let Some(tag) = tag {
        text += &format!(":{tag}");
    }
    if let Some(digest) = digest {
        text += &format!("@{digest}");
    }
    text
}

impl fmt::Display for Reference {
    /// Writes the whole reference, which [`Reference::from_str`] reads as the same.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{}/{}", self.registry, self.repository);
        out.write_str(&written(&name, self.tag.as_deref(), self.digest.as_ref()))
    }
}

impl FromStr for Reference {
    type Err = Error;

    /// Reads a reference.
    ///
    /// # Errors
    /// Every [`Error`] but [`Error::Scheme`] and [`Error::NotText`], if a part breaks the grammar.
    fn from_str(text: &str) -> crate::Result<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        // A colon in front of a slash belongs to a port.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(checked_tag(tag)?)),
            _ => (rest, None),
        };
        let (registry, repository) = split(name)?;
        let tag = tag.or_else(|| digest.is_none().then(|| DEFAULT_TAG.to_owned()));
        Ok(Self { registry, repository, tag, digest })
    }
}

fn checked_tag(tag: &str) -> crate::Result<String> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_tag = tag.len() <= LONGEST_TAG
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'));
    if is_tag { Ok(tag.to_owned()) } else { Err(Error::Tag(tag.to_owned())) }
}

/// Splits a name into registry and repository, and completes both.
fn split(name: &str) -> crate::Result<(String, String)> {
    if name.is_empty() {
        return Err(Error::Empty);
    }
    let is_number = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_number(name) {
        return Err(Error::Number);
    }
    let (registry, repository) = match name.split_once('/') {
        Some((registry, repository)) if is_registry(registry) => (registry, repository),
        _ => (DEFAULT_REGISTRY, name),
    };
    let registry = if registry == OLD_REGISTRY { DEFAULT_REGISTRY } else { registry };
    check_registry(registry)?;
    let is_official = registry == DEFAULT_REGISTRY && !repository.contains('/');
    let repository = if is_official { format!("{OFFICIAL}/{repository}") } else { repository.to_owned() };
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::Capitals);
    }
    for part in repository.split('/') {
        if !is_component(part) {
            return Err(Error::Part { part: part.to_owned(), what: "a part" });
        }
    }
    if registry.len() + 1 + repository.len() > LONGEST {
        return Err(Error::TooLong);
    }
    Ok((registry.to_owned(), repository))
}

/// Returns whether the first part of a name is a registry's name.
fn is_registry(part: &str) -> bool {
    part == "localhost" || part.contains(['.', ':']) || part.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Checks a host name or address with an optional port.
fn check_registry(registry: &str) -> crate::Result<()> {
    let fail = || Error::Part { part: registry.to_owned(), what: "the registry" };
    // The colons of an IPv6 address are in brackets.
    let end_of_host = registry.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match registry[end_of_host..].find(':') {
        Some(colon) => (&registry[..end_of_host + colon], Some(&registry[end_of_host + colon + 1..])),
        None => (registry, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_label = |label: &str| {
        let is_edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
        is_edge(label.bytes().next())
            && is_edge(label.bytes().last())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(is_label),
    };
    if is_host && port.is_none_or(is_port) { Ok(()) } else { Err(fail()) }
}

/// Returns whether a text is a part of a repository's path: words of small letters and digits, with
/// `.`, `_`, `__` or any number of `-` between two of them.
fn is_component(part: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_edge = |byte: Option<u8>| byte.is_some_and(is_word);
    let are_separators = part
        .split(|letter: char| letter.is_ascii_alphanumeric())
        .all(|between| matches!(between, "" | "." | "_" | "__") || between.bytes().all(|byte| byte == b'-'));
    is_edge(part.bytes().next())
        && is_edge(part.bytes().last())
        && part.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'_' | b'-'))
        && are_separators
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Reference {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn names_are_completed_as_docker_does() {
        let hash = "ab".repeat(32);
        for (text, whole, short) in [
            ("debian", "docker.io/library/debian:latest", "debian"),
            ("debian:12", "docker.io/library/debian:12", "debian:12"),
            ("user/tool", "docker.io/user/tool:latest", "user/tool"),
            ("docker.io/debian", "docker.io/library/debian:latest", "debian"),
            ("index.docker.io/library/debian", "docker.io/library/debian:latest", "debian"),
            ("ghcr.io/a/b/c:v1.0", "ghcr.io/a/b/c:v1.0", "ghcr.io/a/b/c:v1.0"),
            ("localhost/a", "localhost/a:latest", "localhost/a"),
            ("localhost:5000/a/b:c", "localhost:5000/a/b:c", "localhost:5000/a/b:c"),
            ("host:5000/a", "host:5000/a:latest", "host:5000/a"),
            ("HOST/a", "HOST/a:latest", "HOST/a"),
            ("10.0.0.1:80/a", "10.0.0.1:80/a:latest", "10.0.0.1:80/a"),
            ("[::1]:5000/a:b", "[::1]:5000/a:b", "[::1]:5000/a:b"),
            ("u/a--b__c.d/e_f", "docker.io/u/a--b__c.d/e_f:latest", "u/a--b__c.d/e_f"),
            // A name that would mean another registry without its own keeps it.
            ("docker.io/localhost/a", "docker.io/localhost/a:latest", "docker.io/localhost/a"),
            ("library/a/b", "docker.io/library/a/b:latest", "docker.io/library/a/b"),
            ("docker.io", "docker.io/library/docker.io:latest", "docker.io"),
        ] {
            assert_eq!(parsed(text).to_string(), whole);
            assert_eq!(parsed(text).short(), short);
        }
        for (text, short) in [
            (format!("debian@sha256:{hash}"), format!("debian@sha256:{hash}")),
            (format!("debian:latest@sha256:{hash}"), format!("debian:latest@sha256:{hash}")),
            (format!("quay.io/a/b:c@sha256:{hash}"), format!("quay.io/a/b:c@sha256:{hash}")),
        ] {
            assert_eq!(parsed(&text).short(), short);
            assert!(parsed(&text).digest().is_some());
        }
        assert_eq!(parsed(&format!("debian@sha256:{hash}")).tag(), None);
    }

    #[test]
    fn names_that_break_the_grammar_are_refused() {
        let long = "a".repeat(256);
        for text in [
            "",
            ":tag",
            "@sha256:",
            "Debian",
            "a/B",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a..b",
            "a.-b",
            "a___b",
            "a:b:c",
            "a:",
            "a:.b",
            "a:-b",
            "a@b",
            "a b",
            "ä",
            "a/ä",
            "host:port/a",
            "host:70000/a",
            "-h.x/a",
            "h.x-/a",
            "h..x/a",
            "[::1/a",
            "[x]:1/a",
            "../a.b",
            "a/../b",
            &long,
            &"0a".repeat(32),
            &format!("a:{}", "t".repeat(129)),
            "docker.io/",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_the_same(text in "([a-zA-Z0-9._-]{1,4}[:/]){0,4}[a-zA-Z0-9._-]{0,4}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string().parse::<Reference>(), Ok(reference.clone()));
                prop_assert_eq!(reference.short().parse::<Reference>(), Ok(reference.clone()));
                let name = format!("{}/{}", reference.registry(), reference.repository());
                prop_assert!(name.split('/').all(|part| !matches!(part, "" | "." | "..")));
            }
        }
    }
}
