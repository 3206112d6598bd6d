//! The process that started newroot, as far as the meaning of a command line depends on it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use newroot_engine::Patching;

/// The caller's environment and working directory.
#[derive(Clone, Debug, Default)]
pub struct Caller {
    /// The environment variables.
    pub environment: Vec<(OsString, OsString)>,
    /// The working directory, if it still has a name.
    pub working_directory: Option<PathBuf>,
}

impl Caller {
    /// Returns the environment and working directory of this process.
    #[must_use]
    pub fn current() -> Self {
        Self { environment: std::env::vars_os().collect(), working_directory: std::env::current_dir().ok() }
    }

    /// Returns the value of an environment variable.
    #[must_use]
    pub fn variable(&self, name: &OsStr) -> Option<&OsStr> {
        self.environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_os_str())
    }

    /// Returns the value of a variable, if it is an absolute path.
    #[must_use]
    pub fn absolute_path(&self, variable: &str) -> Option<&Path> {
        self.variable(OsStr::new(variable)).map(Path::new).filter(|path| path.is_absolute())
    }

    /// Returns whether call sites are patched if the command line doesn't say. A NEWROOT_NO_PATCH
    /// that isn't empty forbids it.
    #[must_use]
    pub fn patching(&self) -> Patching {
        match self.variable(OsStr::new("NEWROOT_NO_PATCH")) {
            Some(value) if !value.is_empty() => Patching::Never,
            _ => Patching::default(),
        }
    }

    /// Returns `path`, made absolute by the working directory if that is known.
    #[must_use]
    pub fn absolute(&self, path: &Path) -> PathBuf {
        match &self.working_directory {
            Some(directory) => directory.join(path),
            None => path.to_owned(),
        }
    }
}
