//! Commands whose system calls fail one by one, by the helper `faults.c`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use super::{Bed, libraries};
use crate::compile::{compile, copy_program};
use crate::guest::Linkage;

impl Bed {
    /// Compiles the program that makes a command's system calls fail. Every user can execute it.
    ///
    /// # Panics
    /// If it can't be made.
    #[must_use]
    pub fn faults(&self) -> PathBuf {
        let place = self.program("faults");
        if !place.exists() {
            let helpers = Path::new(env!("CARGO_MANIFEST_DIR")).join("helpers");
            let header = helpers.join("faults.h");
            let built = compile(&self.cache, "gcc", &["-static"], &helpers.join("faults.c"), &[header]);
            copy_program(&built, &place);
            fs::set_permissions(&place, Permissions::from_mode(0o755)).expect("an executable copy");
        }
        place
    }

    /// Compiles a dynamic program from one C source, and returns it with the files that it needs to
    /// start.
    #[must_use]
    pub fn dynamic_program_of(&self, source: &Path) -> (PathBuf, Vec<PathBuf>) {
        let program = self.compiled(source, Linkage::Dynamic);
        let needed = libraries(&program, Linkage::Dynamic);
        (program, needed)
    }
}
