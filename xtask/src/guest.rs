//! The Debian guest: a whole distribution with every program that the tests run.

mod newer;
mod small;
pub(crate) mod sources;

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use newroot_testkit::{GUEST_USER, SCRATCH, User, debian_recipe, debian_root};

use crate::{Outcome, finish};
pub(crate) use sources::Distribution;

/// Packages beyond those that every Debian has.
const PACKAGES: &[&str] = &[
    "bash",
    "busybox-static",
    "ca-certificates",
    "cargo",
    "cmake",
    "default-jdk-headless",
    "dash",
    "file",
    "findutils",
    "g++",
    "gcc",
    "gdb",
    "git",
    "golang-go",
    "gzip",
    // Memcheck reads the loader's symbols.
    "libc6-dbg",
    "ltrace",
    "make",
    "musl",
    "musl-dev",
    "musl-tools",
    "nginx-light",
    "nodejs",
    "npm",
    "perl",
    "postgresql",
    "procps",
    "python3",
    "python3-venv",
    "rsync",
    "rustc",
    "sqlite3",
    "strace",
    "tar",
    "tmux",
    "valgrind",
    "xz-utils",
];

/// Files that a guest doesn't need.
const LEFT_OUT: &[&str] = &["/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*"];

/// Makes the guest, unless it exists and was made from the same recipe.
pub(crate) fn make() -> Outcome {
    let distribution = Distribution::of_this_machine()?;
    small::make(&distribution)?;
    newer::make(&distribution)?;
    let root = debian_root();
    let recipe = Recipe { distribution, user: User::ordinary() };
    let (text, made_of) = (recipe.text(), debian_recipe(&root));
    if fs::read_to_string(&made_of).is_ok_and(|made_of| made_of == text) {
        eprintln!("the Debian guest is in '{}'", root.display());
        return Ok(());
    }

    eprintln!("making a Debian guest of 2 GB in '{}', which takes minutes", root.display());
    let start = Instant::now();
    let parent = root.parent().ok_or("the guest can't be the root directory")?;
    fs::create_dir_all(parent)?;
    // Unprivileged users need access to it.
    fs::set_permissions(parent, fs::Permissions::from_mode(0o755))?;
    remove(&made_of, |path| fs::remove_file(path))?;
    let unfinished = root.with_extension("unfinished");
    for old in [&root, &unfinished] {
        remove(old, |path| fs::remove_dir_all(path))?;
    }
    recipe.carry_out(&unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
    fs::rename(&unfinished, &root)?;
    fs::write(&made_of, text)?;
    eprintln!("made in {} s", start.elapsed().as_secs());
    Ok(())
}

fn remove(path: &Path, how: impl Fn(&Path) -> std::io::Result<()>) -> Outcome {
    match how(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("cannot remove '{}': {error}", path.display()).into())
        }
        _ => Ok(()),
    }
}

/// Everything that decides the guest's content.
struct Recipe {
    distribution: Distribution,
    user: User,
}

impl Recipe {
    /// Returns the recipe's text; recipes with the same text make the same guest.
    fn text(&self) -> String {
        let Distribution { suite, lists, stanzas } = &self.distribution;
        let packages = PACKAGES.join("\n");
        format!("{suite}\n{lists}\n{stanzas}\n{packages}\n{}\n", self.hooks().join("\n"))
    }

    /// Returns shell commands that mmdebstrap runs while it makes the guest, with the guest's root
    /// as `$1`.
    fn hooks(&self) -> [String; 2] {
        let User { uid, gid } = self.user;
        [
            // Java's packages put links here, and fail where manual pages are left out.
            "--essential-hook=mkdir -p \"$1/usr/share/man/man1\"".to_owned(),
            // Some programs look up their user, and an unprivileged user needs a writable
            // directory.
            format!(
                "--customize-hook=chroot \"$1\" groupadd --gid {gid} {GUEST_USER} && \
                 chroot \"$1\" useradd --uid {uid} --gid {gid} --no-log-init --no-create-home \
                 --home-dir {SCRATCH} --shell /bin/bash {GUEST_USER} && mkdir \"$1{SCRATCH}\""
            ),
        ]
    }

    fn carry_out(&self, root: &Path) -> Result<(), Box<dyn Error>> {
        let mut options = self.hooks().to_vec();
        options.push(format!("--include={}", PACKAGES.join(",")));
        bootstrap(&self.distribution, &options, root)
    }
}

/// Makes a small Debian with these additional options, as a directory or, by its name's suffix, an
/// archive.
fn bootstrap(distribution: &Distribution, options: &[String], target: &Path) -> Outcome {
    let mut command = Command::new("mmdebstrap");
    command.args(["--variant=minbase", "--aptopt=APT::Install-Recommends \"false\""]);
    run(command, distribution, options, target)
}

/// Runs mmdebstrap with the distribution's sources.
fn run(mut command: Command, distribution: &Distribution, options: &[String], target: &Path) -> Outcome {
    let Distribution { suite, lists, stanzas } = distribution;
    let sources = tempfile::tempdir()?;
    command.args(LEFT_OUT.iter().map(|path| format!("--dpkgopt=path-exclude={path}")));
    command.args(options).arg(suite).arg(target);
    for (name, text) in [("apt.list", lists), ("apt.sources", stanzas)] {
        if !text.is_empty() {
            let path = sources.path().join(name);
            fs::write(&path, text)?;
            command.arg(path);
        }
    }
    finish(&mut command)
}
