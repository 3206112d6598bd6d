//! Files of a release: a tarball and a Debian package. The same sources and the same toolchain
//! give the same bytes.

mod check;
mod deb;
mod licenses;

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;

use crate::{Outcome, cargo, completions, executables, finish, man};

/// Make the tarball and the Debian package of a release
#[derive(Parser)]
#[command(name = "cargo xtask dist", no_binary_name = true)]
struct Options {
    /// Directory for the files
    #[arg(value_name = "DIR", default_value = "target/dist/packages")]
    directory: PathBuf,
    /// Make them twice and compare, then install, try and remove each in a fresh Debian root
    #[arg(long)]
    check: bool,
}

const VERSION: &str = env!("CARGO_PKG_VERSION");
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Returns the name of the tarball.
fn tarball_name() -> String {
    format!("newroot-{VERSION}-x86_64-linux.tar.gz")
}

fn deb_name() -> String {
    format!("newroot_{VERSION}_amd64.deb")
}

pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let options = Options::try_parse_from(arguments).unwrap_or_else(|error| error.exit());
    let program = build()?;
    let maker = Maker { program: &program, time: source_time()?, notices: licenses::third_party()? };
    fs::create_dir_all(&options.directory)?;
    maker.make(&options.directory)?;
    if options.check {
        check::check(&maker, &options.directory)?;
    }
    println!("{} and {} are in '{}'", tarball_name(), deb_name(), options.directory.display());
    Ok(())
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds the program in a target directory of its own, with no path of this machine in it.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let sources = sources().canonicalize()?;
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home =
        home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).ok_or("no CARGO_HOME and no HOME")?;
    let remapped = |path: &Path, name: &str| format!("'--remap-path-prefix={}={name}'", path.display());
    // Not RUSTFLAGS, which would take the place of the flags in .cargo/config.toml.
    let flags = format!(
        "target.{TARGET}.rustflags=[{},{}]",
        remapped(&sources, "/newroot"),
        remapped(&home, "/cargo")
    );
    let mut cargo = cargo();
    cargo.current_dir(&sources).args(["build", "--locked", "--release", "--package", "newroot"]);
    cargo.args(["--target", TARGET, "--target-dir", "target/dist", "--config"]).arg(flags);
    Ok(executables(&mut cargo)?.pop().ok_or("cargo build made no program")?)
}

/// Returns the time that all files get, in seconds since 1970: `SOURCE_DATE_EPOCH`, else the last
/// commit's.
fn source_time() -> Result<u64, Box<dyn Error>> {
    if let Some(time) = std::env::var_os("SOURCE_DATE_EPOCH") {
        let seconds = time.to_str().and_then(|time| time.parse().ok());
        return Ok(seconds.ok_or("SOURCE_DATE_EPOCH isn't a number of seconds")?);
    }
    let git = Command::new("git").arg("-C").arg(sources()).args(["log", "-1", "--format=%ct"]).output();
    let time = git.ok().and_then(|output| String::from_utf8(output.stdout).ok()?.trim().parse().ok());
    Ok(time.ok_or("no commit to take the time from: set SOURCE_DATE_EPOCH")?)
}

/// Makes packages from a built program.
struct Maker<'a> {
    program: &'a Path,
    /// Time of all files.
    time: u64,
    /// Licenses of everything that is linked into the program.
    notices: String,
}

impl Maker<'_> {
    /// Makes both files, and `SHA256SUMS`, in a directory.
    fn make(&self, directory: &Path) -> Outcome {
        let scratch = tempfile::tempdir()?;
        let name = format!("newroot-{VERSION}-x86_64-linux");
        self.furnish(&scratch.path().join(&name))?;
        self.archive(scratch.path(), &name, &directory.join(tarball_name()))?;

        let root = scratch.path().join("deb");
        self.furnish(&root.join("usr"))?;
        deb::make(self, &root, &directory.join(deb_name()))?;

        let sums = fs::File::create(directory.join("SHA256SUMS"))?;
        let mut sum = Command::new("sha256sum");
        finish(sum.current_dir(directory).args([tarball_name(), deb_name()]).stdout(sums))
    }

    /// Fills a prefix, such as `/usr`.
    ///
    /// The links for the other dialects lie outside of `PATH`. In `bin`, `proot` would conflict
    /// with the package of that name, and `chroot` would be found in place of coreutils' one,
    /// which is in `sbin`. Users put `PREFIX/lib/newroot/bin` into their own `PATH`, or make links
    /// of their own.
    fn furnish(&self, prefix: &Path) -> Outcome {
        let directory = |name: &str| -> Result<PathBuf, Box<dyn Error>> {
            let path = prefix.join(name);
            fs::create_dir_all(&path)?;
            Ok(path)
        };
        let program = directory("bin")?.join("newroot");
        fs::copy(self.program, &program)?;
        fs::set_permissions(&program, Permissions::from_mode(0o755))?;
        for dialect in ["proot", "chroot"] {
            symlink("../../../bin/newroot", directory("lib/newroot/bin")?.join(dialect))?;
        }

        man::run(vec![directory("share/man/man1")?.into()])?;
        let made = tempfile::tempdir()?;
        completions::run(vec![made.path().into()])?;
        for (file, place, name) in [
            ("newroot.bash", "share/bash-completion/completions", "newroot"),
            ("_newroot", "share/zsh/site-functions", "_newroot"),
            ("newroot.fish", "share/fish/vendor_completions.d", "newroot.fish"),
        ] {
            fs::copy(made.path().join(file), directory(place)?.join(name))?;
        }

        let documents = directory("share/doc/newroot")?;
        for file in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
            fs::copy(sources().join(file), documents.join(file))?;
        }
        fs::write(documents.join("THIRD-PARTY"), &self.notices)?;
        for (file, name) in licenses::files()? {
            fs::copy(file, documents.join(name))?;
        }
        Ok(())
    }

    /// Packs `directory/name`; nothing in the archive depends on the user or the time.
    fn archive(&self, directory: &Path, name: &str, archive: &Path) -> Outcome {
        let mut tar = Command::new("tar");
        tar.args(["--format=ustar", "--sort=name", "--owner=root:0", "--group=root:0"]);
        // The builder may have any umask.
        tar.args(["--mode=u=rwX,go=rX"]).arg(format!("--mtime=@{}", self.time));
        tar.arg("-C").arg(directory).args(["-cf", "-", name]).stdout(Stdio::piped());
        let mut tar = tar.spawn().map_err(|error| format!("cannot start 'tar': {error}"))?;
        let output = tar.stdout.take().ok_or("no output of tar")?;
        let file = fs::File::create(archive)
            .map_err(|error| format!("cannot write '{}': {error}", archive.display()))?;
        finish(Command::new("gzip").arg("-9n").stdin(output).stdout(file))?;
        let status = tar.wait()?;
        if status.success() { Ok(()) } else { Err(format!("tar: {status}").into()) }
    }
}
