//! Digests of blobs, by the rules of the OCI image specification ("descriptor.md").

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A hash algorithm that the OCI image specification registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, which every registry has.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// Returns its name, as it stands in a digest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Returns the number of hexadecimal digits of its hashes.
    #[must_use]
    pub fn digits(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A digest: an algorithm, and a hash of some bytes in hexadecimal. Its parts are safe as names of
/// files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    hash: String,
}

impl Digest {
    /// Returns the hash algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the hash in hexadecimal, in small letters.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl FromStr for Digest {
    type Err = Error;

    /// Reads `ALGORITHM:HASH`.
    ///
    /// # Errors
    /// [`Error::Digest`] if the algorithm is unknown, or the hash isn't one of it.
    fn from_str(text: &str) -> crate::Result<Self> {
        let parse = || {
            let (name, hash) = text.split_once(':')?;
            let algorithm = Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name)?;
            let is_hash = hash.len() == algorithm.digits()
                && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            is_hash.then(|| Self { algorithm, hash: hash.to_owned() })
        };
        parse().ok_or_else(|| Error::Digest(text.to_owned()))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.algorithm.name(), self.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_read_and_written() {
        for text in [format!("sha256:{}", "0af9".repeat(16)), format!("sha512:{}", "12".repeat(64))] {
            assert_eq!(text.parse::<Digest>().map(|digest| digest.to_string()), Ok(text));
        }
    }

    #[test]
    fn other_text_is_no_digest() {
        let hash = "0".repeat(64);
        for text in [
            hash.clone(),
            format!("md5:{}", &hash[..32]),
            format!("sha256:{}", &hash[1..]),
            format!("sha256:{hash}0"),
            format!("sha512:{hash}"),
            format!("sha256:{}A", &hash[1..]),
            format!("sha256:{}/", &hash[1..]),
            format!("SHA256:{hash}"),
            String::new(),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(Error::Digest(text.clone())));
        }
    }
}
