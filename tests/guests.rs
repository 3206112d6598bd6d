//! Every guest program, natively first and then on each engine: same facts, same files.
//!
//! The programs are found in `tests/guests`; the README there tells how to add one.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use newroot_testkit::{Bed, Engine, Facts, Guest, Linkage, difference, discover, skip, skipped};

/// The engines that have to agree with the kernel, each also without what it only uses
/// because it is quick.
const ENGINES: [Engine; 13] = [
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
    CHROOT,
    OWN_LINKS,
    Engine {
        name: "trap_own_links_patched",
        options: &["--engine=trap", "--patch-after=1", "--link2symlink"],
        ..OWN_LINKS
    },
    FAKE_ROOT,
    Engine {
        name: "fake_root_own_links",
        options: &["--engine=trap", "--patch-after=1", "--root", "--link2symlink"],
        own_links: true,
        denied: OWN_LINKS.denied,
        differences: OWN_LINKS.differences,
        ..FAKE_ROOT
    },
    Engine {
        name: "fake_root_patched",
        options: &["--engine=trap", "--patch-after=1", "--root"],
        area: Some(ROOTS_AREA),
        ..FAKE_ROOT
    },
];

/// Root has no user namespace to differ by.
const CHROOT: Engine = Engine {
    name: "chroot",
    options: &["--engine=chroot"],
    by_root: true,
    differences: "chroot.differs",
    ..Engine::NAMESPACE
};

/// Hard links where the host refuses them.
const OWN_LINKS: Engine = Engine {
    name: "trap_own_links",
    options: &["--engine=trap", "--no-patch", "--link2symlink"],
    own_links: true,
    denied: &["link=EPERM", "linkat=EPERM"],
    differences: "own_links.differs",
    ..Engine::TRAP
};

/// Compared with real root.
const FAKE_ROOT: Engine = Engine {
    name: "fake_root",
    options: &["--engine=trap", "--no-patch", "--root"],
    fake_root: true,
    area: None,
    differences: "fake_root.differs",
    ..Engine::TRAP
};

/// What real root and fake root alone are asked about.
const ROOTS_AREA: &str = "owner";
/// What both are asked about besides: areas where real root does no harm to the machine.
const ROOTS_TOO: [&str; 9] =
    ["bindings", "exec", "fs", "library", "limits", "lookup", "sockets", "spawn", "threads"];
/// Where the host's own links alone will do: within bindings nothing is kept, and what never had a name can get none.
const NOT_WITH_OWN_LINKS: [&str; 5] = [
    "bindings::crossing_is_another_device",
    "limits::no_descriptor_at_all",
    "lookup::names_of_255_bytes",
    "lookup::unnamed_temporary_files",
    "owner::unnamed_files_get_names",
];
/// Two leave no root to look at; real root isn't held to the other's limit.
const NOT_BY_ROOT: [&str; 3] = ["fs::only_root_may", "bindings::onto_a_link", "limits::no_more_processes"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let bed = Arc::new(newroot_testkit::bed!());
    let mut trials = Vec::new();
    for guest in discover(&folder) {
        let guest = Arc::new(guest);
        for &linkage in &guest.linkages {
            trials.push(trial(("native", false), &bed, &guest, linkage, repeats));
            for engine in ENGINES.into_iter().filter(|engine| is_tried(engine, &guest)) {
                let kind = (engine.name, engine.by_root || engine.fake_root);
                trials.push(trial(kind, &bed, &guest, linkage, move |bed, guest, linkage| {
                    on_engine(bed, guest, linkage, engine)
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if skipped() > 0 {
        println!("{} skipped", skipped());
    }
    conclusion.exit_code()
}

/// Whether an engine has anything to do with a guest.
fn is_tried(engine: &Engine, guest: &Guest) -> bool {
    if !engine.area.is_none_or(|area| guest.is_in(area)) {
        return false;
    }
    if engine.own_links && NOT_WITH_OWN_LINKS.contains(&&*guest.name) {
        return false;
    }
    if guest.is_in(ROOTS_AREA) {
        return engine.fake_root;
    }
    let by_root = ROOTS_TOO.iter().any(|area| guest.is_in(area)) && !NOT_BY_ROOT.contains(&&*guest.name);
    !engine.fake_root || by_root
}

/// One named test: `trap::fs::rename_onto_mount_point`, with `@musl` or the like behind it
/// for a second linkage. `by_root` tells that only root can start it.
fn trial(
    (kind, by_root): (&str, bool),
    bed: &Arc<Bed>,
    guest: &Arc<Guest>,
    linkage: Linkage,
    check: impl FnOnce(&Bed, &Guest, Linkage) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let suffix = match linkage {
        Linkage::Static => "",
        Linkage::Dynamic => "@dynamic",
        Linkage::Musl => "@musl",
    };
    let name = format!("{kind}::{}{suffix}", guest.name);
    let (bed, guest) = (Arc::clone(bed), Arc::clone(guest));
    Trial::test(name.clone(), move || match bed.lacks(&guest, linkage, by_root) {
        Some(reason) => {
            skip(&name, reason);
            Ok(())
        }
        None => check(&bed, &guest, linkage),
    })
}

/// A program is of use only if the kernel lets it come to its end, twice with the same facts.
fn repeats(bed: &Bed, guest: &Guest, linkage: Linkage) -> Result<(), Failed> {
    let facts = bed.native(guest, linkage);
    if facts.timed_out {
        return Err(format!("it doesn't end:\n{}", facts.printed).into());
    }
    agree(&facts, &bed.native(guest, linkage))
}

fn on_engine(bed: &Bed, guest: &Guest, linkage: Linkage, engine: Engine) -> Result<(), Failed> {
    let mut expected =
        if engine.fake_root { bed.native_root(guest, linkage) } else { bed.native(guest, linkage) };
    // What the trap engine does otherwise for everybody, it does for root too, and with links of its own.
    let of_root = engine.fake_root.then_some(FAKE_ROOT.differences);
    let of_trap = (engine.fake_root || engine.own_links).then_some(Engine::TRAP.differences);
    let mut endings = [Some(engine.differences), of_root, of_trap].into_iter().flatten();
    let differs = endings.find_map(|ending| guest.expected_difference(ending));
    if let Some(printed) = differs {
        expected.printed = printed;
    }
    agree(&expected, &bed.on_engine(guest, linkage, engine))
}

/// Both are the same, or the test fails with what differs.
fn agree(expected: &Facts, seen: &Facts) -> Result<(), Failed> {
    match difference(&expected.text(), &seen.text()) {
        None => Ok(()),
        Some(difference) => Err(format!("- the kernel  + seen\n{difference}").into()),
    }
}
