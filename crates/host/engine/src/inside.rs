//! What the kernel engines have in common: everything between entering the root and the command.
//!
//! Once the process is in the root, the guest's paths are the kernel's. What is looked up from
//! there (the program, the home directory) is looked up by whom the command runs as.

use std::path::{Path, PathBuf};

use newroot_abi::plan::MountFlags;

use crate::confine::{self, Allowed};
use crate::error::{Error, Result};
use crate::exec;
use crate::guest::{Guest, shown};
use crate::identity::Numbers;
use crate::spec::{HardLinks, LaunchSpec, Uname, Warning, WorkingDirectory};
use crate::{capabilities, command, cwd, environment, supervise};

/// What has to be known before the root is entered.
#[derive(Debug)]
pub(crate) struct Start {
    /// The engine's name, for messages.
    engine: &'static str,
    /// Who the command runs as.
    pub(crate) identity: Numbers,
    /// The guest path it starts in; `None` is wherever the process is.
    directory: Option<PathBuf>,
    /// An ordinary user's command gains nothing by set-user-ID programs, as in any sandbox that he
    /// can start.
    no_new_privileges: bool,
    /// Whose end is to be the command's: the process that must still be its parent.
    pub(crate) parent: Option<u32>,
}

impl Start {
    /// Finds out.
    pub(crate) fn find(
        spec: &LaunchSpec,
        guest: &Guest,
        identity: Numbers,
        engine: &'static str,
        warn: &mut dyn FnMut(Warning),
    ) -> Result<Self> {
        let directory = match &spec.cwd {
            WorkingDirectory::Inherit | WorkingDirectory::InheritOrRoot => {
                Some(shown(&cwd::resolve(guest, &spec.cwd, warn)?.guest))
            }
            WorkingDirectory::Guest(path) | WorkingDirectory::GuestOrRoot(path) => {
                Some(PathBuf::from("/").join(path))
            }
            WorkingDirectory::Leave if guest.is_hosts_root() => None,
            WorkingDirectory::Leave => return Err(Error::LeftDirectory { rootfs: spec.rootfs.clone() }),
        };
        let no_new_privileges = !rustix::process::geteuid().is_root();
        Ok(Self { engine, identity, directory, no_new_privileges, parent: guardian(spec) })
    }

    fn enter_directory(&self, wanted: &WorkingDirectory, warn: &mut dyn FnMut(Warning)) -> Result<()> {
        let Some(path) = &self.directory else { return Ok(()) };
        let Err(cause) = rustix::process::chdir(path) else { return Ok(()) };
        let (path, cause) = (path.clone(), cause.into());
        match wanted {
            WorkingDirectory::Guest(_) | WorkingDirectory::Leave => {
                return Err(Error::WorkingDirectory { path, cause });
            }
            WorkingDirectory::InheritOrRoot => {}
            WorkingDirectory::Inherit | WorkingDirectory::GuestOrRoot(_) => {
                warn(Warning::WorkingDirectory { wanted: path, cause });
            }
        }
        let root = PathBuf::from("/");
        rustix::process::chdir(&root)
            .map_err(|cause| Error::WorkingDirectory { path: root, cause: cause.into() })
    }
}

/// Becomes the command, from inside the root. Returns only to say why not.
pub(crate) fn become_command(spec: &LaunchSpec, start: &Start, warn: &mut dyn FnMut(Warning)) -> Error {
    match prepare(spec, start, warn) {
        Ok((found, variables)) => {
            let variables = environment::strings(&variables);
            let mut cause = exec::execute_path(&shown(&found.name), &found.argv, &variables);
            if cause.raw_os_error() == Some(libc::ENOEXEC) && found.is_text() {
                cause = exec::execute_path(Path::new("/bin/sh"), &found.as_shell_script(), &variables);
            }
            found.explain(&cause)
        }
        Err(error) => error,
    }
}

fn prepare(
    spec: &LaunchSpec,
    start: &Start,
    warn: &mut dyn FnMut(Warning),
) -> Result<(command::Found, environment::Variables)> {
    let capabilities = capabilities::prepare(&spec.isolation)?;
    start.identity.adopt()?;
    supervise::stay_with(start.parent);
    if let Some(mask) = spec.umask {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
    }
    start.enter_directory(&spec.cwd, warn)?;
    let guest = Guest::new(b"/");
    let uid = rustix::process::geteuid().as_raw();
    let here = here();
    let variables =
        environment::resolve(&guest, &spec.environment, uid, start.directory.is_some().then_some(&here));
    let found = command::find(guest, here, &spec.command, &variables, &spec.rootfs)?;
    if let Some(change) = capabilities {
        change.carry_out()?;
    }
    if start.no_new_privileges {
        rustix::thread::set_no_new_privs(true).map_err(|cause| Error::system("set no_new_privs", cause))?;
    }
    confine::apply(spec.isolation.confinement, &Allowed::entered_root(), start.engine, warn)?;
    Ok((found, variables))
}

/// The process with which the command is to end, if there is one: newroot itself where it stays
/// behind as a supervisor, else newroot's own parent.
pub(crate) fn guardian(spec: &LaunchSpec) -> Option<u32> {
    if spec.kill_on_exit {
        Some(std::process::id())
    } else if spec.isolation.die_with_parent {
        Some(std::os::unix::process::parent_id())
    } else {
        None
    }
}

/// The working directory's guest path, for looking up relative names.
fn here() -> Vec<u8> {
    let path = std::env::current_dir().unwrap_or_default().into_os_string().into_encoded_bytes();
    if path == b"/" { Vec::new() } else { path }
}

/// Refuses what only the trap engine has.
pub(crate) fn refuse_shims_own(spec: &LaunchSpec, engine: &'static str) -> Result<()> {
    let (why, hint) = if spec.uname != Uname::Hosts {
        ("the kernel tells its own release", "another kernel release is for the trap engine")
    } else if spec.hard_links == HardLinks::Emulated {
        ("hard links are the kernel's own", "links that the host refuses are for the trap engine")
    } else {
        return Ok(());
    };
    Err(Error::Unsupported { engine, why: why.to_owned(), hint: Some(hint.to_owned()) })
}

/// Says what is about to be done.
pub(crate) fn describe(spec: &LaunchSpec, guest: &Guest, engine: &str) {
    eprintln!("newroot: root '{}', engine {engine}", spec.rootfs.display());
    let shown_mounts = guest.mounts().iter().filter(|mount| !mount.flags.has(MountFlags::HIDDEN));
    for mount in shown_mounts.rev().skip(1) {
        eprintln!(
            "newroot: '{}' is the host's '{}'",
            shown(&mount.guest).display(),
            shown(&mount.host).display()
        );
    }
}
