//! Compiling the small C programs, once per content.

use std::collections::hash_map::DefaultHasher;
use std::ffi::OsStr;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Flags of every program. Only the warnings that mean a slip are errors: passing bad
/// pointers and leaving results alone is what many of the programs are for.
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

/// Compiles `source` with `compiler` and `flags` into `cache`, unless a program made of the
/// same text, headers and flags is there already.
///
/// # Panics
/// With the compiler's words when it fails.
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

    // Made under another name first: a half-written program must never be found.
    fs::create_dir_all(cache).expect("a directory for compiled programs");
    let half_done =
        tempfile::Builder::new().prefix(stem).tempdir_in(cache).expect("a directory to compile in");
    let output = half_done.path().join("program");
    let mut command = Command::new(compiler);
    command.args(FLAGS).args(flags).arg("-o").arg(&output).arg(source);
    let result = command.output().unwrap_or_else(|e| panic!("cannot run '{compiler}': {e}"));
    assert!(result.status.success(), "{command:?} failed:\n{}", String::from_utf8_lossy(&result.stderr));
    // Another thread may have been first; a program that is there is never replaced, for it may be
    // being copied or run.
    match fs::hard_link(&output, &program) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            panic!("cannot put '{}' into the cache: {error}", program.display())
        }
        _ => program,
    }
}

/// Copies a program that is going to be executed.
///
/// By cp(1), not by ourselves: had we the copy open for writing while another thread of ours forks, the
/// child would have it open too for a moment, and executing it would fail with ETXTBSY.
///
/// # Panics
/// When it can't be copied.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["-RL", "--"]).args([from, to]).status().expect("cp");
    assert!(copied.success(), "cannot copy '{}' to '{}'", from.display(), to.display());
}

/// The same of all programs in a directory.
///
/// # Panics
/// When they can't be copied.
pub(crate) fn copy_programs(from: &Path, to: &Path) {
    copy_program(&from.join("."), to);
}

/// Whether `compiler` can be run at all.
pub(crate) fn exists(compiler: &str) -> bool {
    Command::new(compiler).arg("--version").output().is_ok()
}
