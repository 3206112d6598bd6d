//! Files that programs can't do without although nothing in the programs names them.
//!
//! No table can be complete; these are the programs that people name first.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::closure::Closure;
use crate::error::Result;
use crate::probe;
use crate::tree;

/// Adds what the programs that `closure` has will look for.
pub(crate) fn collect(closure: &mut Closure<'_>) -> Result<()> {
    for program in closure.programs().to_vec() {
        let Some(real) = probe::found(&program, program.canonicalize()) else {
            continue;
        };
        let name = real.file_name().unwrap_or_default().as_bytes();
        if name.starts_with(b"python") {
            python(closure, &real)?;
        } else if name.starts_with(b"perl") {
            perl(closure, &real)?;
        }
    }
    terminals(closure);
    locale(closure)
}

/// The standard library, `PREFIX/lib/pythonX.Y` or `PREFIX/lib64/pythonX.Y` for
/// `PREFIX/bin/pythonX.Y`.
fn python(closure: &mut Closure<'_>, program: &Path) -> Result<()> {
    let (Some(prefix), Some(name)) = (program.parent().and_then(Path::parent), program.file_name()) else {
        return Ok(());
    };
    let library = ["lib", "lib64"]
        .iter()
        .map(|lib| prefix.join(lib).join(name))
        .find(|library| probe::is_file(&library.join("os.py")));
    let Some(library) = library else {
        return Ok(());
    };
    tree::collect(closure, &library, Some(program), &|path| {
        let name = path.file_name().unwrap_or_default().as_bytes();
        let packages = matches!(name, b"site-packages" | b"dist-packages");
        // Its own tests, and the objects to link it into other programs.
        let bulk = name == b"test" || name.starts_with(b"config-");
        path.parent() == Some(&library) && (packages || bulk)
    })
}

/// The core modules: the directories of `@INC` that came with perl itself.
fn perl(closure: &mut Closure<'_>, program: &Path) -> Result<()> {
    const PRINT_CORE: &str = r#"use Config;
        my %other = map { $_ => 1 } @Config{qw(sitelibexp sitearchexp vendorlibexp vendorarchexp)};
        print map { "$_\n" } grep { !$other{$_} && m{^/} && !m{^/(etc|usr/local)/} } @INC"#;
    let output = Command::new(program)
        .args(["-e", PRINT_CORE])
        .env_remove("PERL5LIB")
        .env_remove("PERL5OPT")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Some(output) = probe::found(program, output) else {
        return Ok(());
    };
    for line in output.stdout.split(|&byte| byte == b'\n') {
        let directory = PathBuf::from(OsString::from_vec(line.to_vec()));
        if !line.is_empty() && probe::is_directory(&directory) {
            tree::collect(closure, &directory, Some(program), &|_| false)?;
        }
    }
    Ok(())
}

/// Where terminal descriptions are.
const TERMINFO: &[&str] = &["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"];

/// Terminals that the root's user may come from, besides the one at hand.
const TERMINALS: &[&str] = &[
    "dumb",
    "linux",
    "screen",
    "screen-256color",
    "tmux",
    "tmux-256color",
    "vt100",
    "xterm",
    "xterm-256color",
];

/// Descriptions of terminals, if anything draws on them.
fn terminals(closure: &mut Closure<'_>) {
    let draws = closure.paths().iter().any(|path| {
        path.file_name().is_some_and(|name| {
            let name = name.as_bytes();
            name.starts_with(b"libtinfo") || name.starts_with(b"libncurses")
        })
    });
    if !draws {
        return;
    }
    let here = std::env::var_os("TERM");
    let here = here.as_deref().filter(|name| !name.is_empty() && !name.as_bytes().contains(&b'/'));
    for terminal in TERMINALS.iter().map(OsStr::new).chain(here) {
        let initial = OsStr::from_bytes(&terminal.as_bytes()[..1]);
        let found = TERMINFO
            .iter()
            .map(|directory| Path::new(directory).join(initial).join(terminal))
            .find(|path| probe::is_file(path));
        if let Some(path) = found {
            closure.file(&path);
        }
    }
}

/// The one locale that every system has, as a directory of files: without it even
/// `LANG=C.UTF-8` makes perl and bash complain. Other locales are large.
fn locale(closure: &mut Closure<'_>) -> Result<()> {
    let glibc = closure.paths().iter().any(|path| path.file_name() == Some(OsStr::new("libc.so.6")));
    for name in ["C.utf8", "C.UTF-8"] {
        let directory = Path::new("/usr/lib/locale").join(name);
        if glibc && probe::is_directory(&directory) {
            tree::collect(closure, &directory, None, &|_| false)?;
        }
    }
    Ok(())
}
