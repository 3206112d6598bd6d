//! The steps from entering the root to running the command, which the kernel engines share.
//!
//! Once the process is in the root, the kernel resolves guest paths. The lookups from there (the
//! program, the home directory) are made with the command's identity.

use std::path::{Path, PathBuf};

use newroot_abi::plan::MountFlags;

use crate::confine::{self, Allowed};
use crate::error::{Error, Result};
use crate::exec;
use crate::guest::{Guest, OwnedMount, Source, shown};
use crate::identity::Numbers;
use crate::spec::{HardLinks, LaunchSpec, Uname, Warning, WorkingDirectory};
use crate::{capabilities, command, cwd, environment, supervise};

/// Facts that the engine must find out before it enters the root.
#[derive(Debug)]
pub(crate) struct Start {
    /// Engine's name, for messages.
    engine: &'static str,
    /// Identity with which the command runs.
    pub(crate) identity: Numbers,
    /// Guest path in which it starts; `None` leaves the working directory as it is.
    directory: Option<PathBuf>,
    /// Whether set-user-ID programs give the command nothing. So it is for an ordinary user's
    /// command, as in any sandbox that an ordinary user can start.
    no_new_privileges: bool,
    /// Process whose death must also end the command. It must still be the command's parent.
    pub(crate) parent: Option<u32>,
}

impl Start {
    /// Finds out the facts, before the root is entered.
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
        Ok(Self { engine, identity, directory, no_new_privileges, parent: guardian(spec, spec.kill_on_exit) })
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

/// Becomes the command, from inside the root. Returns only the reason why it can't.
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
    supervise::die_with(start.parent);
    if let Some(mask) = spec.umask {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(mask));
    }
    start.enter_directory(&spec.cwd, warn)?;
    let guest = Guest::new(b"/");
    let uid = rustix::process::geteuid().as_raw();
    let here = here();
    let variables = environment::resolve(
        &guest,
        &spec.environment,
        spec.identity.user.is_none(),
        uid,
        start.directory.is_some().then_some(&here),
    );
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

/// Returns the process whose death must also end the command, if there is one: newroot itself if it
/// supervises the command, else newroot's own parent.
pub(crate) fn guardian(spec: &LaunchSpec, supervised: bool) -> Option<u32> {
    if supervised {
        Some(std::process::id())
    } else if spec.isolation.die_with_parent {
        Some(std::os::unix::process::parent_id())
    } else {
        None
    }
}

/// Returns the working directory's guest path, from which relative names are looked up.
fn here() -> Vec<u8> {
    let path = std::env::current_dir().unwrap_or_default().into_os_string().into_encoded_bytes();
    if path == b"/" { Vec::new() } else { path }
}

/// Refuses features that only the trap engine has.
pub(crate) fn refuse_trap_features(spec: &LaunchSpec, engine: &'static str) -> Result<()> {
    let (why, hint) = if spec.uname != Uname::Hosts {
        ("it shows the kernel's own release", "another kernel release is for the trap engine")
    } else if spec.hard_links == HardLinks::Emulated {
        ("it makes hard links with link(2) alone", "links that the host refuses are for the trap engine")
    } else {
        return Ok(());
    };
    Err(Error::OtherEngine { engine, why: why.to_owned(), hint: hint.to_owned() })
}

/// Prints what newroot is about to do.
pub(crate) fn describe(spec: &LaunchSpec, guest: &Guest, engine: &str) {
    eprintln!("newroot: root '{}', engine {engine}", spec.rootfs.display());
    let is_newroots_own = |mount: &OwnedMount| {
        mount.flags.has(MountFlags::HIDDEN) || mount.guest.ends_with(newroot_abi::STORE_WITHIN.as_bytes())
    };
    let shown_mounts = guest.mounts().iter().filter(|mount| !is_newroots_own(mount));
    for mount in shown_mounts.rev().skip(1) {
        let guest = shown(&mount.guest);
        match &mount.source {
            Source::Host => {
                eprintln!("newroot: '{}' is the host's '{}'", guest.display(), shown(&mount.host).display());
            }
            Source::Fresh(_) => eprintln!("newroot: '{}' is a fresh tmpfs", guest.display()),
            Source::Text { .. } => {
                eprintln!("newroot: '{}' has an entry for the user, which the root lacks", guest.display());
            }
        }
    }
}
