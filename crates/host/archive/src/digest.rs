//! Digests of written bytes.

use std::fmt;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// A digest as container images spell it: `sha256:` and hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A writer that hands bytes on, and digests them.
pub(crate) struct Digesting<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Digesting<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, hash: Sha256::new() }
    }

    pub(crate) fn finish(self) -> (W, Digest) {
        (self.out, Digest(self.hash.finalize().into()))
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_the_known_one() {
        let mut out = Digesting::new(Vec::new());
        out.write_all(b"abc").unwrap();
        let (written, digest) = out.finish();
        assert_eq!(written, b"abc");
        let known = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(digest.to_string(), known);
    }
}
