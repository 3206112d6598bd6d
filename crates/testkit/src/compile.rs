//! Compiles small C programs, once for each content.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Flags of every program. Only warnings that mean a mistake are errors: many of the programs pass
/// bad pointers and ignore results on purpose.
const FLAGS: [&str; 9] = [
    "-std=gnu11",
    "-O1",
    "-pthread",
    "-Werror=format",
    "-Wno-format-overflow",
    "-Werror=implicit-function-declaration",
    "-Werror=incompatible-pointer-types",
    "-Werror=int-conversion",
    "-Werror=uninitialized",
];

/// Compiles `source` with `compiler` and `flags` into `cache`, unless the cache has a program of
/// the same source, headers and flags.
///
/// # Panics
/// With the compiler's output if it fails.
pub(crate) fn compile(
    cache: &Path,
    compiler: &str,
    flags: &[&str],
    source: &Path,
    headers: &[PathBuf],
) -> PathBuf {
    let mut hash = DefaultHasher::new();
    (compiler, FLAGS, flags).hash(&mut hash);
    for file in std::iter::once(source).chain(headers.iter().map(PathBuf::as_path)) {
        fs::read(file).unwrap_or_else(|e| panic!("cannot read '{}': {e}", file.display())).hash(&mut hash);
    }
    let stem = source.file_stem().and_then(OsStr::to_str).expect("a program has a plain name");
    let program = cache.join(format!("{stem}-{:016x}", hash.finish()));
    if program.exists() {
        return program;
    }

    // The compiler writes to a temporary name, so that nobody finds an incomplete program.
    fs::create_dir_all(cache).expect("a directory for compiled programs");
    let half_done =
        tempfile::Builder::new().prefix(stem).tempdir_in(cache).expect("a directory to compile in");
    let output = half_done.path().join("program");
    let mut command = Command::new(compiler);
    command.args(FLAGS).args(flags).arg("-o").arg(&output).arg(source);
    let result = command.output().unwrap_or_else(|e| panic!("cannot run '{compiler}': {e}"));
    assert!(result.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&result.stderr));
    // Another thread may have been first. Its program is never replaced, because a third thread may
    // be copying or running it.
    match fs::hard_link(&output, &program) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            panic!("cannot put '{}' into the cache: {error}", program.display())
        }
        _ => program,
    }
}

/// Copies a program that a test executes.
///
/// cp(1) copies it, in a process of its own. If this process had the copy open for writing while
/// another of its threads forks, the child would have it open for a moment, too, and executing it
/// would fail with ETXTBSY.
///
/// # Panics
/// If it can't be copied.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-RL", "--"]).args([from, to]).status().expect("cp");
    assert!(copied.success(), "cannot copy '{}' to '{}'", from.display(), to.display());
}

/// Copies all programs in a directory.
///
/// # Panics
/// If they can't be copied.
pub(crate) fn copy_programs(from: &Path, to: &Path) {
    copy_program(&from.join("."), to);
}

/// Returns whether `compiler` can be run.
pub(crate) fn exists(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok()
}
