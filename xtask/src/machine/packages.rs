//! Debian's kernels and qemu, from the sources of this machine's apt, unpacked and not installed.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::debian_root;
use tempfile::TempDir;

use crate::guest::sources::Distribution;
use crate::{Outcome, finish};

/// Versions of kernels, and their Debian releases.
pub(crate) const KERNELS: [(&str, &str); 3] = [("5.10", "bullseye"), ("6.1", "bookworm"), ("6.12", "trixie")];

/// An unpacked kernel.
pub(crate) struct Kernel {
    /// Its image.
    pub(crate) image: PathBuf,
    /// The directory with its modules.
    pub(crate) modules: PathBuf,
}

/// qemu-system-x86_64 and its directory.
pub(crate) struct Qemu {
    pub(crate) program: PathBuf,
    /// The directory that it is unpacked in, if it isn't installed.
    root: Option<PathBuf>,
}

impl Qemu {
    /// Returns a command that finds its libraries and firmware.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(root) = &self.root {
            let libraries = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|path| root.join(path));
            command.env("LD_LIBRARY_PATH", std::env::join_paths(libraries).expect("no colon in it"));
            for firmware in ["usr/share/qemu", "usr/share/seabios"] {
                command.arg("-L").arg(root.join(firmware));
            }
        }
        command
    }
}

/// Returns the cache directory beside the Debian guest; makes it if it is missing.
pub(crate) fn cache() -> Result<PathBuf, Box<dyn Error>> {
    let cache = debian_root().with_file_name("kernels");
    fs::create_dir_all(&cache)?;
    Ok(cache)
}

/// Makes a directory in the cache for the gigabytes of one run. Removes those of killed runs first.
pub(crate) fn scratch(cache: &Path) -> Result<TempDir, Box<dyn Error>> {
    const PREFIX: &str = "run-";
    for entry in fs::read_dir(cache)? {
        let entry = entry?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).tempdir_in(cache)?)
}

/// Returns the installed qemu, else Debian's, unpacked in `cache`: installing it would conflict
/// with packages that a machine may have.
pub(crate) fn qemu(cache: &Path) -> Result<Qemu, Box<dyn Error>> {
    const NAME: &str = "qemu-system-x86_64";
    let installed = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|directory| directory.join(NAME))
        .find(|program| program.is_file());
    if let Some(program) = installed {
        return Ok(Qemu { program, root: None });
    }
    let root = cache.join("qemu");
    complete(&root, |unfinished| {
        let distribution = Distribution::of_this_machine()?;
        let suite = distribution.suite.clone();
        // Installed packages needn't be downloaded.
        let apt = Apt::new(&distribution, &suite, Some(Path::new("/var/lib/dpkg/status")))?;
        finish(apt.get().args([
            "install",
            "--yes",
            "--download-only",
            "--no-install-recommends",
            "qemu-system-x86",
        ]))?;
        unpack(&apt.directory.path().join("cache/archives"), unfinished)
    })?;
    Ok(Qemu { program: root.join("usr/bin").join(NAME), root: Some(root) })
}

/// Returns the newest kernel of a Debian release, in its variant for clouds, which has the drivers
/// of virtual machines and little else.
pub(crate) fn kernel(cache: &Path, version: &str) -> Result<Kernel, Box<dyn Error>> {
    let (_, release) =
        KERNELS.iter().find(|(known, _)| *known == version).ok_or_else(|| format!("no kernel {version}"))?;
    let root = cache.join(version);
    complete(&root, |unfinished| {
        let apt = Apt::new(&Distribution::of_this_machine()?, release, None)?;
        let package = apt.dependency_of("linux-image-cloud-amd64", "linux-image-")?;
        let debs = apt.directory.path().join("debs");
        fs::create_dir(&debs)?;
        finish(apt.get().arg("download").arg(&package).current_dir(&debs))?;
        unpack(&debs, unfinished)
    })?;
    let image = entry(&root.join("boot"), "vmlinuz-")?;
    let release =
        image.file_name().and_then(|name| name.to_str()?.strip_prefix("vmlinuz-")).ok_or("no release")?;
    // Debian has the first path before release 13, and the second one since.
    let places = ["lib/modules", "usr/lib/modules"].map(|path| root.join(path).join(release));
    let modules = places.into_iter().find(|path| path.is_dir()).ok_or("the kernel has no modules")?;
    Ok(Kernel { image, modules })
}

/// Makes a directory that exists only if it is complete: `fill` makes it beside its place, and it
/// is then moved there.
fn complete(place: &Path, fill: impl FnOnce(&Path) -> Outcome) -> Outcome {
    if place.exists() {
        return Ok(());
    }
    let parent = place.parent().ok_or("not in a directory")?;
    let unfinished = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(parent)?;
    fill(unfinished.path())?;
    fs::rename(unfinished.keep(), place)?;
    Ok(())
}

/// Returns the one entry of a directory whose name begins with `prefix`.
fn entry(directory: &Path, prefix: &str) -> Result<PathBuf, Box<dyn Error>> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            return Ok(entry.path());
        }
    }
    Err(format!("no {prefix}* in '{}'", directory.display()).into())
}

/// Unpacks all packages in a directory.
fn unpack(packages: &Path, root: &Path) -> Outcome {
    for package in fs::read_dir(packages)? {
        let package = package?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            finish(Command::new("dpkg-deb").arg("--extract").arg(&package).arg(root))?;
        }
    }
    Ok(())
}

/// apt with its own lists, which have the packages of one release.
struct Apt {
    directory: tempfile::TempDir,
    options: Vec<String>,
}

impl Apt {
    /// Downloads the lists of `release` from the sources of `distribution`. `status` is the file
    /// that lists the installed packages.
    fn new(
        distribution: &Distribution,
        release: &str,
        status: Option<&Path>,
    ) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir()?;
        let top = directory.path();
        for path in ["state/lists/partial", "cache/archives/partial", "sources"] {
            fs::create_dir_all(top.join(path))?;
        }
        fs::write(top.join("status"), "")?;
        for (name, text) in [("apt.list", &distribution.lists), ("apt.sources", &distribution.stanzas)] {
            fs::write(top.join("sources").join(name), text.replace(&distribution.suite, release))?;
        }
        let status = status.map_or_else(|| top.join("status"), Path::to_owned);
        let top = top.display();
        let options = vec![
            format!("Dir::State={top}/state"),
            format!("Dir::State::status={}", status.display()),
            format!("Dir::Cache={top}/cache"),
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={top}/sources"),
            // Only the caller can access the directories.
            "APT::Sandbox::User=".to_owned(),
            "Acquire::Languages=none".to_owned(),
            "Debug::NoLocking=true".to_owned(),
        ];
        let apt = Self { directory, options };
        finish(apt.get().arg("update"))?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-qq").args(self.options.iter().flat_map(|option| ["-o", option.as_str()]));
        command
    }

    fn get(&self) -> Command {
        self.command("apt-get")
    }

    /// Returns the first dependency of a package whose name begins with `prefix`.
    fn dependency_of(&self, package: &str, prefix: &str) -> Result<String, Box<dyn Error>> {
        let output = self.command("apt-cache").args(["depends", package]).output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut names = text.lines().filter_map(|line| line.trim().strip_prefix("Depends: "));
        let name = names.find(|name| name.starts_with(prefix));
        Ok(name.ok_or_else(|| format!("apt knows no {package} in these sources"))?.to_owned())
    }
}
