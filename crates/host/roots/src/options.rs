//! What a caller may say about how a root is made.

use std::env;
use std::ffi::OsString;

/// How a root is made. [`Options::default`] is what the process's environment says.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Build into a directory that isn't empty, and replace files that differ.
    pub force: bool,
    /// Where programs are looked for: the value of `PATH`.
    pub search_path: OsString,
    /// Where the loader looks for libraries first: the value of `LD_LIBRARY_PATH`, which
    /// the guest inherits.
    pub library_path: OsString,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            force: false,
            search_path: env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()),
            library_path: env::var_os("LD_LIBRARY_PATH").unwrap_or_default(),
        }
    }
}
