//! The trap engine's launcher: from a specification to the first exec of the shim.

mod image;
mod plan;
mod process;

use std::path::Path;

use newroot_abi::plan::{Flags, NEVER_PATCH};
use rustix::fs::{Mode, OFlags, ResolveFlags};

use crate::error::{Error, Result};
use crate::spec::{LaunchSpec, Patching, Warning};
use crate::{command, cwd, environment, mounts, supervise};

/// Becomes the command; returns only if it can't, or with the status of a supervised one.
pub(crate) fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    let guest = mounts::resolve(spec, warn)?;
    let variables = environment::resolve(&guest, &spec.environment);
    let start = cwd::resolve(&guest, &spec.cwd, warn)?;
    let command = command::resolve(&guest, &start.guest, &spec.command, &variables, &spec.rootfs)?;

    let mut flags = mounts::flags(&guest).with(host_flags());
    if spec.verbosity >= 1 {
        flags = flags.with(Flags::VERBOSE);
        describe(spec, &guest, &command);
    }
    if spec.verbosity >= 2 {
        flags = flags.with(Flags::TRACE);
    }
    let inherited = process::Inherited::take();
    let image = image::Image::prepare(flags.has(Flags::NO_PROC))?;
    let plan = plan::encode(
        &guest,
        &command,
        &plan::Facts {
            flags: flags.with(Flags::LAUNCH).with(inherited.flags),
            mask: inherited.mask,
            patch_after: match spec.patching {
                Patching::Never => NEVER_PATCH,
                Patching::After(traps) => traps.get(),
            },
            cwd_mount: start.mount,
            shim_path: image.path(),
            release: spec.kernel_release.as_deref(),
        },
    );
    rustix::process::chdir(&start.host).map_err(|cause| Error::WorkingDirectory {
        path: crate::guest::shown(&start.guest),
        cause: cause.into(),
    })?;

    let become_command = || -> Error {
        let cause = image.execute(&command.argv, &variables, &plan);
        match cause.raw_os_error() {
            Some(libc::E2BIG) => Error::NotExecutable {
                command: crate::guest::shown(&command.name),
                why: "Argument list too long".to_owned(),
                hint: Some(
                    "arguments and environment together are more than the kernel takes (RLIMIT_STACK)".into(),
                ),
            },
            _ => Error::System { operation: "execute the shim".to_owned(), cause },
        }
    };
    if spec.kill_on_exit { supervise::run(become_command) } else { Err(become_command()) }
}

/// What this host lacks.
fn host_flags() -> Flags {
    let mut flags = Flags::default();
    let how = (OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    if rustix::fs::openat2(rustix::fs::CWD, c"/", how.0, how.1, how.2).is_err() {
        flags = flags.with(Flags::NO_OPENAT2);
    }
    if !Path::new("/proc/self/exe").exists() {
        flags = flags.with(Flags::NO_PROC);
    }
    flags
}

/// Says what is about to be done.
fn describe(spec: &LaunchSpec, guest: &crate::guest::Guest, command: &command::Command) {
    eprintln!("newroot: root '{}', engine trap", spec.rootfs.display());
    for mount in guest.mounts().iter().rev().skip(1) {
        eprintln!(
            "newroot: '{}' is the host's '{}'",
            crate::guest::shown(&mount.guest).display(),
            crate::guest::shown(&mount.host).display()
        );
    }
    eprintln!("newroot: running '{}'", crate::guest::shown(&command.exe).display());
}
