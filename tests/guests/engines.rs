//! Every guest program, natively first and then on each engine: same facts, same files.

use std::sync::Arc;

use libtest_mimic::{Failed, Trial};
use newroot_testkit::{Bed, Engine, Guest, Linkage, ROOTS_AREA};

use crate::trial::trial;

/// The engines that must agree with the kernel, each also without its optimizations.
const ENGINES: [Engine; 15] = [
    Engine::TRAP,
    // Every call site is patched as soon as it has trapped once.
    Engine { name: "trap_patched", options: &["--engine=trap", "--patch-after=1"], ..Engine::TRAP },
    Engine {
        name: "trap_without_openat2",
        options: &["--engine=trap", "--patch-after=1"],
        denied: &["openat2=ENOSYS"],
        ..Engine::TRAP
    },
    Engine { name: "trap_confined", options: &["--engine=trap", "--confine=strict"], ..Engine::TRAP },
    Engine::NAMESPACE,
    Engine {
        name: "namespace_confined",
        options: &["--engine=namespace", "--confine=strict"],
        ..Engine::NAMESPACE
    },
    Engine {
        name: "namespace_without_mount_setattr",
        denied: &["mount_setattr=ENOSYS"],
        area: Some("bindings"),
        ..Engine::NAMESPACE
    },
    Engine::CHROOT,
    Engine::OWN_LINKS,
    Engine {
        name: "trap_own_links_patched",
        options: &["--engine=trap", "--patch-after=1", "--link2symlink"],
        ..Engine::OWN_LINKS
    },
    Engine::FAKE_ROOT,
    Engine {
        name: "fake_root_own_links",
        options: &["--engine=trap", "--patch-after=1", "--root", "--link2symlink"],
        fake_root: true,
        ..Engine::OWN_LINKS
    },
    Engine {
        name: "fake_root_patched",
        options: &["--engine=trap", "--patch-after=1", "--root"],
        area: Some(ROOTS_AREA),
        ..Engine::FAKE_ROOT
    },
    // Within a session without fake root.
    Engine {
        name: "fake_root_nested",
        outer: &["--engine=trap", "--no-patch"],
        area: Some(ROOTS_AREA),
        ..Engine::FAKE_ROOT
    },
    Engine {
        name: "trap_own_links_nested",
        outer: &["--engine=trap", "--no-patch"],
        area: Some("fs"),
        ..Engine::OWN_LINKS
    },
];

/// Returns the tests of all guest programs on all engines.
pub(crate) fn trials(bed: &Arc<Bed>, guests: &[Arc<Guest>]) -> Vec<Trial> {
    let mut trials = Vec::new();
    for guest in guests {
        for &linkage in &guest.linkages {
            trials.push(trial(("native", None), bed, guest, linkage, repeats));
            for engine in ENGINES.into_iter().filter(|engine| engine.is_tried(guest)) {
                let kind = (engine.name, Some(engine));
                trials.push(trial(kind, bed, guest, linkage, move |bed, guest, linkage| {
                    Ok(bed.check(guest, linkage, engine)?)
                }));
            }
        }
    }
    trials
}

/// Checks that a program is usable: the kernel lets it run to its end, twice with the same facts.
fn repeats(bed: &Bed, guest: &Guest, linkage: Linkage) -> Result<(), Failed> {
    let facts = bed.native(guest, linkage);
    if facts.timed_out {
        return Err(format!("it doesn't end:\n{}", facts.printed).into());
    }
    Ok(facts.agree(&bed.native(guest, linkage))?)
}
