//! Platforms: operating system, processor and its variant, in Go's words, as images name them.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// The platform that an image is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Platform {
    /// Operating system: `linux`.
    pub os: String,
    /// Processor: `amd64`, `arm64`.
    pub architecture: String,
    /// Generation of the processor: `v7` of `arm`. `None` is the one that every such processor has.
    pub variant: Option<String>,
}

impl Platform {
    /// Returns the platform that this program was built for.
    #[must_use]
    pub fn own() -> Self {
        Self::new("linux", std::env::consts::ARCH, None)
    }

    /// Makes a platform, with a processor's other names brought to the usual one: `x86_64` is
    /// `amd64`, and `arm64` is of the variant v8 without saying so.
    #[must_use]
    pub fn new(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = if os.eq_ignore_ascii_case("macos") { "darwin".to_owned() } else { os.to_ascii_lowercase() };
        let architecture = architecture.to_ascii_lowercase();
        let variant = variant.map(str::to_ascii_lowercase).filter(|variant| !variant.is_empty());
        let (architecture, variant) = match (architecture.as_str(), variant.as_deref()) {
            ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64", None),
            ("x86_64" | "x86-64" | "amd64", _) => ("amd64", variant),
            ("aarch64" | "arm64", None | Some("8" | "v8")) => ("arm64", None),
            ("aarch64" | "arm64", _) => ("arm64", variant),
            ("i386" | "i686" | "x86" | "386", _) => ("386", None),
            ("armhf", _) => ("arm", None),
            ("armel", _) => ("arm", Some("v6".to_owned())),
            // An arm without more is an ARMv7.
            ("arm", None | Some("7" | "v7")) => ("arm", None),
            ("arm", Some(number @ ("5" | "6" | "8"))) => ("arm", Some(format!("v{number}"))),
            ("powerpc64le", _) => ("ppc64le", variant),
            (other, _) => (other, variant),
        };
        Self { os, architecture: architecture.to_owned(), variant }
    }

    /// Returns how well a machine of this platform runs an image that is for `image`: the greater
    /// the better, and `None` if not at all.
    #[must_use]
    pub fn fits(&self, image: &Self) -> Option<u32> {
        if self.os != image.os || self.architecture != image.architecture {
            return None;
        }
        if self.variant == image.variant {
            return Some(u32::MAX);
        }
        let number = |variant: &Option<String>| -> Option<u32> {
            match variant {
                // The generation that goes without saying.
                None => match self.architecture.as_str() {
                    "arm" => Some(7),
                    "arm64" => Some(8),
                    _ => Some(1),
                },
                Some(variant) => variant.strip_prefix('v')?.parse().ok(),
            }
        };
        // A later generation runs programs of an earlier one.
        let (machine, image) = (number(&self.variant)?, number(&image.variant)?);
        (image <= machine).then_some(image)
    }
}

impl fmt::Display for Platform {
    /// Writes `OS/ARCHITECTURE[/VARIANT]`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(out, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = Error;

    /// Reads `[OS/]ARCHITECTURE[/VARIANT]`, as `docker pull --platform` does. Without an operating
    /// system it is linux.
    ///
    /// # Errors
    /// [`Error::Platform`] if a part is empty, there are more than three, or one isn't a word.
    fn from_str(text: &str) -> crate::Result<Self> {
        let fail = || Error::Platform(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
        };
        if !parts.iter().all(|part| is_word(part)) {
            return Err(fail());
        }
        match parts[..] {
            ["linux"] => Ok(Self::own()),
            [architecture] => Ok(Self::new("linux", architecture, None)),
            [os, architecture] => Ok(Self::new(os, architecture, None)),
            [os, architecture, variant] => Ok(Self::new(os, architecture, Some(variant))),
            _ => Err(fail()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn other_names_mean_the_usual_one() {
        for (text, written) in [
            ("linux/amd64", "linux/amd64"),
            ("x86_64", "linux/amd64"),
            ("linux/amd64/v1", "linux/amd64"),
            ("linux/amd64/v3", "linux/amd64/v3"),
            ("linux/arm64/v8", "linux/arm64"),
            ("aarch64", "linux/arm64"),
            ("linux/arm/v7", "linux/arm"),
            ("linux/arm/6", "linux/arm/v6"),
            ("Linux/ARMEL", "linux/arm/v6"),
            ("windows/amd64", "windows/amd64"),
        ] {
            assert_eq!(platform(text).to_string(), written, "{text}");
        }
        for text in ["", "/", "linux/", "a/b/c/d", "linux/am d64", "linux//v8"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_earlier_generation_fits_best() {
        fn best<'a>(machine: &str, images: &[&'a str]) -> Option<&'a str> {
            let machine = platform(machine);
            let fits = |text: &&str| machine.fits(&platform(text));
            images.iter().copied().filter(|text| fits(text).is_some()).max_by_key(fits)
        }
        let arm = ["linux/arm/v5", "linux/arm/v7", "linux/arm/v6", "linux/arm64"];
        assert_eq!(best("linux/arm/v7", &arm), Some("linux/arm/v7"));
        assert_eq!(best("linux/arm/v6", &arm), Some("linux/arm/v6"));
        assert_eq!(best("linux/arm/v8", &arm), Some("linux/arm/v7"));
        assert_eq!(best("linux/arm64", &arm), Some("linux/arm64"));
        assert_eq!(best("linux/amd64", &["linux/amd64/v3", "linux/386"]), None);
        assert_eq!(best("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2"]), Some("linux/amd64/v2"));
        assert_eq!(best("linux/amd64", &["windows/amd64"]), None);
    }
}
