//! Options for making a root.

use std::env;
use std::ffi::OsString;

/// Options for making a root. [`Options::default`] reads the process's environment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Build into a directory that isn't empty, and replace different files.
    pub force: bool,
    /// Directories with programs: the value of `PATH`.
    pub search_path: OsString,
    /// Directories that the loader searches first: the value of `LD_LIBRARY_PATH`, which the guest
    /// inherits.
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
