//! `--confine`: Landlock rules that restrict the command, and all that it starts, to the root and
//! the bindings.
//!
//! The kernel checks these rules for every file that is opened, made, removed or truncated, by
//! whatever way the guest reaches it. So they also hold for a system call that gets around the trap
//! engine's translation. No version of Landlock checks the reading of a file's attributes, changes
//! of its mode, owner or times, or the entering of a directory (landlock(7)).

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, BitFlags, CompatLevel, Compatible as _, LandlockStatus, PathBeneath,
    RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus,
    Scope,
};
use newroot_abi::plan::MountFlags;
use rustix::fs::{CWD, FileType, OFlags};

use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::real_path::{open_real, real_path};
use crate::spec::{Confinement, Warning, reason};

/// Version that is asked for: the first that also keeps signals and abstract sockets inside.
const WANTED: ABI = ABI::V6;

/// A file or directory that the command may reach.
#[derive(Clone, Debug)]
pub(crate) struct Allowed {
    pub(crate) path: PathBuf,
    pub(crate) read_only: bool,
}

impl Allowed {
    /// Allows the whole root that the process has entered. Its read-only parts are protected by
    /// their mounts.
    pub(crate) fn entered_root() -> Vec<Self> {
        vec![Self { path: PathBuf::from("/"), read_only: false }]
    }

    /// Allows the root and the bindings, by their host paths.
    pub(crate) fn mounts_of(guest: &Guest) -> Vec<Self> {
        guest
            .mounts()
            .iter()
            .filter(|mount| !mount.flags.has(MountFlags::HIDDEN))
            .map(|mount| Self {
                path: crate::guest::shown(&mount.host),
                read_only: mount.flags.has(MountFlags::READ_ONLY) || mount.flags.has(MountFlags::VIRTUAL),
            })
            .collect()
    }

    /// Allows a directory of newroot's own in which the shim works.
    pub(crate) fn store(path: &Path) -> Self {
        Self { path: path.to_owned(), read_only: false }
    }

    /// Allows a program to be executed.
    pub(crate) fn program(path: &Path) -> Self {
        Self { path: real_path(path).unwrap_or_else(|_| path.to_owned()), read_only: true }
    }

    fn rule(&self) -> std::result::Result<PathBeneath<OwnedFd>, Error> {
        let path = open_real(CWD, &self.path, OFlags::PATH).map_err(|cause| {
            Error::system(format!("confine the command to '{}'", self.path.display()), cause)
        })?;
        let access = if self.read_only { AccessFs::from_read(WANTED) } else { AccessFs::from_all(WANTED) };
        let is_directory = rustix::fs::fstat(&path)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory);
        let access = if is_directory { access } else { access & AccessFs::from_file(WANTED) };
        Ok(PathBeneath::new(path, access))
    }
}

/// Confines this process for good.
///
/// # Errors
/// `Unsupported` if the kernel has no Landlock, or if `Strict` was asked for and the kernel can't
/// enforce all of it. `System` if a path can't be opened.
pub(crate) fn apply(
    wanted: Confinement,
    allowed: &[Allowed],
    engine: &'static str,
    warn: &mut dyn FnMut(Warning),
) -> Result<()> {
    let level = match wanted {
        Confinement::None => return Ok(()),
        Confinement::BestEffort => CompatLevel::BestEffort,
        Confinement::Strict => CompatLevel::HardRequirement,
    };
    let rules = allowed.iter().map(Allowed::rule).collect::<Result<Vec<_>>>()?;
    let status = restrict(level, rules).map_err(|error| unsupported(engine, &why(&error)))?;
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(unsupported(engine, "the kernel has no Landlock (Linux 5.13), or doesn't enable it"));
    }
    let version = version(&status);
    let (enforced, missing) = enforced(version);
    warn(Warning::Confined { version, enforced, missing });
    Ok(())
}

fn restrict(
    level: CompatLevel,
    rules: Vec<PathBeneath<OwnedFd>>,
) -> std::result::Result<RestrictionStatus, RulesetError> {
    let everything: BitFlags<AccessFs> = AccessFs::from_all(WANTED);
    let mut ruleset = Ruleset::default()
        .set_compatibility(level)
        .handle_access(everything)?
        .scope(Scope::from_all(WANTED))?
        .create()?;
    for rule in rules {
        ruleset = ruleset.add_rule(rule)?;
    }
    ruleset.restrict_self()
}

/// Returns the kernel's words if one of its calls has failed, and else what the kernel lacks.
fn why(error: &RulesetError) -> String {
    let mut next = Some(error as &dyn std::error::Error);
    while let Some(error) = next {
        if let Some(cause) = error.downcast_ref::<io::Error>() {
            return reason(cause);
        }
        next = error.source();
    }
    "the kernel can't enforce all of it".to_owned()
}

fn unsupported(engine: &'static str, why: &str) -> Error {
    Error::Unsupported {
        engine,
        why: format!("cannot confine the command: {why}"),
        hint: Some(
            "`newroot doctor` tells which version of Landlock the kernel has; all of it needs 6 (Linux 6.12)"
                .into(),
        ),
    }
}

fn version(status: &RestrictionStatus) -> i32 {
    match status.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => kernel_abi.unwrap_or(effective_abi as i32),
        _ => 0,
    }
}

/// Returns the operations that a version of Landlock checks, and those that it doesn't
/// (landlock(7), "Versions").
fn enforced(version: i32) -> (Vec<&'static str>, Vec<&'static str>) {
    let (enforced, missing): (Vec<_>, Vec<_>) = [
        (1, "opening, making and removing files"),
        (3, "truncating them"),
        (5, "controlling devices"),
        (6, "signals and abstract sockets"),
    ]
    .into_iter()
    .partition(|(since, _)| version >= *since);
    let words = |list: Vec<(i32, &'static str)>| list.into_iter().map(|(_, what)| what).collect();
    (words(enforced), words(missing))
}
