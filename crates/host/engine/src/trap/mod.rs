//! The trap engine's launcher, from the specification to the first exec of the shim.

mod account_files;
mod fake_root;
mod hidden;
mod hints;
mod image;
mod links;
mod locked_file;
mod plan;
mod process;
mod scratch;

use std::path::Path;

use newroot_abi::plan::{Flags, NEVER_PATCH};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

use crate::confine::{self, Allowed};
use crate::error::{Error, Result};
use crate::guest::{Guest, shown};
use crate::identity::Numbers;
use crate::real_path::open_real;
use crate::spec::{FakeRoot, LaunchSpec, Patching, UserMap, Warning, WorkingDirectory};
use crate::{accounts, command, cwd, environment, identity, inside, mounts, supervise};

/// Becomes the command. Returns only if it can't, or with the status of a supervised one.
pub(crate) fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    refuse_kernel_features(spec)?;
    let mut guest = mounts::resolve(spec, warn)?;
    let wanted = identity::resolve(&guest, &spec.identity, warn)?;
    let user = wanted.uid;
    let seen = accounts::GuestUser::of(&spec.identity, &wanted);
    let (identity, fake) = choose_identity(spec, &mut guest, wanted, warn)?;
    let changes_user = identity.uid.is_some_and(|uid| uid != rustix::process::geteuid().as_raw());
    if changes_user && !spec.fresh.is_empty() {
        return Err(Error::OtherEngine {
            engine: "trap",
            why: "its fresh directories belong to root, and are closed to another user".to_owned(),
            hint: "`--engine namespace` mounts one".to_owned(),
        });
    }
    let scratch = scratch::provide(&mut guest, fake.as_ref())?;
    // Files that root keeps for itself are closed to another user.
    if spec.accounts && !changes_user {
        accounts::add(&mut guest, &seen);
        account_files::provide(&mut guest, &seen);
    }
    let links = links::prepare(&mut guest, spec.hard_links, warn)?;
    hidden::hide_leftover_store(&mut guest);
    mounts::provide_mount_points(&mut guest)?;
    if fake.is_none() {
        hidden::name_for_nested_newroots(&mut guest);
    }
    let start = cwd::resolve(&guest, &spec.cwd, warn)?;
    let variables = environment::resolve(
        &guest,
        &spec.environment,
        spec.identity.user.is_none(),
        user.unwrap_or_else(|| rustix::process::geteuid().as_raw()),
        (spec.cwd != WorkingDirectory::Leave).then_some(&start.guest),
    );
    let command = command::resolve(&guest, &start.guest, &spec.command, &variables, &spec.rootfs)?;

    let mut flags = mounts::flags(&guest).with(host_flags());
    if fake.is_some() {
        flags = flags.with(Flags::FAKE_ROOT);
    }
    if links.is_some() {
        flags = flags.with(Flags::LINKS);
    }
    if spec.verbosity >= 1 {
        flags = flags.with(Flags::VERBOSE);
        describe(spec, &guest, &command);
    }
    if spec.verbosity >= 2 {
        flags = flags.with(Flags::TRACE);
    }
    let inherited = process::Inherited::take();
    let image = image::Image::prepare(flags.has(Flags::NO_PROC), plan::table(&guest).as_deref())?;
    let root = shown(guest.root());
    let links_in_root = hints::links_in(&root);
    let plan = |shim_path: Option<&Path>, mounts| {
        let facts = plan::Facts {
            flags: flags.with(Flags::LAUNCH).with(inherited.flags),
            mask: inherited.mask,
            patch_after: match spec.patching {
                Patching::Never => NEVER_PATCH,
                Patching::After(traps) => traps.get(),
            },
            cwd_mount: start.mount,
            shim_path,
            uname: &spec.uname,
            session_file: fake.as_ref().map(fake_root::Prepared::file),
            links: links.as_deref(),
            links_in_root: &links_in_root,
        };
        plan::encode(&guest, &command, &facts, mounts)
    };
    open_real(CWD, &start.host, OFlags::PATH | OFlags::DIRECTORY)
        .and_then(|directory| Ok(rustix::process::fchdir(directory)?))
        .map_err(|cause| Error::WorkingDirectory { path: shown(&start.guest), cause })?;

    let supervised = spec.kill_on_exit || scratch.is_some();
    let guardian = inside::guardian(spec, supervised);
    let confinement = spec.isolation.confinement;
    let become_command = || -> Error {
        if let Err(error) = identity.adopt() {
            return error;
        }
        if let Some(Err(error)) = fake.as_ref().map(fake_root::Prepared::adopt) {
            return error;
        }
        supervise::die_with(guardian);
        if let Some(mask) = spec.umask {
            rustix::process::umask(Mode::from_raw_mode(mask));
        }
        let stores = fake.iter().flat_map(fake_root::Prepared::outside).map(Allowed::store);
        let allowed =
            Allowed::mounts_of(&guest).into_iter().chain(image.path().map(Allowed::program)).chain(stores);
        if let Err(error) = confine::apply(confinement, &allowed.collect::<Vec<_>>(), "trap", warn) {
            return error;
        }
        let cause = image.execute(&command.argv, &variables, plan);
        match cause.raw_os_error() {
            Some(libc::E2BIG) => command::too_long(&command.name),
            _ => Error::System { operation: "execute the shim".to_owned(), cause },
        }
    };
    supervise::become_or_run(spec, supervised, become_command)
}

/// Returns the identity to take, and for an ordinary user who wants another identity, the emulated
/// one.
fn choose_identity(
    spec: &LaunchSpec,
    guest: &mut Guest,
    wanted: Numbers,
    warn: &mut dyn FnMut(Warning),
) -> Result<(Numbers, Option<fake_root::Prepared>)> {
    match wanted.clone().permitted(&spec.identity, "trap") {
        Err(Error::OtherIdentity { .. }) if spec.fake_root != FakeRoot::Off => {
            let fake = fake_root::prepare(spec, guest, &wanted, warn)?;
            Ok((Numbers::default(), Some(fake)))
        }
        real => Ok((real?, None)),
    }
}

/// Returns whether the kernel knows seccomp filters at all. The shim finds out whether a process
/// may install them.
pub(crate) fn has_filters() -> bool {
    process::knows_seccomp()
}

/// Name of a mount option in mountinfo. A match elsewhere in the text does no harm.
const NOSYMFOLLOW: &[u8] = b"nosymfollow";

/// Returns flags for the features that this host lacks and the links that it refuses to follow.
fn host_flags() -> Flags {
    let mut flags = Flags::default();
    let how = (OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_SYMLINKS);
    if rustix::fs::openat2(CWD, c"/", how.0, how.1, how.2).is_err() {
        flags = flags.with(Flags::NO_OPENAT2);
    }
    if !Path::new("/proc/self/exe").exists() {
        flags = flags.with(Flags::NO_PROC);
    }
    if !matches!(std::fs::read("/proc/sys/fs/protected_symlinks").as_deref(), Ok(b"0\n")) {
        flags = flags.with(Flags::PROTECTED_LINKS);
    }
    let mounts = std::fs::read("/proc/self/mountinfo").unwrap_or_default();
    if mounts.windows(NOSYMFOLLOW.len()).any(|text| text == NOSYMFOLLOW) {
        flags = flags.with(Flags::NOSYMFOLLOW);
    }
    flags
}

/// Prints what newroot is about to do.
fn describe(spec: &LaunchSpec, guest: &crate::guest::Guest, command: &command::Command) {
    inside::describe(spec, guest, "trap");
    eprintln!("newroot: running '{}'", crate::guest::shown(&command.exe).display());
}

/// Refuses features that only the kernel engines have.
fn refuse_kernel_features(spec: &LaunchSpec) -> Result<()> {
    let isolation = &spec.isolation;
    let what = if !isolation.namespaces.is_empty() || isolation.hostname.is_some() {
        "it makes no namespaces"
    } else if isolation.user_map != UserMap::Caller {
        "it maps no users"
    } else if !isolation.drop_capabilities.is_empty() || !isolation.add_capabilities.is_empty() {
        "it leaves capabilities alone"
    } else {
        return Ok(());
    };
    Err(Error::OtherEngine {
        engine: "trap",
        why: what.to_owned(),
        hint: "`--engine namespace` does".to_owned(),
    })
}
