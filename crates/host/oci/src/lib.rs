//! Container images: their names, and the documents that describe them.
//!
//! | type | stands for |
//! |---|---|
//! | [`Reference`] | an image of a registry, as docker's users write it: `debian:12` |
//! | [`Digest`] | bytes by their hash: `sha256:…` |
//! | [`Source`] | where an image comes from: a registry, an OCI layout, an archive |
//! | [`Platform`] | the system and processor that an image is for: `linux/amd64` |
//! | [`manifest`] | indexes, manifests and configurations |
//!
//! This crate only reads and writes text. It fetches and opens nothing.
//!
//! ```
//! use newroot_oci::Reference;
//!
//! let debian: Reference = "debian".parse().unwrap();
//! assert_eq!(debian.to_string(), "docker.io/library/debian:latest");
//! assert_eq!(debian.short(), "debian");
//! ```

mod digest;
pub mod manifest;
mod platform;
mod reference;
mod source;

pub use digest::{Algorithm, Digest};
pub use platform::Platform;
pub use reference::Reference;
pub use source::Source;

/// The result of reading a name.
pub type Result<T> = std::result::Result<T, Error>;

/// A name that isn't valid: the reason, to be read after the name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The name is empty.
    #[error("a name is missing")]
    Empty,
    /// The name has letters that only the registry's name may have.
    #[error("the name of an image has only small letters")]
    Capitals,
    /// The name is longer than registries allow.
    #[error("the name is longer than 255 bytes")]
    TooLong,
    /// A part of the name breaks the rules.
    #[error("'{}' can't be {what} of an image's name", .part.escape_debug())]
    Part {
        /// The part.
        part: String,
        /// The part of a name that it stands for, with an article.
        what: &'static str,
    },
    /// The name is the number of an image or a container, not a name.
    #[error("64 hexadecimal digits are the number of an image, not its name")]
    Number,
    /// The tag breaks the rules.
    #[error(
        "'{}' is no tag: letters, digits, '_', '.' and '-', 128 at most, and no '.' or '-' in front",
        .0.escape_debug()
    )]
    Tag(String),
    /// The digest breaks the rules.
    #[error(
        "'{}' is no digest: sha256 and 64 hexadecimal digits, or sha512 and 128, in small letters",
        .0.escape_debug()
    )]
    Digest(String),
    /// The platform breaks the rules.
    #[error(
        "'{}' is no platform: OS/ARCHITECTURE or OS/ARCHITECTURE/VARIANT, such as linux/amd64",
        .0.escape_debug()
    )]
    Platform(String),
    /// The place is one that newroot can't read.
    #[error("newroot can't read images from '{}'", .scheme.escape_debug())]
    Scheme {
        /// The word in front of the colon.
        scheme: String,
    },
    /// The name isn't UTF-8.
    #[error("the name of an image has only ASCII letters")]
    NotText,
}
