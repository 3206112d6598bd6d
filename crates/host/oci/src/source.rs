//! The places that images come from, as skopeo and podman write them: `TRANSPORT:DETAILS`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use crate::{Error, Reference, Result};

/// The place of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An image of a registry.
    Registry(Reference),
    /// An image in a directory with the OCI image layout (`oci:DIR[:NAME]`).
    OciLayout {
        /// Host directory.
        directory: PathBuf,
        /// The image's name in the layout; without one, the layout's only image.
        name: Option<OsString>,
    },
    /// An image in a tar archive of an OCI image layout (`oci-archive:FILE[:NAME]`).
    OciArchive {
        /// Host file.
        file: PathBuf,
        /// The image's name in the layout; without one, the layout's only image.
        name: Option<OsString>,
    },
    /// An image in an archive that `docker save` writes (`docker-archive:FILE[:NAME]`).
    DockerArchive {
        /// Host file.
        file: PathBuf,
        /// The image's name in the archive; without one, the archive's only image.
        name: Option<OsString>,
    },
}

/// Words that other programs take for a place, and newroot doesn't.
const UNKNOWN: &[&str] =
    &["containers-storage", "dir", "docker-daemon", "ostree", "sif", "library", "shub", "oras"];

impl Source {
    /// Reads the place of an image. A name without a known word in front of its first colon is a
    /// reference to a registry's image, as is one behind `docker://`. In the others the path ends
    /// at the first colon, as in skopeo.
    ///
    /// # Errors
    /// [`Error::Scheme`] for a place that newroot can't read, [`Error::Empty`] without a path, and
    /// those of [`Reference::from_str`](std::str::FromStr::from_str).
    pub fn parse(text: &OsStr) -> Result<Self> {
        let bytes = text.as_bytes();
        let colon = bytes.iter().position(|&byte| byte == b':');
        let (word, details) =
            colon.map_or((bytes, None), |colon| (&bytes[..colon], Some(&bytes[colon + 1..])));
        match (word, details) {
            (b"oci", Some(details)) => {
                let (directory, name) = path_and_name(details)?;
                Ok(Self::OciLayout { directory, name })
            }
            (b"oci-archive", Some(details)) => {
                let (file, name) = path_and_name(details)?;
                Ok(Self::OciArchive { file, name })
            }
            (b"docker-archive", Some(details)) => {
                let (file, name) = path_and_name(details)?;
                Ok(Self::DockerArchive { file, name })
            }
            (b"docker", Some(details)) if details.starts_with(b"//") => {
                Ok(Self::Registry(reference(&details[2..])?))
            }
            (word, Some(details)) if is_unknown(word, details) => {
                Err(Error::Scheme { scheme: String::from_utf8_lossy(word).into_owned() })
            }
            _ => Ok(Self::Registry(reference(bytes)?)),
        }
    }
}

/// Returns whether a word in front of a colon names a place rather than an image: one that other
/// programs know, or one in front of two slashes.
fn is_unknown(word: &[u8], details: &[u8]) -> bool {
    // `dir:1` may be an image; a path isn't a tag.
    let is_path = details.contains(&b'/');
    details.starts_with(b"//") || (is_path && UNKNOWN.iter().any(|unknown| unknown.as_bytes() == word))
}

fn reference(bytes: &[u8]) -> Result<Reference> {
    std::str::from_utf8(bytes).map_err(|_| Error::NotText)?.parse()
}

fn path_and_name(details: &[u8]) -> Result<(PathBuf, Option<OsString>)> {
    let colon = details.iter().position(|&byte| byte == b':');
    let (path, name) =
        colon.map_or((details, None), |colon| (&details[..colon], Some(&details[colon + 1..])));
    if path.is_empty() {
        return Err(Error::Empty);
    }
    let text = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    Ok((PathBuf::from(text(path)), name.filter(|name| !name.is_empty()).map(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Source {
        Source::parse(OsStr::new(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn word_in_front_of_a_colon_names_the_place() {
        let path = PathBuf::from;
        let name = |name: &str| Some(OsString::from(name));
        assert_eq!(parsed("oci:a/b"), Source::OciLayout { directory: path("a/b"), name: None });
        assert_eq!(parsed("oci:a:b:c"), Source::OciLayout { directory: path("a"), name: name("b:c") });
        assert_eq!(parsed("oci-archive:/a:"), Source::OciArchive { file: path("/a"), name: None });
        assert_eq!(
            parsed("docker-archive:a.tar:debian:12"),
            Source::DockerArchive { file: path("a.tar"), name: name("debian:12") }
        );
        let bytes = OsStr::from_bytes(b"oci:\xff:\xfe");
        let found = Source::parse(bytes).expect("a place");
        let expected = Source::OciLayout {
            directory: PathBuf::from(OsStr::from_bytes(b"\xff")),
            name: Some(OsStr::from_bytes(b"\xfe").to_owned()),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn other_names_are_those_of_registries() {
        for (text, whole) in [
            ("debian:12", "docker.io/library/debian:12"),
            ("docker://debian", "docker.io/library/debian:latest"),
            ("docker:dind", "docker.io/library/docker:dind"),
            ("oci", "docker.io/library/oci:latest"),
            ("dir:1", "docker.io/library/dir:1"),
        ] {
            assert_eq!(parsed(text), Source::Registry(whole.parse().expect("a reference")));
        }
    }

    #[test]
    fn places_that_newroot_cannot_read_are_named() {
        for (text, word) in [
            ("https://example.org/a", "https"),
            ("containers-storage:a/b", "containers-storage"),
            ("dir:/a", "dir"),
        ] {
            assert_eq!(Source::parse(OsStr::new(text)), Err(Error::Scheme { scheme: word.to_owned() }));
        }
        assert_eq!(Source::parse(OsStr::new("oci:")), Err(Error::Empty));
        assert_eq!(Source::parse(OsStr::from_bytes(b"a\xff")), Err(Error::NotText));
    }
}
