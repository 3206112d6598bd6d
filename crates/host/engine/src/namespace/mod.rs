//! The namespace engine: the kernel itself gives the command another root.
//!
//! The engine makes a private mount namespace in which every binding is a real mount, and calls
//! pivot_root(2). For an ordinary user it first makes a user namespace, in which the kernel permits
//! that. No cleanup is needed: the mounts vanish with the last process that sees them, however it
//! ends.

mod build;
mod host_root;
mod others;
pub(crate) mod raw;
mod read_only;
mod subordinate;
mod tree;
mod user;
mod view;

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags};
use rustix::thread::{CapabilitySet, UnshareFlags};

use self::build::Proc;
use self::user::Map;
use crate::accounts::{self, GuestUser};
use crate::error::{Error, Result};
use crate::guest::{Guest, shown};
use crate::identity::Numbers;
use crate::inside::{self, Start};
use crate::spec::{EngineChoice, FakeRoot, HardLinks, LaunchSpec, Namespace, Uname, UserMap, Warning};
use crate::{descriptors, identity, mounts, supervise};

/// Becomes the command. Returns only if it can't, or with the status of a supervised one.
pub(crate) fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    inside::refuse_trap_features(spec, "namespace")?;
    descriptors::close_all_but(&spec.isolation.keep_descriptors)?;
    let mut guest = mounts::resolve(spec, warn)?;
    let mut start =
        Start::find(spec, &guest, identity::resolve(&guest, &spec.identity, warn)?, "namespace", warn)?;
    let mut seen = GuestUser::of(&spec.identity, &start.identity);
    let map = if rustix::process::geteuid().is_root()
        && (spec.identity.is_callers() || identity::can_become_others())
    {
        None
    } else {
        refuse_bare_number(spec, &start.identity)?;
        let map = Map::choose(spec, &start.identity)?;
        start.identity = map.remaining(start.identity);
        seen = map.seen(&start.identity, seen);
        Some(map)
    };
    if spec.accounts {
        accounts::add(&mut guest, &seen);
    }
    // These warnings come after the checks: a refused launch prints only the refusal.
    leave_out_files(&mut guest, warn);
    let tree = tree::plan(&guest);
    if spec.verbosity >= 1 {
        inside::describe(spec, &guest, "namespace");
    }
    let own_processes = spec.isolation.namespaces.contains(&Namespace::Pid);
    let unshare_all = || -> Result<()> {
        if let Some(map) = &map {
            map.enter()?;
        }
        others::unshare(&spec.isolation)
    };
    let enter = |proc| -> Result<()> {
        unshare_mounts(map.is_some())?;
        build::enter(&tree, proc)
    };
    if !own_processes {
        return supervise::become_or_run(spec, spec.kill_on_exit, || {
            match unshare_all().and_then(|()| enter(Proc::Host)) {
                Ok(()) => inside::become_command(spec, &start, warn),
                Err(error) => error,
            }
        });
    }
    // A new PID namespace holds only children. The first child is its init, and the command is a
    // child of the init.
    unshare_all()?;
    start.parent = None;
    supervise::run(spec, || {
        let status = enter(Proc::New)
            .and_then(|()| supervise::run_as_init(|| inside::become_command(spec, &start, warn)));
        match status {
            Ok(status) => std::process::exit(i32::from(status)),
            Err(error) => error,
        }
    })
}

/// Refuses another identity where it would silently be less than was asked for. An ordinary user's
/// namespace can only show another number, which has no more rights than the user. The trap engine
/// emulates the rights of that identity.
fn refuse_bare_number(spec: &LaunchSpec, wanted: &Numbers) -> Result<()> {
    let is_meant = spec.engine == EngineChoice::Namespace && spec.fake_root != FakeRoot::Required;
    if is_meant || spec.isolation.user_map == UserMap::Root {
        return Ok(());
    }
    match wanted.clone().permitted(&spec.identity, "namespace") {
        Err(Error::OtherIdentity { who, .. }) => Err(Error::BareNumber { who }),
        other => other.map(drop),
    }
}

/// Returns whether the caller is root with the privilege that the engine needs, and asks for
/// nothing that the engine lacks. A container's root may be without the privilege, and inside a
/// chroot(2) there is no mount point for pivot_root(2).
pub(crate) fn suits_root(spec: &LaunchSpec) -> bool {
    let is_mount_point = || {
        rustix::fs::statx(rustix::fs::CWD, "/", AtFlags::empty(), StatxFlags::BASIC_STATS)
            .is_ok_and(|file| file.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
    };
    rustix::process::geteuid().is_root()
        && rustix::thread::capabilities(None)
            .is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
        && is_mount_point()
        && spec.uname == Uname::Hosts
        && spec.hard_links == HardLinks::OfTheHost
}

/// Returns whether the root lacks a mount point, so that one of its directories could only be shown
/// read-only. If this can't be found out, the launch itself reports the reason.
pub(crate) fn needs_views(spec: &LaunchSpec) -> bool {
    mounts::resolve(spec, &mut |_| {}).is_ok_and(|mut guest| {
        leave_out_files(&mut guest, &mut |_| {});
        tree::plan(&guest).has_views()
    })
}

/// Leaves out the recommended files for which a directory would have to be read-only. A root with a
/// writable /etc is of more use than one with the host's /etc/hosts.
fn leave_out_files(guest: &mut Guest, warn: &mut dyn FnMut(Warning)) {
    let files = tree::dispensable(guest);
    if !files.is_empty() {
        guest.remove(&files);
        warn(Warning::PlacesMissing { guests: files.iter().map(|guest| shown(guest)).collect() });
    }
}

fn unshare_mounts(in_user_namespace: bool) -> Result<()> {
    raw::unshare(UnshareFlags::NEWNS).map_err(|cause| {
        if in_user_namespace {
            user::denied("create a mount namespace", &cause)
        } else {
            Error::Unsupported {
                engine: "namespace",
                why: format!("cannot create a mount namespace: {}", crate::spec::reason(&cause)),
                hint: Some(
                    "root of this container lacks CAP_SYS_ADMIN; `--engine trap` needs none".to_owned(),
                ),
            }
        }
    })
}
